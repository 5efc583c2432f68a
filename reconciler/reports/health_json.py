"""The health of servers and instances for machines (format 1), in plain types that JSON and YAML both write.

What the addon has a field for bears its name: `health_status`, `is_online`, `last_check_date`, `available_capacity`.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from reconciler.health.signs import SIGNS
from reconciler.health.verdicts import HealthRecord
from reconciler.reports.health_views import HealthView, ServerHealthView, status_of
from reconciler.reports.status_json import FORMAT


def health_document(view: HealthView) -> dict[str, Any]:
    """Return what a view holds."""
    document: dict[str, Any] = {"format": FORMAT, "fleet": view.fleet, "checked_at": _time(view.at)}
    if view.servers is not None:
        document["servers"] = [_server(row) for row in view.servers]
    if view.history is not None:
        document["history"] = [_record(record) for record in view.history]
    if view.instances is not None:
        document["instances"] = [asdict(row) for row in view.instances]
    return document


def _server(row: ServerHealthView) -> dict[str, Any]:
    who = {"code": row.code, "name": row.name, "state": row.state}
    if row.record is None:
        return {**who, "health_status": status_of(row).value, "first_look": False}
    return {**who, **_record(row.record), "first_look": row.first_look}


def _record(record: HealthRecord) -> dict[str, Any]:
    return {
        "health_status": record.status.value,
        "since": _time(record.since or record.at),
        "is_online": record.online,
        "last_check_date": _time(record.at),
        "why": record.why,
        **{name: _plain(record.signs.get(name)) for name in SIGNS},
        "failures_in_a_row": record.failures_in_a_row,
        "successes_in_a_row": record.successes_in_a_row,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return _time(value)
    return round(value, 1) if isinstance(value, float) else value


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
