"""What is in the trash of the fleet's hosts, or was left behind by moves, since when, and until when it comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler.core.deciding import Planned
from reconciler.core.model import names
from reconciler.core.policies import endings
from reconciler.fleet.desired import Desired
from reconciler.reports.plain import report
from reconciler.reports.tables import NOTHING, Column, Table, table


@dataclass(frozen=True, slots=True)
class TrashRow:
    """One database in the trash: under which name it was in service, since when it is there, and when it may be dropped.

    `remark` is what of `what` the other columns do not say.
    """

    server: str
    database: str
    was: str
    since: datetime
    dropped_after: datetime
    what: str
    remark: str


@dataclass(frozen=True, slots=True)
class Trash:
    """All of it, as of one moment, the first to be dropped first; `unseen` says by server why nothing is known of it."""

    fleet: str
    at: datetime
    rows: tuple[TrashRow, ...]
    unseen: Mapping[str, str]


def trash(desired: Desired, seen: Planned, now: datetime, server: str = "") -> Trash:
    """Put the rows together.

    Args:
        desired: the fleet.
        seen: a pass over all of it.
        now: when it was made.
        server: the one server that is meant; empty for all.
    """
    said = {(each.server, each.database): (each.what, each.remark) for each in seen.changeset.left_alone}
    for action in seen.changeset.actions:
        planned = f"{action.verb} is planned"
        said[action.server, action.database] = (planned, planned)
    rows = []
    for code, host in seen.observed.hosts.items():
        for name in host.databases if server in ("", code) else ():
            if name.state in names.KEPT and name.since is not None:
                row = (name.text, name.target, name.since, endings.dropped_at(name, desired))
                rows.append(TrashRow(code, *row, *said.get((code, name.text), ("", ""))))
    unseen = seen.observed.unseen(code for code in desired.servers if server in ("", code))
    return Trash(desired.settings.code, now, tuple(sorted(rows, key=lambda r: (r.dropped_after, r.server))), unseen)


def trash_table(found: Trash) -> Table:
    """Return the rows as a table of text."""
    columns: tuple[Column[TrashRow], ...] = (
        Column("SERVER", lambda r: r.server),
        Column("DATABASE", lambda r: r.database),
        Column("WAS", lambda r: r.was),
        Column("DROPPED AFTER (UTC)", lambda r: f"{r.dropped_after:%Y-%m-%d %H:%M}"),
        Column("WHAT", lambda r: r.remark or NOTHING, shrinks=True),
    )
    return table("Trash", columns, found.rows, (f"{code}: {why}" for code, why in found.unseen.items()))


def trash_document(found: Trash) -> dict[str, Any]:
    """Return the rows as JSON's plain types."""
    return report(found.fleet, found.at, trash=found.rows, unseen=found.unseen)
