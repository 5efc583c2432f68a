"""Vital signs: what a look at a server finds out beside whether it answers. A new one is a value here and what reads it.

Judgements, records, the store, tables, JSON and metrics go by what stands here; what reads a sign of a host is registered in
`reconciler.odoo.observe.hosts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from reconciler.fleet.counting import count
from schemas.fleet import Health
from schemas.server import Server


class HealthStatus(StrEnum):
    """How a server is (the addon's `health_status`)."""

    HEALTHY = "healthy"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


Finding = tuple[HealthStatus, str]

Signs = Mapping[str, Any]
"""Vital signs by their names: texts, numbers, truths, moments. What a look could not find out is None, or not there."""


@dataclass(frozen=True, slots=True)
class SeenSign:
    """A sign of one server as a look found it, `before` as the look before did; `problem` says why it cannot be told."""

    server: Server
    at: datetime
    limits: Health
    value: Any
    before: Any = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Sign:
    """One vital sign.

    Args:
        name: in records and JSON.
        title: of its column.
        shown: how a table writes a value, at the time of the table.
        in_full: how a wide table does, if otherwise.
        is_detail: whether only wide tables have it.
        is_number: whether tables write it at the right.
        judged: what is wrong with it.
        lasts: of which servers it holds while they do not answer; None: of none, and it is not judged then.
        gauge: its metric, after `odoo_fleet_server_`; empty if it has none.
        meaning: of that metric.
        measured: its value as the metric has it.
    """

    name: str
    title: str
    shown: Callable[[Any, datetime], str] = lambda value, _at: str(value)
    in_full: Callable[[Any, datetime], str] | None = None
    is_detail: bool = False
    is_number: bool = False
    judged: Callable[[SeenSign], Iterator[Finding]] = lambda _seen: iter(())
    lasts: Callable[[Server], bool] | None = None
    gauge: str = ""
    meaning: str = ""
    measured: Callable[[Any], float] = float


def _slow(seen: SeenSign) -> Iterator[Finding]:
    """Call a server slow that was slow twice in a row: latency varies, and one slow answer is not worth a notice."""
    limit = seen.limits.warning_latency_ms
    if seen.value is not None and seen.value > limit and (seen.before is None or seen.before > limit):
        yield HealthStatus.WARNING, f"slow: {seen.value:.0f} ms, above {limit} ms"


def _another_version(seen: SeenSign) -> Iterator[Finding]:
    if seen.value != seen.server.odoo_version:
        yield HealthStatus.CRITICAL, f"runs Odoo {seen.value or ''}, declared is {seen.server.odoo_version}"


def _full(seen: SeenSign) -> Iterator[Finding]:
    free, limits = seen.value, seen.limits
    if free is not None and free < limits.critical_capacity_percent:
        yield HealthStatus.CRITICAL, f"{free:.0f} % free, below {limits.critical_capacity_percent} %"
    elif free is not None and free < limits.warning_capacity_percent:
        yield HealthStatus.WARNING, f"{free:.0f} % free, below {limits.warning_capacity_percent} %"


def _refused(seen: SeenSign) -> Iterator[Finding]:
    if seen.value is False:
        yield HealthStatus.CRITICAL, "the master password is refused"
    if seen.problem:
        yield HealthStatus.WARNING, f"the master password cannot be checked: {seen.problem}"


_EXPIRED = 3


def certificate_threshold(expires_at: datetime | None, at: datetime, limits: Health) -> int:
    """Count the thresholds that a certificate has crossed: the warning, the critical one, its end."""
    if expires_at is None:
        return 0
    left = expires_at - at
    bounds = (timedelta(days=limits.warning_certificate_days), timedelta(days=limits.critical_certificate_days))
    return _EXPIRED if left <= timedelta(0) else sum(left <= bound for bound in sorted(bounds, reverse=True))


def expiry(expires_at: datetime, at: datetime) -> str:
    """Say when a certificate ends or has ended: `expires in 20 days (2026-12-24)`."""
    if expires_at <= at:
        return f"expired on {expires_at:%Y-%m-%d}"
    return f"expires in {_days_left(expires_at, at)} ({expires_at:%Y-%m-%d})"


def _days_left(expires_at: datetime, at: datetime) -> str:
    return count((expires_at - at) // timedelta(days=1), "day")


def _validity(expires_at: datetime, at: datetime) -> str:
    return "expired" if expires_at <= at else _days_left(expires_at, at)


def _expiring(seen: SeenSign) -> Iterator[Finding]:
    threshold = certificate_threshold(seen.value, seen.at, seen.limits)
    if threshold:
        status = HealthStatus.WARNING if threshold == 1 else HealthStatus.CRITICAL
        yield status, f"its certificate {expiry(seen.value, seen.at)}"
    if seen.problem and threshold != _EXPIRED:
        yield HealthStatus.CRITICAL, f"its certificate is not accepted: {seen.problem}"


LATENCY = Sign(
    "latency_ms",  # of `common.version`
    "LATENCY",
    is_number=True,
    shown=lambda value, _at: f"{value:.0f} ms",
    judged=_slow,
    gauge="latency_seconds",
    meaning="How long the server took to say its version.",
    measured=lambda value: float(value) / 1000,
)
VERSION = Sign("version", "ODOO", is_detail=True, judged=_another_version)
DATABASES = Sign("databases", "DATABASES", is_detail=True)
CAPACITY = Sign(
    "available_capacity",
    "FREE",
    is_number=True,
    shown=lambda value, _at: f"{value:.0f} %",
    judged=_full,
    gauge="free_capacity_ratio",
    meaning="The share of the server's max_instances that is free, 0 to 1.",
    measured=lambda value: float(value) / 100,
)
MASTER_PASSWORD = Sign(
    "master_password_accepted",
    "MASTER PASSWORD",
    shown=lambda value, _at: "accepted" if value else "refused",
    is_detail=True,
    judged=_refused,
    gauge="master_password_accepted",
    meaning="Whether the server takes the master password (1), or refuses it (0).",
)
CERTIFICATE = Sign(
    "certificate_expires_at",
    "CERTIFICATE",
    shown=_validity,
    in_full=lambda value, at: f"{_validity(value, at)} ({value:%Y-%m-%d})",
    judged=_expiring,
    lasts=lambda server: server.server_url.startswith("https:"),
    gauge="certificate_expiry_timestamp_seconds",
    meaning="When the server's certificate expires.",
    measured=lambda value: float(value.timestamp()),
)

SIGNS: dict[str, Sign] = {
    sign.name: sign for sign in (LATENCY, VERSION, DATABASES, CAPACITY, MASTER_PASSWORD, CERTIFICATE)
}
"""All vital signs by their names, in the order in which tables show them."""
