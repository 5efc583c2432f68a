"""For each alert a story in which it must be raised, and moments of it in which it must not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from tests.deploy.debian import DEPLOY

RULES = DEPLOY / "prometheus/rules.yml"
DAEMON = {"instance": "127.0.0.1:9469", "job": "odoo-fleet"}
SERVER = {**DAEMON, "server": "prod-1"}
HOURS = 60


@dataclass(frozen=True)
class Story:
    """Series by the minute in promtool's notation, when the alert is raised, and when it is not.

    `shown` is how the value appears in the text; `labels` are those of the alert beside its severity.
    """

    alert: str
    series: dict[str, str]
    raised: int
    calm: tuple[int, ...]
    labels: dict[str, str] = field(default_factory=lambda: DAEMON)
    shown: str = ""


def of_daemon(name: str, /, **labels: str) -> str:
    return _series(name, DAEMON | labels)


def of_server(name: str, /, **labels: str) -> str:
    return _series(name, SERVER | labels)


def _series(name: str, labels: dict[str, str]) -> str:
    told = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return f"odoo_fleet_{name}{{{told}}}"


ALWAYS = f"x{20 * 24 * HOURS}"
ONCE = f"0x29 1{ALWAYS}"  # a counter that goes up in minute 30
BUILD = {of_daemon("build_info", version="0.1.0"): f"1{ALWAYS}"}


def noticed(name: str) -> dict[str, str]:
    return {of_daemon("notices_total", name=name, level="error"): ONCE, **BUILD}


def _of_notice(alert: str, name: str) -> Story:
    return Story(alert, noticed(name), 32, (29, 60), {**DAEMON, "name": name})


def _of_outcome(alert: str, result: str) -> Story:
    return Story(alert, {of_server("actions_total", result=result): ONCE, **BUILD}, 32, (29, 75), SERVER)


STORIES = (
    Story("OdooFleetAbsent", {of_daemon("build_info"): "1x30 stale"}, 40, (30, 34), {}),
    Story(
        "OdooFleetNotDeciding",
        {of_daemon("last_decision_timestamp_seconds"): f"60{ALWAYS}", **BUILD},
        40,
        (30, 34),
        shown="39m 0s",
    ),
    Story(
        "OdooFleetNeverDecided",
        {**BUILD, of_daemon("last_decision_timestamp_seconds"): f"_x20 1200{ALWAYS}"},
        16,
        (14, 25),
        {**DAEMON, "version": "0.1.0"},
    ),
    Story("OdooFleetStoreFailing", {of_daemon("store_failures_total"): ONCE, **BUILD}, 32, (29, 60)),
    _of_notice("OdooFleetStoreFailing", "store-failed"),
    Story("OdooFleetRevisionRejected", {of_daemon("revision_rejected"): "0x9 1x20 0x60", **BUILD}, 16, (9, 13, 35)),
    _of_notice("OdooFleetRevisionUnsigned", "revision-unsigned"),
    _of_notice("OdooFleetHistoryRewritten", "history-rewritten"),
    Story("OdooFleetSourceUnreachable", {of_daemon("source_problem"): "0x9 1x30 0x60", **BUILD}, 26, (9, 20, 45)),
    Story(
        "OdooFleetNotConverged", {of_daemon("unconverged_seconds"): "0+60x150", **BUILD}, 125, (115,), shown="2h 5m 0s"
    ),
    Story("OdooFleetBlocked", {of_daemon("blocked_documents"): "0x9 3x90 0x60", **BUILD}, 71, (9, 60, 110), shown="3"),
    _of_outcome("OdooFleetActionsFailing", "failed"),
    _of_outcome("OdooFleetActionUnknown", "unknown"),
    Story(
        "OdooFleetPassesFailing",
        {of_daemon("failing_since_timestamp_seconds"): "600x90 stale", **BUILD},
        75,
        (65, 95),
        shown="1h 5m 0s",
    ),
    Story("OdooFleetDriftReturned", {of_server("drift_returned_total"): ONCE, **BUILD}, 32, (29, 100), SERVER),
    Story(
        "OdooFleetOrphans", {of_daemon("orphan_databases"): f"2{ALWAYS}", **BUILD}, 25 * HOURS, (20 * HOURS,), shown="2"
    ),
    Story(
        "OdooFleetPausedForLong",
        {
            of_daemon("paused_documents", kind="instance"): f"1{ALWAYS}",
            of_daemon("paused_documents", kind="server"): f"1{ALWAYS}",
            **BUILD,
        },
        7 * 24 * HOURS + 5,
        (6 * 24 * HOURS,),
        shown="2",
    ),
    Story("OdooFleetServerOffline", {of_server("server_online"): "1x9 0x9 1x60", **BUILD}, 11, (9, 25), SERVER),
    Story(
        "OdooFleetServerCritical",
        {
            of_server("server_online"): f"1{ALWAYS}",
            of_server("server_health_status", status="critical"): "0x9 1x20 0x60",
            **BUILD,
        },
        16,
        (9, 13, 35),
        {**SERVER, "status": "critical"},
    ),
    Story(
        "OdooFleetServerWarning",
        {of_server("server_health_status", status="warning"): "0x9 1x90 0x60", **BUILD},
        71,
        (9, 60, 110),
        {**SERVER, "status": "warning"},
    ),
    Story(
        "OdooFleetCapacityLow",
        {of_server("server_free_capacity_ratio"): "0.5x9 0.05x60 0.5x60", **BUILD},
        26,
        (9, 20, 80),
        SERVER,
        "5%",
    ),
    Story(
        "OdooFleetCertificateExpiring",
        {of_server("server_certificate_expiry_timestamp_seconds"): f"{15 * 86400}{ALWAYS}", **BUILD},
        26 * HOURS,
        (23 * HOURS, 24 * HOURS + 30),
        SERVER,
        "13d 22h 0m 0s",
    ),
    Story(
        "OdooFleetLoginPageUnreachable",
        {of_server("server_unreachable_login_pages"): "0x9 2x90 0x60", **BUILD},
        95,  # as long as they are
        (9, 105),
        SERVER,
        "2",
    ),
    Story(
        "OdooFleetDatabasesBroken",
        {of_server("server_databases_broken"): "0x9 2x90 0x60", **BUILD},
        95,  # as long as they are
        (9, 105),
        SERVER,
        "2",
    ),
    Story(
        "OdooFleetBackupFailing",
        {of_server("server_backups_failing"): "0x9 2x90 0x60", **BUILD},
        71,
        (9, 60, 110),
        SERVER,
        "2",
    ),
    Story(
        "OdooFleetBackupOverdue",
        {of_server("server_backup_due_seconds"): "0+60x1500 0x60", **BUILD},
        24 * HOURS + 10,
        (20 * HOURS, 24 * HOURS, 1530),
        SERVER,
        "1d 0h 10m 0s",
    ),
    Story(
        "OdooFleetProofFailing",
        {of_server("server_proofs_failing"): "0x9 1x90 0x60", **BUILD},
        71,
        (9, 60, 110),
        SERVER,
        "1",
    ),
    Story(
        "OdooFleetProofOverdue",
        {of_server("server_proof_due_seconds"): "0+60x5000 0x60", **BUILD},
        73 * HOURS,
        (70 * HOURS, 72 * HOURS, 5030),
        SERVER,
        "3d 1h 0m 0s",
    ),
    Story("OdooFleetHostFrozen", {of_server("server_frozen"): "0x9 1x9 0x60", **BUILD}, 11, (9, 25), SERVER),
)


def alerts() -> dict[str, dict[str, Any]]:
    """The alerts of the rules, by name."""
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


def promtool_tests() -> dict[str, Any]:
    """The stories, and a fleet that is well, as a file of promtool's."""
    return {"rule_files": [str(RULES)], "tests": [*map(_told, STORIES), _all_is_well()]}


