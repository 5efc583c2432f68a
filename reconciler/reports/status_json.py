"""A status for machines (format 1), in plain types that JSON and YAML both write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from reconciler.core.pauses import Pause
from reconciler.reports.plan_json import known_document
from reconciler.reports.status import InstanceRow, ServerRow, Status, TemplateRow
from reconciler.reports.status_tables import Subject

FORMAT = 1


def status_document(
    status: Status, subjects: Sequence[Subject], declared: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the rows of the subjects asked for; that of a single document beside what is `declared`, defaults included."""
    rows: dict[Subject, list[dict[str, Any]]] = {
        Subject.SERVERS: [_server(row) for row in status.servers],
        Subject.TEMPLATES: [_template(row) for row in status.templates],
        Subject.INSTANCES: [_instance(row) for row in status.instances],
        Subject.PLANS: [asdict(row) for row in status.plans],
    }
    pauses = [_pause(each) for each in status.concerning(subjects)]
    start = {"format": FORMAT, "fleet": status.fleet, "checked_at": _time(status.at), "paused": pauses}
    start["databases"] = known_document(status.known)
    beside = {} if declared is None else {"declared": dict(declared)}
    return {**start, **{subject.value: [{**row, **beside} for row in rows[subject]] for subject in subjects}}


def _server(row: ServerRow) -> dict[str, Any]:
    free = None if row.available_capacity is None else round(row.available_capacity, 1)
    checked = None if row.last_check is None else _time(row.last_check)
    return {**asdict(row), "health": row.health.value, "available_capacity": free, "last_check": checked}


def _instance(row: InstanceRow) -> dict[str, Any]:
    verified = None if row.verified_at is None else _time(row.verified_at)
    return {**asdict(row), "in_sync": row.in_sync.value, "verified_at": verified}


def _template(row: TemplateRow) -> dict[str, Any]:
    return {**asdict(row), "is_ready": row.is_ready, "places": [asdict(place) for place in row.places]}


def _pause(pause: Pause) -> dict[str, Any]:
    since = None if pause.since is None else _time(pause.since)
    by = "text" if pause.since is None else "command"
    return {"kind": pause.kind, "code": pause.code, "by": by, "since": since, "reason": pause.reason, "why": pause.why}


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
