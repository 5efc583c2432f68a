"""Whose subscription stands where: what ends when, and what that does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler.core.model.selection import EVERYTHING, Selection
from reconciler.core.policies.subscriptions import State, SubscriptionState, standing
from reconciler.fleet.desired import Desired
from reconciler.reports.plain import plain, report
from reconciler.reports.tables import Column, Table, table


@dataclass(frozen=True, slots=True)
class SubscriptionRow:
    """The subscription of one instance, as of one moment."""

    code: str
    name: str
    plan: str
    standing: SubscriptionState


def subscription_rows(
    desired: Desired, now: datetime, selection: Selection = EVERYTHING
) -> tuple[SubscriptionRow, ...]:
    """Return a row for each instance that has a subscription and is not absent, those first that end first."""
    found = [
        SubscriptionRow(i.code, i.name, i.plan, at)
        for i in desired.instances.values()
        if i.state != "absent" and selection.includes(i) and (at := standing(desired, i, now)) is not None
    ]
    return tuple(sorted(found, key=lambda row: (row.standing.over is None, str(row.standing.over), row.code)))


def subscriptions_table(rows: tuple[SubscriptionRow, ...]) -> Table:
    """Return the rows as a table of text."""
    columns: tuple[Column[SubscriptionRow], ...] = (
        Column("INSTANCE", lambda r: r.code),
        Column("PLAN", lambda r: r.plan),
        Column("STATE", lambda r: r.standing.state),
        Column("SINCE", lambda r: str(r.standing.start)),
        Column("UNTIL", lambda r: str(r.standing.end or "")),
        Column("THEN", lambda r: _then(r.standing)),
    )
    return table("Subscriptions", columns, rows)


def _then(found: SubscriptionState) -> str:
    if found.renews:
        return "renews itself" if found.end else "goes on"
    if found.over is None:
        return "goes on"
    if not found.suspends:
        return "nothing (on_expiry: warn)"
    return f"suspended {'since' if found.state is State.EXPIRED else 'on'} {found.over}"


def subscriptions_document(desired: Desired, rows: tuple[SubscriptionRow, ...], now: datetime) -> dict[str, Any]:
    """Return the rows as JSON's plain types; days as year-month-day."""
    told = [{"code": r.code, "name": r.name, "plan": r.plan, **plain(r.standing)} for r in rows]
    return report(desired.settings.code, now, subscriptions=told)