def _told(story: Story) -> dict[str, Any]:
    rule = alerts()[story.alert]
    raised = {
        "exp_labels": {**rule["labels"], **story.labels},
        "exp_annotations": dict(_shown(rule["annotations"], story)),
    }
    moments: list[tuple[int, list[Any]]] = [(minute, []) for minute in story.calm]
    moments.append((story.raised, [raised]))
    return {
        "name": story.alert,
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in story.series.items()],
        "alert_rule_test": [
            {"eval_time": f"{minute}m", "alertname": story.alert, "exp_alerts": expected}
            for minute, expected in moments
        ],
    }


def _shown(annotations: dict[str, str], story: Story) -> Iterator[tuple[str, str]]:
    for key, text in annotations.items():
        valued = re.sub(r"\{\{ \$value( \| \w+)? \}\}", story.shown, text)
        yield key, valued.replace("{{ $labels.server }}", "prod-1")


def _all_is_well() -> dict[str, Any]:
    """Ten hours of a fleet in which everything is as it should be, with a restart that sets the counters back."""
    minutes = 10 * HOURS
    counters = (
        *(of_server("actions_total", result=result) for result in ("done", "skipped")),
        of_daemon("notices_total", name="drift-repaired", level="info"),
        of_server("drift_repaired_total"),
    )
    still = (
        *(of_server("actions_total", result=result) for result in ("failed", "unknown")),
        of_server("drift_returned_total"),
        of_daemon("store_failures_total"),
        *(of_daemon(name) for name in ("revision_rejected", "source_problem", "blocked_documents", "orphan_databases")),
        of_daemon("paused_documents", kind="instance"),
        of_server("server_frozen"),
        of_server("server_health_status", status="warning"),
        of_server("server_health_status", status="critical"),
    )
    series = {
        **BUILD,
        of_daemon("last_decision_timestamp_seconds"): f"0+60x{minutes}",
        of_daemon("unconverged_seconds"): f"30x{minutes}",
        of_server("server_online"): f"1x{minutes}",
        of_server("server_free_capacity_ratio"): f"0.4x{minutes}",
        of_server("server_certificate_expiry_timestamp_seconds"): f"{60 * 86400}x{minutes}",
        **dict.fromkeys(counters, f"5+1x200 0+1x{minutes - 201}"),
        **dict.fromkeys(still, f"0x{minutes}"),
    }
    return {
        "name": "all is well",
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [
            {"eval_time": f"{minute}m", "alertname": name, "exp_alerts": []}
            for name in alerts()
            for minute in (5, 100, 203, minutes)
        ],
    }
