"""The health of servers and instances for machines.

What the addon has a field for bears its name: `health_status`, `is_online`, `last_check_date`, `available_capacity`.
"""

from __future__ import annotations

from typing import Any

from reconciler.health.signs import SIGNS
from reconciler.health.verdicts import HealthRecord
from reconciler.reports.health_views import HealthView, ServerHealthView, status_of
from reconciler.reports.plain import report


def health_document(view: HealthView) -> dict[str, Any]:
    """Return what a view holds."""
    rows: dict[str, Any] = {}
    if view.servers is not None:
        rows["servers"] = [_server(row) for row in view.servers]
    if view.history is not None:
        rows["history"] = [_record(record) for record in view.history]
    if view.instances is not None:
        rows["instances"] = view.instances
    return report(view.fleet, view.at, **rows)


def _server(row: ServerHealthView) -> dict[str, Any]:
    who = {"code": row.code, "name": row.name, "state": row.state}
    if row.record is None:
        return {**who, "health_status": status_of(row), "first_look": False}
    return {**who, **_record(row.record), "first_look": row.first_look}


def _record(record: HealthRecord) -> dict[str, Any]:
    return {
        **look(record),
        **signs(record),
        "failures_in_a_row": record.failures_in_a_row,
        "successes_in_a_row": record.successes_in_a_row,
    }


def look(record: HealthRecord) -> dict[str, Any]:
    """Return what a look at a server found, without its signs; not in plain types yet."""
    return {
        "health_status": record.status,
        "since": record.since or record.at,
        "is_online": record.online,
        "last_check_date": record.at,
        "why": record.why,
    }


def signs(record: HealthRecord) -> dict[str, Any]:
    """Return its vital signs, by name; not in plain types yet."""
    found = {name: record.signs.get(name) for name in SIGNS}
    return {name: round(value, 1) if isinstance(value, float) else value for name, value in found.items()}
