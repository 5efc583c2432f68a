"""The health of a server, from one look at it and the thresholds of the fleet document."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reconciler.core.observed import ObservedHost
from schemas.fleet import Health
from schemas.server import Server


class HealthStatus(StrEnum):
    """How a server is (the addon's `health_status`)."""

    HEALTHY = "healthy"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A server's health, and why it is not better."""

    status: HealthStatus
    why: str = ""


def diagnose(server: Server, host: ObservedHost | None, free_percent: float | None, limits: Health) -> Diagnosis:
    """Judge a server; one that is not in use is not judged.

    Args:
        server: its document.
        host: what it answered; None if it was not asked.
        free_percent: its free capacity; None if that is not known.
        limits: `health` of the fleet document.
    """
    if host is None or not server.active or server.state not in ("active", "maintenance"):
        return Diagnosis(HealthStatus.UNKNOWN)
    if not host.online:
        return Diagnosis(HealthStatus.CRITICAL, f"offline: {host.problem}")
    if host.version != server.odoo_version:
        return Diagnosis(HealthStatus.CRITICAL, f"runs Odoo {host.version}, declared is {server.odoo_version}")
    free = 100.0 if free_percent is None else free_percent
    if free < limits.critical_capacity_percent:
        return Diagnosis(HealthStatus.CRITICAL, _capacity(free, limits.critical_capacity_percent))
    if free < limits.warning_capacity_percent:
        return Diagnosis(HealthStatus.WARNING, _capacity(free, limits.warning_capacity_percent))
    milliseconds = 1000 * host.seconds
    if milliseconds > limits.warning_latency_ms:
        return Diagnosis(HealthStatus.WARNING, f"slow: {milliseconds:.0f} ms, above {limits.warning_latency_ms} ms")
    return Diagnosis(HealthStatus.HEALTHY)


def _capacity(free: float, limit: float) -> str:
    return f"{free:.0f} % free, below {limit:g} %"
