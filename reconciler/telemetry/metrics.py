"""Metrics for Prometheus: counters over the events of the daemon's life, and its standing as gauges at the moment of asking.

`docs/metrics.md` lists every one; a test holds it against what is rendered here. Label sets are bounded: nothing is counted
per instance unless that was asked for, and a server that leaves the fleet takes its series along.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from itertools import chain, product

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from reconciler.core.model.observed import Access
from reconciler.core.model.outcomes import Outcome, Result
from reconciler.core.policies.backup_times import Work
from reconciler.health.standing import Standing
from reconciler.notices.events import (
    ActionEnded,
    BackupEnded,
    CallEvent,
    DatabaseObserved,
    Event,
    HostObserved,
    MemoryFailed,
)
from reconciler.notices.notices import Level, Notice, NoticeName
from reconciler.telemetry.gauges import gauges, servers_of

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
"""What `Metrics.render` returns, as HTTP names it."""

# From a host that answers from memory to the longest limit of a call.
_CALL_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900)
# From a password that is changed to a template that takes as long as it may.
_ACTION_SECONDS = (0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 180, 300, 450, 600, 900)
_PASS_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
_ANSWERED = "ok"
_OTHER = "other"


class PassResult(StrEnum):
    """How a pass ends, as `on_pass` takes it."""

    DONE = "done"  # nothing was to be done, or all of it was
    FAILED = "failed"  # an action failed or is unknown, or the pass itself could not be carried out
    STOPPED = "stopped"  # it was told to stop before its end


class Metrics:
    """Counts what happens and renders it, with a registry of its own.

    Args:
        per_instance: also count actions and drift per instance. The series of an instance begin with the first thing that
            happens to it and stay until the daemon ends, so this is for fleets of hundreds of instances, not of thousands.
    """

    def __init__(self, *, per_instance: bool = False) -> None:
        # For the whole process, and harmless there: nothing else in it uses the library. Each counter would have a second
        # series that tells when it was made, which Prometheus sees by itself.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._listed: dict[str, int] = {}
        self._known: frozenset[str] = frozenset()
        self._departed: set[str] = set()
        self._make_counters()
        self._instances = _Instances(self._registry) if per_instance else None
        ProcessCollector(registry=self._registry)

    def on_event(self, event: Event) -> None:
        """Count an event of a pass."""
        match event:
            case HostObserved(server=server, online=online, databases=databases) if server not in self._departed:
                self._listed.pop(server, None)
                if online:
                    self._listed[server] = databases
                self._begin(server)
            case DatabaseObserved(access=access):
                self._looks.labels(access if access in set(Access) else _OTHER).inc()
            case ActionEnded(outcome):
                self._count(outcome)
            case MemoryFailed():
                self._store_failures.inc()
            case BackupEnded(server=server) if server not in self._departed:
                self._backups.labels(server, event.work, (Result.FAILED if event.problem else Result.DONE).value).inc()
            case _:
                pass  # that an action began, and its steps, show in its end and in the standing

    def on_call(self, call: CallEvent) -> None:
        """Count a call to a host."""
        self._calls.labels(call.operation, call.error or _ANSWERED).inc()
        self._call_seconds.labels(call.operation).observe(call.seconds)
        if call.error and call.server not in self._departed:
            self._call_failures.labels(call.server).inc()

    def on_notice(self, notice: Notice) -> None:
        """Count a notice."""
        self._notices.labels(notice.name.value, notice.level.value).inc()
        drift = {NoticeName.DRIFT_REPAIRED: self._repaired, NoticeName.DRIFT_RETURNED: self._returned}
        if notice.name in drift and notice.server not in self._departed:
            drift[notice.name].labels(notice.server).inc()
        if self._instances is not None and notice.kind == "instance":
            self._instances.on_notice(notice)

    def on_pass(self, seconds: float, result: str) -> None:
        """Count a pass.

        Args:
            seconds: how long it took.
            result: a value of `PassResult`; anything else is counted as `other`, so that the set stays bounded.
        """
        self._passes.labels(result if result in set(PassResult) else _OTHER).observe(seconds)

    def render(self, standing: Standing, now: datetime) -> bytes:
        """Return all metrics in Prometheus' text format, of the type `CONTENT_TYPE`.

        Args:
            standing: how the daemon stands.
            now: the time, for what is told as seconds since something.
        """
        self._follow(servers_of(standing))
        now_so = gauges(standing, now, self._listed, per_instance=self._instances is not None)
        return generate_latest(_Once(chain(self._registry.collect(), now_so)))

    def _make_counters(self) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"odoo_fleet_{name}", text, labels, registry=self._registry)

        def histogram(name: str, text: str, labels: tuple[str, ...], buckets: tuple[float, ...]) -> Histogram:
            return Histogram(f"odoo_fleet_{name}", text, labels, buckets=buckets, registry=self._registry)

        self._actions = counter("actions_total", "Actions that ended, by server and result.", "server", "result")
        self._action_seconds = histogram(
            "action_duration_seconds",
            "How long actions took that were not skipped; its count is their number.",
            ("verb", "reason", "result"),
            _ACTION_SECONDS,
        )
        self._calls = counter(
            "host_calls_total", "Requests to hosts, by what was called and ok or the failure.", "operation", "result"
        )
        self._call_seconds = histogram(
            "host_call_duration_seconds", "How long requests to hosts took.", ("operation",), _CALL_SECONDS
        )
        self._call_failures = counter("server_call_failures_total", "Requests to a server that failed.", "server")
        self._looks = counter("database_looks_total", "Deep looks at databases, by how the login went.", "access")
        self._repaired = counter("drift_repaired_total", "Drift that was repaired.", "server")
        self._returned = counter("drift_returned_total", "Drift that came back after it was repaired.", "server")
        self._backups = counter(
            "backups_total", "Backups that were made or proven, or failed to be.", "server", "work", "result"
        )
        self._notices = counter("notices_total", "Notices to the operator, by name and level.", "name", "level")
        self._store_failures = counter("store_failures_total", "Times that something could not be written down.")
        self._passes = histogram(
            "pass_duration_seconds", "How long passes took; its count is their number.", ("result",), _PASS_SECONDS
        )
        # What is there from the start shows its first increase; a series that is born at 1 does not.
        for name in NoticeName:
            for level in Level:
                self._notices.labels(name.value, level.value)
        for access in Access:
            self._looks.labels(access.value)
        for result in PassResult:
            self._passes.labels(result.value)

    def _count(self, outcome: Outcome) -> None:
        action = outcome.action
        if action.server not in self._departed:
            self._begin(action.server)
            self._actions.labels(action.server, outcome.result.value).inc()
        if outcome.result is not Result.SKIPPED:
            labels = (str(action.verb), action.reason.value, outcome.result.value)
            self._action_seconds.labels(*labels).observe(outcome.seconds)
        if self._instances is not None and action.kind == "instance":
            self._instances.on_outcome(outcome)

    def _follow(self, servers: frozenset[str]) -> None:
        """Take along the series of servers that left; a call of theirs that ends later brings none of them back."""
        for server in self._known - servers:
            self._listed.pop(server, None)
            for metric in (self._actions, self._call_failures, self._repaired, self._returned, self._backups):
                metric.remove_by_labels({"server": server})
        self._departed = (self._departed | self._known) - servers
        for server in servers:
            self._begin(server)
        self._known = servers

    def _begin(self, server: str) -> None:
        for result in Result:
            self._actions.labels(server, result.value)
        for metric in (self._call_failures, self._repaired, self._returned):
            metric.labels(server)
        for work, ended in product(Work, (Result.DONE, Result.FAILED)):
            self._backups.labels(server, work.value, ended.value)


class _Instances:
    """What is counted per instance where that was asked for.

    The label is `code`: Prometheus itself gives each series an `instance`, the address that it was read from.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"odoo_fleet_instance_{name}", text, labels, registry=registry)

        self._actions = counter("actions_total", "Actions on an instance that ended.", "code", "result")
        self._repaired = counter("drift_repaired_total", "Drift of an instance that was repaired.", "code")
        self._returned = counter("drift_returned_total", "Drift of an instance that came back.", "code")

    def on_outcome(self, outcome: Outcome) -> None:
        self._actions.labels(outcome.action.code, outcome.result.value).inc()

    def on_notice(self, notice: Notice) -> None:
        if notice.name is NoticeName.DRIFT_REPAIRED:
            self._repaired.labels(notice.code).inc()
        elif notice.name is NoticeName.DRIFT_RETURNED:
            self._returned.labels(notice.code).inc()


class _Once(Collector):
    """Families that are rendered once."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families
