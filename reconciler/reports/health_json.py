"""The health of servers and instances for machines (format 1), in plain types that JSON and YAML both write.

What the addon has a field for bears its name: `health_status`, `is_online`, `last_check_date`, `available_capacity`.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from reconciler.health.judging import HealthRecord
from reconciler.reports.health_views import HealthView, ServerHealth, status_of
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


def _server(row: ServerHealth) -> dict[str, Any]:
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
        "version": record.version or None,
        "latency_ms": None if record.latency_ms is None else round(record.latency_ms, 1),
        "databases": record.databases,
        "available_capacity": None if record.free_percent is None else round(record.free_percent, 1),
        "master_password_accepted": record.master_password_accepted,
        "certificate_expires_at": _time(record.certificate_expires_at),
        "failures_in_a_row": record.failures_in_a_row,
        "successes_in_a_row": record.successes_in_a_row,
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
