"""A status for machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.core.model.pauses import Pause
from reconciler.reports.plain import plain, report
from reconciler.reports.status import Row, ServerRow, Status, TemplateRow


def status_document(
    status: Status, subjects: Sequence[str], declared: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the rows of the subjects asked for; that of a single document beside what is `declared`, defaults included."""
    pauses = [pause_document(each) for each in status.concerning(subjects)]
    beside = {} if declared is None else {"declared": dict(declared)}
    beyond = {"frozen": status.frozen, "orphans": status.orphans}
    return {
        **report(status.fleet, status.at, paused=pauses, databases=status.known, **beyond),
        **{subject: [{**row_document(row), **beside} for row in status.rows[subject]] for subject in subjects},
    }


def row_document(row: Row) -> dict[str, Any]:
    """Return one row."""
    fields: dict[str, Any] = plain(row)
    match row:
        case ServerRow(available_capacity=free):
            fields["available_capacity"] = None if free is None else round(free, 1)
        case TemplateRow():
            fields["is_ready"] = row.is_ready
    return fields


def pause_document(pause: Pause) -> dict[str, Any]:
    """Return one pause."""
    by = "text" if pause.since is None else "command"
    who = {"kind": pause.kind, "code": pause.code, "by": by}
    return {**who, "since": plain(pause.since), "reason": pause.reason, "why": pause.why}
