"""The health of servers: from what a look found to a standing with hysteresis, by the thresholds of the fleet document.

A look that fails once is no outage and one that succeeds once is no recovery: `offline_after` and `online_after` say how many in
a row decide. A server of which nothing is known yet is online with its first answer, and unknown until enough looks failed.
While it is undecided, a server that was online keeps the status of its last answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.core.model.observed import ObservedHost
from reconciler.health.signs import (
    CERTIFICATE,
    SIGNS,
    Finding,
    HealthStatus,
    SeenSign,
    Signs,
    certificate_threshold,
    expiry,
)
from reconciler.notices.notices import Level, Notice, NoticeName
from schemas.fleet import Health
from schemas.server import Server


@dataclass(frozen=True, slots=True)
class HealthRecord:
    """One look at a server's health, as it is kept and shown.

    `at` is the addon's `last_check_date`. `online` is the standing after hysteresis, not this look's answer alone. `signs` are
    the vital signs that are known, by name. `why` names all that is wrong, the worst first; it is empty if nothing is. `since` is
    when `status` began.
    """

    server: str
    at: datetime
    status: HealthStatus
    online: bool
    why: str = ""
    signs: Signs = field(default_factory=dict)
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
    """One look at how a server is.

    Args:
        host: version and databases, or why they could not be had: it answered if both could.
        at: when.
        signs: the vital signs that were found, by name.
        problems: by sign, what speaks against it, or why it could not be asked where the reason lies here and not with the host.
    """

    host: ObservedHost
    at: datetime
    signs: Signs = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)


def free_percent(server: Server, used: int) -> float:
    """Return the share of `max_instances` that is free, in percent (the addon's `available_capacity`)."""
    return max(0.0, 100.0 * (server.max_instances - used) / server.max_instances)


def is_watched(server: Server) -> bool:
    """Tell whether a server's health is looked at: not that of one that is not in use."""
    return server.active and server.state in ("active", "maintenance")


def judge(server: Server, previous: HealthRecord | None, vitals: Vitals, limits: Health) -> HealthRecord:
    """Judge a look at a server.

    Args:
        server: its document.
        previous: the judgement before; None for the first.
        vitals: what the look found.
        limits: `health` of the fleet document.
    """
    failed = 0 if vitals.host.online else 1 + (previous.failures_in_a_row if previous else 0)
    succeeded = 1 + (previous.successes_in_a_row if previous else 0) if vitals.host.online else 0
    signs = _signs(server, previous, vitals)
    if vitals.host.online:
        waits_for = _looks_until_online(previous, succeeded, limits)
        found = sorted(_findings(server, previous, vitals, signs, limits), key=lambda finding: _SEVERITY[finding[0]])
        if waits_for:
            found.insert(0, (HealthStatus.CRITICAL, waits_for))
        online, status = not waits_for, found[0][0] if found else HealthStatus.HEALTHY
    else:
        online, status, said = _without_answer(previous, failed, vitals.host.problem, limits)
        found = [(status, said), *_findings(server, previous, vitals, signs, limits)]
    return HealthRecord(
        server=server.code,
        at=vitals.at,
        status=status,
        online=online,
        why="; ".join(text for _, text in found),
        signs=signs,
        failures_in_a_row=failed,
        successes_in_a_row=succeeded,
        since=(previous.since or previous.at) if previous and previous.status is status else vitals.at,
    )


def judge_once(server: Server, vitals: Vitals, limits: Health) -> HealthRecord:
    """Judge a look that no other follows: without hysteresis, so that a server that does not answer is offline."""
    return judge(server, None, vitals, limits.model_copy(update={"offline_after": 1}))


def changes(before: HealthRecord | None, after: HealthRecord, limits: Health) -> tuple[Notice, ...]:
    """Say what a person should know of the step from one judgement to the next: nothing if nothing changed.

    The first judgement is told only if something is wrong. A certificate is told of once for each threshold that it crosses.
    """
    return (*_standing_notice(before, after), *_certificate_notice(before, after, limits))


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


def _signs(server: Server, previous: HealthRecord | None, vitals: Vitals) -> Signs:
    """Return this look's signs, and of those that last what an earlier look saw."""
    before = previous.signs if previous else {}
    lasting = {
        name: before[name] for name, sign in SIGNS.items() if name in before and sign.lasts and sign.lasts(server)
    }
    return {**lasting, **{name: value for name, value in vitals.signs.items() if value is not None}}


def _findings(
    server: Server, previous: HealthRecord | None, vitals: Vitals, signs: Signs, limits: Health
) -> Iterator[Finding]:
    """Name all that is wrong with the signs of a server; while it does not answer, with those that last."""
    before = previous.signs if previous else {}
    for name, sign in SIGNS.items():
        if vitals.host.online or sign.lasts:
            problem = vitals.problems.get(name, "")
            yield from sign.judged(SeenSign(server, vitals.at, limits, signs.get(name), before.get(name), problem))


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
    expires_at = _certificate_end(after)
    crossed = certificate_threshold(expires_at, after.at, limits)
    earlier = certificate_threshold(_certificate_end(before), before.at, limits) if before else 0
    if expires_at is not None and crossed > earlier:
        level = Level.WARNING if crossed == 1 else Level.ERROR
        detail = f"the certificate of server {after.server} {expiry(expires_at, after.at)}"
        yield _notice(NoticeName.CERTIFICATE_EXPIRING, level, detail, after)


def _certificate_end(record: HealthRecord) -> datetime | None:
    end: datetime | None = record.signs.get(CERTIFICATE.name)
    return end


def _state(record: HealthRecord) -> str:
    return f"{record.status}: {record.why}" if record.why else record.status.value


def _notice(name: NoticeName, level: Level, detail: str, record: HealthRecord) -> Notice:
    return Notice(name, level, detail, kind="server", code=record.server, server=record.server)
