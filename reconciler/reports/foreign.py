"""Databases of others on the fleet's hosts, with what their names tell: nothing here was logged in to.

What a document declares and nothing proves to be this fleet's is listed beside them, so that it is not taken for ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler.core.deciding import Planned
from reconciler.core.diffs.fleet_diffs import foreign_databases
from reconciler.core.model.names import NameState
from reconciler.fleet.counting import count
from reconciler.fleet.desired import Desired
from reconciler.reports.plain import report
from reconciler.reports.status import InstanceRow, InSync, Status, TemplateRow
from reconciler.reports.tables import NOTHING, Column, Table, table
from schemas.server import Server

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
"""What can be the first label of a public name, by which a host picks the database."""


@dataclass(frozen=True, slots=True)
class ForeignRow:
    """One database that is not this fleet's, or not proven to be. `url` is where its name lets it be reached, if anywhere."""

    server: str
    database: str
    url: str
    what: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """What is foreign on some servers, as of one moment; `unseen` says by server why nothing is known of it."""

    fleet: str
    at: datetime
    rows: tuple[ForeignRow, ...]
    unseen: Mapping[str, str]


def foreign(desired: Desired, seen: Planned, found: Status, server: str = "") -> Foreign:
    """Put the rows together.

    Args:
        desired: the fleet.
        seen: a pass over all of it.
        found: the rows of its documents, which tell those that are not proven ours.
        server: the one server that is meant; empty for all.
    """
    rows = [*_of_others(desired, seen, found.at), *_unproven(found.instances), *_unproven_templates(found.templates)]
    unseen = seen.observed.unseen(code for code in desired.servers if server in ("", code))
    kept = sorted((r for r in rows if server in ("", r.server)), key=lambda r: (r.server, r.database))
    return Foreign(desired.settings.code, found.at, tuple(kept), unseen)


def _of_others(desired: Desired, seen: Planned, now: datetime) -> Iterator[ForeignRow]:
    for server, name in foreign_databases(desired, seen.observed, seen.inventory, now):
        elsewhere = sorted(place for place in desired.names.places.get(name.target, ()) if place)
        what = "no document names it"
        if name.state is NameState.UNKNOWN:
            what = "no name that this tool gives"
        elif elsewhere:
            what = f"a document declares this name on {', '.join(elsewhere)}"
        yield ForeignRow(server, name.text, _address(desired.servers[server], name.text), what)


def _address(server: Server, name: str) -> str:
    """Say where a name is reached if the host picks databases by the subdomain; empty where it is none."""
    return server.public_address(name) if _LABEL.fullmatch(name) else ""


def _unproven(instances: Sequence[InstanceRow]) -> Iterator[ForeignRow]:
    for row in instances:
        if row.server and row.in_sync is InSync.NOT_OURS:
            yield ForeignRow(row.server, row.database, row.url or "", f"instance/{row.code} declares it: not ours")
        elif row.server and row.in_sync is InSync.NEVER_SEEN:
            yield ForeignRow(row.server, row.database, row.url or "", f"instance/{row.code} declares it: unproven")


def _unproven_templates(templates: Sequence[TemplateRow]) -> Iterator[ForeignRow]:
    for row in templates:
        for place in row.places:
            if place.is_unproven:
                yield ForeignRow(place.server, row.template_db, "", f"template/{row.code} declares it: unproven")


def foreign_table(found: Foreign) -> Table:
    """Return the rows as a table of text."""
    columns: tuple[Column[ForeignRow], ...] = (
        Column("SERVER", lambda r: r.server),
        Column("DATABASE", lambda r: r.database, shrinks=True),
        Column("URL", lambda r: r.url.removeprefix("https://") or NOTHING, shrinks=True),
        Column("WHAT IT IS", lambda r: r.what),
    )
    notes = [f"{code}: {why}" for code, why in found.unseen.items()]
    if unproven := sum(r.what.endswith(": unproven") for r in found.rows):
        notes.append(
            f"{count(unproven, 'database')} unproven: `odoo-fleet status foreign --refresh` looks whose they are."
        )
    return table("Foreign databases", columns, found.rows, notes)


def foreign_document(found: Foreign) -> dict[str, Any]:
    """Return the rows as JSON's plain types."""
    return report(found.fleet, found.at, foreign=found.rows, unseen=found.unseen)
