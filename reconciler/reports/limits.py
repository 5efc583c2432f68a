"""What instances use of what their plans include, as it was measured last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler.core.model.inventory import Inventory
from reconciler.core.model.selection import EVERYTHING, Selection
from reconciler.core.policies import usage
from reconciler.core.policies.usage import UsageStanding
from reconciler.fleet.desired import Desired
from reconciler.reports.backups import size
from reconciler.reports.plain import report
from reconciler.reports.tables import NOTHING, Column, Table, table


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One instance whose plan has a limit."""

    code: str
    name: str
    plan: str
    standing: UsageStanding


def limit_rows(desired: Desired, inventory: Inventory, selection: Selection = EVERYTHING) -> tuple[LimitRow, ...]:
    """Return a row for each instance that is not absent and whose plan has a limit, those first that use most of it."""
    found = [
        LimitRow(i.code, i.name, i.plan, at)
        for i in desired.instances.values()
        if i.state != "absent" and selection.includes(i) and (at := usage.standing(desired, inventory, i)) is not None
    ]
    return tuple(sorted(found, key=lambda row: (-(row.standing.percent or 0), row.code)))


def limits_table(rows: tuple[LimitRow, ...], now: datetime) -> Table:
    """Return the rows as a table of text."""
    columns: tuple[Column[LimitRow], ...] = (
        Column("INSTANCE", lambda r: r.code),
        Column("PLAN", lambda r: r.plan),
        Column("USERS", lambda r: _users(r.standing)),
        Column("STORAGE", lambda r: _storage(r.standing)),
        Column("USED", lambda r: f"{r.standing.percent} %" if r.standing.usage else NOTHING),
        Column("MEASURED", lambda r: f"{r.standing.usage.at:%Y-%m-%d %H:%M}" if r.standing.usage else "not yet"),
        Column("THEN", lambda r: _then(r.standing, now)),
    )
    return table("Limits", columns, rows)


def _users(found: UsageStanding) -> str:
    used = str(found.usage.users) if found.usage else "?"
    return f"{used} of {found.max_users}" if found.max_users else used


def _storage(found: UsageStanding) -> str:
    used = size(found.usage.bytes) if found.usage else "?"
    return f"{used} of {size(found.max_bytes)}" if found.max_bytes else used


def _then(found: UsageStanding, now: datetime) -> str:
    if found.usage is None or found.acts_at is None:
        return NOTHING
    return f"suspended {'since' if found.acts_at <= now else 'on'} {found.acts_at:%Y-%m-%d}"


def limits_document(desired: Desired, rows: tuple[LimitRow, ...], now: datetime) -> dict[str, Any]:
    """Return the rows as JSON's plain types."""
    return report(desired.settings.code, now, limits=[_fields(row) for row in rows])


def _fields(row: LimitRow) -> dict[str, Any]:
    found, used = row.standing, row.standing.usage
    return {
        "code": row.code,
        "name": row.name,
        "plan": row.plan,
        "users": used.users if used else None,
        "max_users": found.max_users,
        "bytes": used.bytes if used else None,
        "max_bytes": found.max_bytes,
        "percent": found.percent,
        "measured_at": used.at if used else None,
        "over_since": used.over_since if used else None,
        "suspended_at": found.acts_at,
    }
