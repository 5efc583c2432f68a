"""Happenings for machines, in plain types."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from reconciler.notices.records import OutcomeRecord
from reconciler.reports.happenings import Happening
from reconciler.reports.plain import report


def happening_document(happening: Happening) -> dict[str, Any]:
    """Return one happening; every one has the same fields, and `action` is null for a notice."""
    deed = happening.deed
    return {
        "at": happening.at.isoformat(timespec="milliseconds"),
        "name": happening.name,
        "level": str(happening.level),
        "kind": happening.kind,
        "code": happening.code,
        "server": happening.server,
        "revision": happening.revision or None,
        "fields": list(happening.fields),
        "detail": happening.detail,
        "action": None if deed is None else _action(deed),
    }


def _action(deed: OutcomeRecord) -> dict[str, Any]:
    return {
        "id": deed.action_id,
        "pass_id": deed.pass_id,
        "verb": deed.verb,
        "database": deed.database,
        "becomes": deed.becomes,
        "reason": deed.reason,
        "result": deed.result,
        "seconds": round(deed.seconds, 3),
        "command": deed.command,
        "changes": [dict(zip(("field", "observed", "desired"), change, strict=True)) for change in deed.changes],
        "ran_by": deed.ran_by,
    }


def history_document(
    fleet: str, address: str, where: str, since: datetime | None, happenings: Iterable[Happening]
) -> dict[str, Any]:
    """Return the history of a document, newest first.

    Args:
        fleet: the fleet's code.
        address: what it is the history of: `instance/acme`.
        where: the store that was read.
        since: how far back was asked for; None for all that is kept.
        happenings: oldest first.
    """
    history = [happening_document(each) for each in reversed(tuple(happenings))]
    return report(fleet, of=address, store=where, since=since, history=history)
