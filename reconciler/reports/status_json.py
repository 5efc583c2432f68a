"""A status for machines (format 1), in plain types that JSON and YAML both write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from enum import Enum
from typing import Any

from reconciler.core.model.pauses import Pause
from reconciler.reports.plan_json import known_document
from reconciler.reports.status import InstanceRow, Row, ServerRow, Status, TemplateRow

FORMAT = 1


def status_document(
    status: Status, subjects: Sequence[str], declared: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the rows of the subjects asked for; that of a single document beside what is `declared`, defaults included."""
    pauses = [pause_document(each) for each in status.concerning(subjects)]
    start = {"format": FORMAT, "fleet": status.fleet, "checked_at": _time(status.at), "paused": pauses}
    start["databases"] = known_document(status.known)
    start["frozen"] = [asdict(each) for each in status.frozen]
    beside = {} if declared is None else {"declared": dict(declared)}
    return {
        **start,
        **{subject: [{**row_document(row), **beside} for row in status.rows[subject]] for subject in subjects},
    }


def row_document(row: Row) -> dict[str, Any]:
    """Return one row."""
    plain = {name: value.value if isinstance(value, Enum) else value for name, value in asdict(row).items()}
    match row:
        case ServerRow(available_capacity=free, last_check=at):
            checked = None if at is None else _time(at)
            return {**plain, "available_capacity": None if free is None else round(free, 1), "last_check": checked}
        case TemplateRow():
            return {**plain, "is_ready": row.is_ready}
        case InstanceRow(verified_at=at):
            return {**plain, "verified_at": None if at is None else _time(at)}
    return plain


def pause_document(pause: Pause) -> dict[str, Any]:
    """Return one pause."""
    since = None if pause.since is None else _time(pause.since)
    by = "text" if pause.since is None else "command"
    return {"kind": pause.kind, "code": pause.code, "by": by, "since": since, "reason": pause.reason, "why": pause.why}


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
