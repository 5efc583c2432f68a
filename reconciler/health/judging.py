"""The health of servers: from what a look found to a standing with hysteresis, by the thresholds of the fleet document.

A look that fails once is no outage and one that succeeds once is no recovery: `offline_after` and `online_after` say how many in
a row decide. A server of which nothing is known yet is online with its first answer, and unknown until enough looks failed.
While it is undecided, a server that was online keeps the status of its last answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from reconciler.core.observed import ObservedHost
from reconciler.fleet.counting import count
from reconciler.notices.notices import Level, Notice, NoticeName
from schemas.fleet import Health
from schemas.server import Server


class HealthStatus(StrEnum):
    """How a server is (the addon's `health_status`)."""

    HEALTHY = "healthy"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class HealthRecord:
    """One look at a server's health, as it is kept and shown.

    `at` is the addon's `last_check_date`. `online` is the standing after hysteresis, not this look's answer alone. `latency_ms`
    is of `common.version`. What the look could not find out is None, but for the certificate's date, which does not change while
    a host is away. `why` names all that is wrong, the worst first; it is empty if nothing is. `since` is when `status` began.
    """

    server: str
    at: datetime
    status: HealthStatus
    online: bool
    why: str = ""
    version: str = ""
    latency_ms: float | None = None
    databases: int | None = None
    free_percent: float | None = None
    master_password_accepted: bool | None = None
    certificate_expires_at: datetime | None = None
    failures_in_a_row: int = 0
    successes_in_a_row: int = 0
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a handshake showed of a host's certificate. `problem` says why it is not accepted, empty if it is."""

    expires_at: datetime | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Vitals:
    """What a host answered when it was asked how it is.

    Args:
        host: version and databases, or why they could not be had.
        latency_seconds: of `common.version`; None if it did not answer.
        master_password_accepted: None where that could not be asked.
        master_password_problem: why it could not, where the reason lies here and not with the host.
        certificate: None where none could be seen (http, or no connection).
    """

    host: ObservedHost
    latency_seconds: float | None = None
    master_password_accepted: bool | None = None
    master_password_problem: str = ""
    certificate: Certificate | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """One look at a server, as facts. `answered` means that both version and databases could be had; else `problem` says why."""

    server: str
    at: datetime
    answered: bool
    problem: str = ""
    version: str = ""
    latency_seconds: float | None = None
    databases: int | None = None
    free_percent: float | None = None
    master_password_accepted: bool | None = None
    master_password_problem: str = ""
    certificate_expires_at: datetime | None = None
    certificate_problem: str = ""


def probe_of(vitals: Vitals, at: datetime, free_percent: float | None) -> Probe:
    """Put what a host answered together with its free capacity."""
    host, seen = vitals.host, vitals.certificate or Certificate()
    return Probe(
        server=host.server,
        at=at,
        answered=host.online,
        problem=host.problem,
        version=host.version,
        latency_seconds=vitals.latency_seconds,
        databases=len(host.databases) if host.online else None,
        free_percent=free_percent if host.online else None,
        master_password_accepted=vitals.master_password_accepted,
        master_password_problem=vitals.master_password_problem,
        certificate_expires_at=seen.expires_at,
        certificate_problem=seen.problem,
    )


def free_percent(server: Server, used: int) -> float:
    """Return the share of `max_instances` that is free, in percent (the addon's `available_capacity`)."""
    return max(0.0, 100.0 * (server.max_instances - used) / server.max_instances)


def is_watched(server: Server) -> bool:
    """Tell whether a server's health is looked at: not that of one that is not in use."""
    return server.active and server.state in ("active", "maintenance")


def judge(server: Server, previous: HealthRecord | None, probe: Probe, limits: Health) -> HealthRecord:
    """Judge a look at a server.

    Args:
        server: its document.
        previous: the judgement before; None for the first.
        probe: what the look found.
        limits: `health` of the fleet document.
    """
    failed = 0 if probe.answered else 1 + (previous.failures_in_a_row if previous else 0)
    succeeded = 1 + (previous.successes_in_a_row if previous else 0) if probe.answered else 0
    expires_at = _certificate_date(server, previous, probe)
    if probe.answered:
        waits_for = _looks_until_online(previous, succeeded, limits)
        found = sorted(
            (*_findings(server, probe, expires_at, limits), *_slowness(previous, probe, limits)),
            key=lambda finding: _SEVERITY[finding[0]],
        )
        if waits_for:
            found.insert(0, (HealthStatus.CRITICAL, waits_for))
        online, status = not waits_for, found[0][0] if found else HealthStatus.HEALTHY
    else:
        online, status, said = _without_answer(previous, failed, probe.problem, limits)
        found = [(status, said), *_certificate_findings(probe, expires_at, limits)]
    return HealthRecord(
        server=server.code,
        at=probe.at,
        status=status,
        online=online,
        why="; ".join(text for _, text in found),
        version=probe.version,
        latency_ms=None if probe.latency_seconds is None else 1000 * probe.latency_seconds,
        databases=probe.databases,
        free_percent=probe.free_percent,
        master_password_accepted=probe.master_password_accepted,
        certificate_expires_at=expires_at,
        failures_in_a_row=failed,
        successes_in_a_row=succeeded,
        since=(previous.since or previous.at) if previous and previous.status is status else probe.at,
    )


def judge_once(server: Server, probe: Probe, limits: Health) -> HealthRecord:
    """Judge a look that no other follows: without hysteresis, so that a server that does not answer is offline."""
    return judge(server, None, probe, limits.model_copy(update={"offline_after": 1}))


def changes(before: HealthRecord | None, after: HealthRecord, limits: Health) -> tuple[Notice, ...]:
    """Say what a person should know of the step from one judgement to the next: nothing if nothing changed.

    The first judgement is told only if something is wrong. A certificate is told of once for each threshold that it crosses.
    """
    return (*_standing_notice(before, after), *_certificate_notice(before, after, limits))


Finding = tuple[HealthStatus, str]

_SEVERITY = {HealthStatus.CRITICAL: 0, HealthStatus.WARNING: 1, HealthStatus.HEALTHY: 2, HealthStatus.UNKNOWN: 2}
_LEVELS = {
    HealthStatus.HEALTHY: Level.INFO,
    HealthStatus.UNKNOWN: Level.INFO,
    HealthStatus.WARNING: Level.WARNING,
    HealthStatus.CRITICAL: Level.ERROR,
}


def _is_offline(record: HealthRecord | None) -> bool:
    """Tell whether it was decided that the server is offline; one of which nothing is known is not."""
    return record is not None and not record.online and record.status is not HealthStatus.UNKNOWN


def _looks_until_online(previous: HealthRecord | None, succeeded: int, limits: Health) -> str:
    """Say why a server that answers is still offline, or nothing if it is online."""
    if not _is_offline(previous) or succeeded >= limits.online_after:
        return ""
    return f"was offline, answers again: {succeeded} of the {limits.online_after} looks in a row that make it online"


def _without_answer(
    previous: HealthRecord | None, failed: int, problem: str, limits: Health
) -> tuple[bool, HealthStatus, str]:
    """Return online, status and the reason of a server whose look failed."""
    if _is_offline(previous) or failed >= limits.offline_after:
        return False, HealthStatus.CRITICAL, f"offline: {problem}"
    said = f"no answer, {failed} of the {limits.offline_after} looks in a row that make it offline: {problem}"
    if previous is None or not previous.online:
        return False, HealthStatus.UNKNOWN, said
    return True, previous.status, said


def _findings(server: Server, probe: Probe, expires_at: datetime | None, limits: Health) -> Iterator[Finding]:
    """Name all that is wrong with a server that answers."""
    if probe.version != server.odoo_version:
        yield HealthStatus.CRITICAL, f"runs Odoo {probe.version}, declared is {server.odoo_version}"
    if probe.master_password_accepted is False:
        yield HealthStatus.CRITICAL, "the master password is refused"
    if probe.master_password_problem:
        yield HealthStatus.WARNING, f"the master password cannot be checked: {probe.master_password_problem}"
    yield from _certificate_findings(probe, expires_at, limits)
    free = probe.free_percent
    if free is not None and free < limits.critical_capacity_percent:
        yield HealthStatus.CRITICAL, f"{free:.0f} % free, below {limits.critical_capacity_percent} %"
    elif free is not None and free < limits.warning_capacity_percent:
        yield HealthStatus.WARNING, f"{free:.0f} % free, below {limits.warning_capacity_percent} %"


def _slowness(previous: HealthRecord | None, probe: Probe, limits: Health) -> Iterator[Finding]:
    """Call a server slow that was slow twice in a row: latency varies, and one slow answer is not worth a notice."""
    milliseconds = 1000 * (probe.latency_seconds or 0)
    before = previous.latency_ms if previous else None
    if milliseconds > limits.warning_latency_ms and (before is None or before > limits.warning_latency_ms):
        yield HealthStatus.WARNING, f"slow: {milliseconds:.0f} ms, above {limits.warning_latency_ms} ms"


def _certificate_date(server: Server, previous: HealthRecord | None, probe: Probe) -> datetime | None:
    """Return what is known of the date: this look's, or what an earlier one saw of a host that still has one."""
    if probe.certificate_expires_at is not None or previous is None or not server.server_url.startswith("https:"):
        return probe.certificate_expires_at
    return previous.certificate_expires_at


def _certificate_findings(probe: Probe, expires_at: datetime | None, limits: Health) -> Iterator[Finding]:
    threshold = _certificate_threshold(expires_at, probe.at, limits)
    if expires_at is not None and threshold:
        status = HealthStatus.WARNING if threshold == 1 else HealthStatus.CRITICAL
        yield status, f"its certificate {expiry(expires_at, probe.at)}"
    if probe.certificate_problem and threshold != _EXPIRED:
        yield HealthStatus.CRITICAL, f"its certificate is not accepted: {probe.certificate_problem}"


_EXPIRED = 3


def _certificate_threshold(expires_at: datetime | None, at: datetime, limits: Health) -> int:
    """Count the thresholds that a certificate has crossed: the warning, the critical one, its end."""
    if expires_at is None:
        return 0
    left = expires_at - at
    bounds = (timedelta(days=limits.warning_certificate_days), timedelta(days=limits.critical_certificate_days))
    return _EXPIRED if left <= timedelta(0) else sum(left <= bound for bound in sorted(bounds, reverse=True))


def expiry(expires_at: datetime, at: datetime) -> str:
    """Say when a certificate ends or has ended: `expires in 20 days (2026-12-24)`."""
    days = abs((expires_at - at) // timedelta(days=1))
    words = count(days, "day")
    if expires_at <= at:
        return f"expired on {expires_at:%Y-%m-%d}"
    return f"expires in {words} ({expires_at:%Y-%m-%d})"


def _standing_notice(before: HealthRecord | None, after: HealthRecord) -> Iterator[Notice]:
    server = f"server {after.server}"
    if _is_offline(after):
        if not _is_offline(before):
            yield _notice(NoticeName.HOST_OFFLINE, Level.ERROR, f"{server} is {after.why}", after)
        return
    if before is not None and _is_offline(before):
        detail = f"{server} is online again, {_state(after)}"
        yield _notice(NoticeName.HOST_ONLINE, _LEVELS[after.status], detail, after)
        return
    was = HealthStatus.HEALTHY if before is None or before.status is HealthStatus.UNKNOWN else before.status
    if after.online and after.status is not was:
        detail = f"{server} is {_state(after)}" + (f" (was {before.status})" if before else "")
        yield _notice(NoticeName.HEALTH_CHANGED, _LEVELS[after.status], detail, after)


def _certificate_notice(before: HealthRecord | None, after: HealthRecord, limits: Health) -> Iterator[Notice]:
    expires_at = after.certificate_expires_at
    crossed = _certificate_threshold(expires_at, after.at, limits)
    earlier = _certificate_threshold(before.certificate_expires_at, before.at, limits) if before else 0
    if expires_at is not None and crossed > earlier:
        level = Level.WARNING if crossed == 1 else Level.ERROR
        detail = f"the certificate of server {after.server} {expiry(expires_at, after.at)}"
        yield _notice(NoticeName.CERTIFICATE_EXPIRING, level, detail, after)


def _state(record: HealthRecord) -> str:
    return f"{record.status}: {record.why}" if record.why else record.status.value


def _notice(name: NoticeName, level: Level, detail: str, record: HealthRecord) -> Notice:
    return Notice(name, level, detail, kind="server", code=record.server, server=record.server)
