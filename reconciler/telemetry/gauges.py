"""The standing of a running reconciler as gauges. Pure: what is not known has no value, and nothing is kept from before."""

from __future__ import annotations

import math
import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from reconciler.core.policies.backup_times import Work
from reconciler.health.signs import SIGNS, VERSION, HealthStatus, Sign
from reconciler.health.standing import KeptStanding, Standing
from reconciler.health.verdicts import HealthRecord
from reconciler.version import __version__
from schemas.kinds import pausable

Values = Iterable[tuple[tuple[str, ...], float | None]]

_PER_SERVER = ("server",)


def servers_of(standing: Standing) -> frozenset[str]:
    """Return the servers that the metrics tell of: all of which anything is known."""
    return frozenset({*standing.servers_online, *standing.health, *standing.frozen, *standing.busy})


def gauges(
    standing: Standing, now: datetime, listed: Mapping[str, int], *, per_instance: bool = False
) -> Iterator[Metric]:
    """Make the gauges of one moment.

    Args:
        standing: how the daemon stands.
        now: the time.
        listed: how many databases each server listed at its last look, if it answered.
        per_instance: also tell of each database that has a policy for backups.
    """
    yield from _text(standing)
    yield from _work(standing, now)
    yield from _servers(standing, listed)
    yield from _health(standing.health)
    servers = servers_of(standing)
    for work in Work:
        kept = [each for each in standing.kept if each.record.work is work and each.record.server in servers]
        yield from _kept(work, kept, now)
        if per_instance:
            yield _each_kept(work, kept)


def _text(standing: Standing) -> Iterator[Metric]:
    """What is in force."""
    build = {"version": __version__, "python": platform.python_version()}
    yield _labelled("build_info", "This program; always 1.", tuple(build), [(tuple(build.values()), 1)])
    revision = [((standing.fleet, standing.revision), 1.0)] if standing.revision else []
    yield _labelled("revision_info", "The revision in force; always 1.", ("fleet", "revision"), revision)
    yield _single(
        "revision_timestamp_seconds", "When the revision in force came into force.", _seconds(standing.in_force_since)
    )
    yield _single(
        "revision_rejected", "Whether a newer revision is not taken (1), or not (0).", float(bool(standing.rejected))
    )
    yield _single(
        "source_problem",
        "Whether the directory or the remote of the fleet cannot be read (1), or can (0).",
        float(bool(standing.source_problem)),
    )
    documents = [((kind,), float(count)) for kind, count in sorted(standing.documents.items())]
    yield _labelled("documents", "Documents of the fleet, by kind.", ("kind",), documents)
    paused = Counter(address.partition("/")[0] for address in standing.paused)
    kinds = [*pausable(), *sorted(set(paused) - set(pausable()))]
    yield _labelled(
        "paused_documents", "Documents that are paused, by kind.", ("kind",), [((k,), float(paused[k])) for k in kinds]
    )


def _work(standing: Standing, now: datetime) -> Iterator[Metric]:
    """What is to be done, and how long it has not been."""
    yield _single("last_decision_timestamp_seconds", "When it was last decided.", _seconds(standing.decided_at))
    yield _single(
        "last_convergence_timestamp_seconds",
        "When reality last matched the text, on every server that answered.",
        _seconds(standing.converged_at),
    )
    since = standing.converged_at or standing.in_force_since
    yield _single(
        "unconverged_seconds",
        "How long ago reality last matched the text; if it never did, for how long the text is in force.",
        None if since is None else max(0.0, (now - since).total_seconds()),
    )
    yield _single(
        "failing_since_timestamp_seconds",
        "Since when the last passes failed; no value while they do not.",
        _seconds(standing.failing_since),
    )
    yield _single(
        "pending_actions", "Actions that the last decision would run and that have not ended.", standing.pending
    )
    yield _single("blocked_documents", "What the last decision could not plan.", standing.blocked)
    yield _single("withheld_actions", "Actions that a pause, a freeze or a window holds back.", standing.withheld)
    yield _single("orphan_databases", "Databases of this fleet that nothing declares.", standing.orphans)
    yield _single(
        "foreign_databases", "Databases on the fleet's hosts that are none of its business.", standing.foreign
    )


