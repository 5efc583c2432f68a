"""A daemon's life in which everything happens that metrics tell of, and how metrics look to Prometheus."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from prometheus_client.parser import text_string_to_metric_families

from reconciler.core.model import verbs
from reconciler.core.model.actions import Action, Reason
from reconciler.core.model.outcomes import Outcome, Result
from reconciler.core.policies.backup_times import BackupRecord, Work
from reconciler.health.signs import HealthStatus
from reconciler.health.standing import KeptStanding, Standing
from reconciler.health.verdicts import HealthRecord
from reconciler.notices.events import (
    ActionEnded,
    ActionStarted,
    ActionStep,
    BackupEnded,
    CallEvent,
    DatabaseObserved,
    HostObserved,
    MemoryFailed,
)
from reconciler.notices.notices import Level, Notice, NoticeName
from reconciler.telemetry.metrics import Metrics, PassResult

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CLONE = Action(verbs.CLONE, "instance", "acme", "prod-1", Reason.DECLARED, database="template", becomes="acme")
CALL = CallEvent("prod-1", "db", "rename", "db.rename", "acme", changes=True, seconds=0.1)
WELL = HealthRecord(
    "prod-1",
    NOW - timedelta(minutes=5),
    HealthStatus.WARNING,
    online=True,
    why="15 % free, below 20 %",
    signs={
        "version": "19.0",
        "latency_ms": 250,
        "databases": 3,
        "available_capacity": 15,
        "master_password_accepted": True,
        "certificate_expires_at": NOW + timedelta(days=30),
    },
)
OFFLINE = HealthRecord("prod-2", NOW, HealthStatus.CRITICAL, online=False, why="offline: refused")
KEPT = (
    KeptStanding(BackupRecord("instance", "acme", "prod-1", Work.BACKUP, NOW - timedelta(hours=9)), None),
    KeptStanding(
        BackupRecord("instance", "beta", "prod-1", Work.BACKUP, NOW - timedelta(days=2), problem="the target is full"),
        NOW - timedelta(hours=10),
    ),
    KeptStanding(BackupRecord("instance", "acme", "prod-1", Work.PROOF, NOW - timedelta(days=3)), None),
)
STANDING = Standing(
    fleet="demo",
    revision="0123abcd",
    in_force_since=NOW - timedelta(hours=3),
    rejected="fleet/x.yaml:1:1: no",
    documents={"server": 2, "template": 1, "instance": 12},
    servers_online={"prod-1": True, "prod-2": False},
    busy=("prod-1",),
    pending=2,
    blocked=1,
    withheld=3,
    orphans=4,
    foreign=5,
    frozen=("prod-2",),
    paused=("instance/acme", "instance/zeta", "server/prod-2"),
    decided_at=NOW - timedelta(seconds=30),
    converged_at=NOW - timedelta(hours=2),
    failing_since=NOW - timedelta(hours=1),
    health={"prod-1": WELL, "prod-2": OFFLINE},
    unreachable_pages={"prod-1": 1},
    behind={"prod-1": 2},
    broken={"prod-1": 1},
    kept=KEPT,
)

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def lived(*, per_instance: bool = False) -> Metrics:
    """Metrics of a life in which everything happened at least once."""
    metrics = Metrics(per_instance=per_instance)
    metrics.on_event(HostObserved("prod-1", online=True, problem="", databases=3, seconds=0.1))
    metrics.on_event(HostObserved("prod-2", online=False, problem="refused", databases=0, seconds=0.1))
    metrics.on_event(DatabaseObserved("prod-1", "acme", "current", problem="", seconds=0.5))
    metrics.on_event(ActionStarted(CLONE))
    metrics.on_event(ActionStep(CLONE, "verifying"))
    for result, seconds in ((Result.DONE, 40.0), (Result.FAILED, 3.0), (Result.UNKNOWN, 600.0), (Result.SKIPPED, 0.0)):
        metrics.on_event(ActionEnded(Outcome(CLONE, result, "why", seconds)))
    metrics.on_event(MemoryFailed("no space left"))
    metrics.on_event(BackupEnded("instance", "acme", "prod-1", "backup", 12.5, "2026-03-01T02-30-00Z-prod-1-x7k2q"))
    metrics.on_event(BackupEnded("instance", "acme", "prod-1", "proof", 3.0, problem="it does not come back"))
    metrics.on_call(CALL)
    metrics.on_call(replace(CALL, error="UnknownOutcome"))
    for name in (NoticeName.DRIFT_REPAIRED, NoticeName.DRIFT_RETURNED):
        metrics.on_notice(Notice(name, Level.WARNING, "lang differs", "instance", "acme", "prod-1"))
    metrics.on_pass(12.5, PassResult.DONE)
    return metrics


def series(metrics: Metrics, standing: Standing = STANDING, now: datetime = NOW) -> Series:
    """What Prometheus' own parser reads, by name and labels."""
    families = text_string_to_metric_families(metrics.render(standing, now).decode())
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def value(found: Series, name: str, /, **labels: str) -> float | None:
    """The value of one series; None if it is not there."""
    return found.get((name if name.startswith("process_") else f"odoo_fleet_{name}", frozenset(labels.items())))
