"""Who is behind the code of its host, by what, whose policy is what, and what each waits for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler.core.deciding import Planned
from reconciler.core.model.actions import Action
from reconciler.core.model.changesets import Blocked
from reconciler.core.model.selection import EVERYTHING, Selection
from reconciler.core.model.verbs import UPGRADE
from reconciler.core.policies import upgrades
from reconciler.core.policies.upgrades import Key, ModulesState
from reconciler.fleet.desired import Desired
from reconciler.reports.plain import report
from reconciler.reports.tables import NOTHING, Column, Table, table
from schemas.instance import Instance
from schemas.template import Template

_NOTHING_DONE = "nothing is done: `upgrade: hold`"


@dataclass(frozen=True, slots=True)
class UpgradeRow:
    """One database that is behind, broken, or whose upgrade has not succeeded.

    `wave` is 0 for a template and for who is in none; `what` says what happens next.
    """

    server: str
    kind: str
    code: str
    upgrade: str
    wave: int
    behind: tuple[str, ...]
    broken: str
    failed: str
    what: str


@dataclass(frozen=True, slots=True)
class Upgrades:
    """All of them as of one moment; `current` counts the other databases of which anything is known."""

    fleet: str
    at: datetime
    waves: int
    rows: tuple[UpgradeRow, ...]


def upgrade_rows(desired: Desired, seen: Planned, now: datetime, selection: Selection = EVERYTHING) -> Upgrades:
    """Put the rows together.

    Args:
        desired: the fleet.
        seen: a pass over all of it.
        now: when it was made.
        selection: whose rows are wanted.
    """
    rows = tuple(
        sorted(_rows(desired, seen, selection), key=lambda r: (r.server, r.kind != "template", r.wave, r.code))
    )
    return Upgrades(desired.settings.code, now, len(seen.course.waves), rows)


def _rows(desired: Desired, seen: Planned, selection: Selection) -> Iterator[UpgradeRow]:
    planned = {_key(a): "upgraded by the next apply" for a in seen.changeset.actions if a.verb is UPGRADE}
    for withheld in seen.changeset.withheld:
        if withheld.action.verb is UPGRADE:
            planned[_key(withheld.action)] = withheld.why
    blocked = {(b.kind, b.code): b for b in seen.changeset.blocked}
    for key, standing in seen.standings.items():
        kind, code, server = key
        document = desired.documents[kind].get(code)
        if standing.is_current or not isinstance(document, (Instance, Template)) or not selection.includes(document):
            continue
        wave = seen.course.wave_of(code) if kind == "instance" else None
        yield UpgradeRow(
            server,
            kind,
            code,
            upgrades.policy(desired, document),
            wave or 0,
            tuple(map(str, standing.behind)),
            standing.broken,
            standing.failed,
            planned[key].removeprefix(upgrades.broken_in_words(standing))
            if key in planned
            else _not_planned(desired, document, standing, blocked.get(key[:2])),
        )


def _key(action: Action) -> Key:
    return action.kind, action.code, action.server


def _not_planned(
    desired: Desired, document: Instance | Template, standing: ModulesState, blocked: Blocked | None
) -> str:
    """Say why nothing is planned."""
    if blocked is not None:
        return blocked.advice if standing.broken else f"blocked: {blocked.why}"
    return _NOTHING_DONE if upgrades.policy(desired, document) == "hold" else "it is looked into first"


def upgrades_table(found: Upgrades) -> Table:
    """Return the rows as a table of text."""
    columns: tuple[Column[UpgradeRow], ...] = (
        Column("SERVER", lambda r: r.server),
        Column("DOCUMENT", lambda r: f"{r.kind}/{r.code}"),
        Column("UPGRADE", lambda r: r.upgrade),
        Column("WAVE", lambda r: f"{r.wave}/{found.waves}" if r.wave else NOTHING),
        Column("BEHIND", lambda r: ", ".join(r.behind) or NOTHING, shrinks=True),
        Column("WORKS", lambda r: f"no: {r.broken}" if r.broken else "yes", shrinks=True),
        Column("WHAT", lambda r: r.what, shrinks=True),
    )
    notes = () if found.rows else ("Nothing is known to be behind the code of its host.",)
    return table("Upgrades", columns, found.rows, notes)


def upgrades_document(found: Upgrades) -> dict[str, Any]:
    """Return the rows as JSON's plain types."""
    return report(found.fleet, found.at, waves=found.waves, upgrades=found.rows)