def _servers(standing: Standing, listed: Mapping[str, int]) -> Iterator[Metric]:
    servers = sorted(servers_of(standing))
    online = sorted(standing.servers_online.items())
    yield _per_server(
        "answered",
        "Whether the last look at the server was answered (1), or not (0).",
        ((s, float(o)) for s, o in online),
    )
    yield _per_server(
        "frozen",
        "Whether nothing is changed on the server: its listing lost databases, or it is one host with another (1), or not (0).",
        ((s, float(s in standing.frozen)) for s in servers),
    )
    yield _per_server(
        "busy", "Whether actions run on the server (1), or not (0).", ((s, float(s in standing.busy)) for s in servers)
    )
    yield _per_server(
        "unreachable_login_pages",
        "Login pages of instances on the server that customers do not reach, of those that are looked at.",
        ((s, standing.unreachable_pages.get(s)) for s in servers),
    )
    yield _per_server(
        "databases_behind",
        "Databases on the server whose modules are behind the code that it runs, of those that were looked into.",
        ((s, standing.behind.get(s)) for s in servers),
    )
    yield _per_server(
        "databases_broken",
        "Databases on the server in which nobody can work since its code is newer than they are.",
        ((s, standing.broken.get(s)) for s in servers),
    )
    yield _per_server(
        "databases", "Databases that the server listed at its last look.", ((s, listed.get(s)) for s in servers)
    )


def _health(health: Mapping[str, HealthRecord]) -> Iterator[Metric]:
    records = [health[server] for server in sorted(health)]
    yield _per_server(
        "online",
        "Whether the server is online (1) or offline (0): what single looks say, smoothed.",
        ((r.server, float(r.online)) for r in records),
    )
    yield _labelled(
        "server_health_status",
        "The server's health: 1 for the status that it has, 0 for the others.",
        ("server", "status"),
        (((r.server, status.value), float(r.status is status)) for r in records for status in HealthStatus),
    )
    yield _labelled(
        "server_info",
        "The version of Odoo that the server runs; always 1.",
        ("server", "odoo_version"),
        (((r.server, str(r.signs[VERSION.name])), 1.0) for r in records if VERSION.name in r.signs),
    )
    yield _per_server(
        "last_check_timestamp_seconds",
        "When its health was last looked at.",
        ((r.server, _seconds(r.at)) for r in records),
    )
    for sign in SIGNS.values():
        if sign.gauge:
            yield _per_server(sign.gauge, sign.meaning, ((r.server, _measured(sign, r)) for r in records))


def _kept(work: Work, kept: Iterable[KeptStanding], now: datetime) -> Iterator[Metric]:
    """How the databases of each server are kept: the worst of each."""
    due: dict[str, float] = {}
    failing: dict[str, int] = {}
    oldest: dict[str, float] = {}
    for each in kept:
        server, good = each.record.server, each.record.good_at
        waited = 0.0 if each.due_since is None else max(0.0, (now - each.due_since).total_seconds())
        due[server] = max(due.get(server, 0.0), waited)
        failing[server] = failing.get(server, 0) + bool(each.record.problem)
        if good is not None:
            oldest[server] = min(oldest.get(server, math.inf), good.timestamp())
    yield _per_server(
        f"{work}_due_seconds",
        f"For how long the {work} has been due that waits longest, of all databases on the server; 0 if none is due.",
        sorted(due.items()),
    )
    yield _per_server(
        f"{work}s_failing",
        f"Databases on the server whose last {work} failed.",
        ((server, float(count)) for server, count in sorted(failing.items())),
    )
    yield _per_server(
        f"oldest_{work}_timestamp_seconds",
        f"When the last good {work} was made of the database on the server of which that is longest ago.",
        sorted(oldest.items()),
    )


def _each_kept(work: Work, kept: Iterable[KeptStanding]) -> Metric:
    records = [each.record for each in kept]
    return _labelled(
        f"database_{work}_timestamp_seconds",
        f"When the last good {work} of the database was made.",
        ("kind", "code", "server"),
        (((r.kind, r.code, r.server), _seconds(r.good_at)) for r in records),
    )


def _measured(sign: Sign, record: HealthRecord) -> float | None:
    value = record.signs.get(sign.name)
    return None if value is None else sign.measured(value)


def _single(name: str, text: str, value: float | None) -> Metric:
    return _labelled(name, text, (), [((), value)])


def _per_server(name: str, text: str, values: Iterable[tuple[str, float | None]]) -> Metric:
    return _labelled(f"server_{name}", text, _PER_SERVER, (((server,), value) for server, value in values))


def _labelled(name: str, text: str, labels: tuple[str, ...], values: Values) -> Metric:
    family = GaugeMetricFamily(f"odoo_fleet_{name}", text, labels=labels)
    for given, value in values:
        if value is not None:
            family.add_metric(given, value)
    return family


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
