"""What monitoring sees: every metric is documented, bounded, and says what happened or how things stand."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from reconciler.core.model.actions import Reason
from reconciler.core.model.outcomes import Outcome, Result
from reconciler.health.signs import HealthStatus
from reconciler.health.standing import Standing
from reconciler.notices.events import ActionEnded, DatabaseObserved, HostObserved
from reconciler.notices.notices import Level, Notice, NoticeName
from reconciler.telemetry.metrics import CONTENT_TYPE, Metrics
from reconciler.version import __version__
from tests.telemetry.scenes import CALL, CLONE, NOW, OFFLINE, STANDING, WELL, lived, series, value

PAGE = Path(__file__).parents[2] / "docs/metrics.md"
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (.*?) \| ([\w ]+) \| (.+) \|$", re.MULTILINE)
UNITS = {"seconds": "seconds", "ratio": "ratio", "bytes": "bytes"}


def rendered(metrics: Metrics) -> dict[str, tuple[str, frozenset[str], str, str]]:
    """Type, labels, unit and help of every metric, by the name that is asked for."""
    found = {}
    for family in text_string_to_metric_families(metrics.render(STANDING, NOW).decode()):
        assert family.samples, f"{family.name} has no series in a life in which everything happened"
        labels = frozenset(label for sample in family.samples for label in sample.labels) - {"le"}
        name = family.name + ("_total" if family.type == "counter" else "")
        stem = family.name.removesuffix("_timestamp_seconds")
        unit = "unix seconds" if stem != family.name else UNITS.get(family.name.rpartition("_")[2], "none")
        found[name] = (family.type, labels, unit, family.documentation)
    return found


def test_every_metric_is_documented_and_no_other() -> None:
    page = {
        name: (kind, frozenset(re.findall(r"`(\w+)`", labels)), unit, meaning)
        for name, kind, labels, unit, meaning in ROW.findall(PAGE.read_text())
    }
    code = rendered(lived(per_instance=True))
    assert {name: row for name, row in page.items() if not name.startswith("process_")} == {
        name: row for name, row in code.items() if not name.startswith("process_")
    }
    # Those of the process depend on the system and are the library's.
    assert {name for name in page if name.startswith("process_")} >= {
        name for name in code if name.startswith("process_")
    }


def test_names_are_as_prometheus_wants_them() -> None:
    for name, (kind, _, _, meaning) in rendered(lived(per_instance=True)).items():
        assert re.fullmatch(r"(odoo_fleet|process)_[a-z_]+", name), name
        assert (kind == "counter") == name.endswith("_total"), name
        assert meaning.endswith(".") or name.startswith("process_"), name


def test_the_type_of_the_content_is_that_of_the_text_format() -> None:
    assert CONTENT_TYPE == "text/plain; version=0.0.4; charset=utf-8"


def test_the_page_names_every_status_result_and_reason() -> None:
    text = PAGE.read_text()
    words = [*HealthStatus, *Result, *Reason, *Level]
    assert [w.value for w in words if f"`{w.value}`" not in text] == []


def test_the_text_in_force_is_one_series() -> None:
    metrics = lived()
    assert value(series(metrics), "revision_info", fleet="demo", revision="0123abcd") == 1
    found = series(metrics, replace(STANDING, revision="4567cdef"))
    assert [labels for name, labels in found if name == "odoo_fleet_revision_info"] == [
        frozenset({("fleet", "demo"), ("revision", "4567cdef")})
    ]


def test_the_version_of_the_program_is_told() -> None:
    found = series(Metrics())
    (labels,) = [dict(labels) for name, labels in found if name == "odoo_fleet_build_info"]
    assert labels["version"] == __version__


def test_before_there_is_a_text_what_is_not_known_has_no_value() -> None:
    found = series(Metrics(), Standing())
    assert not [name for name, _ in found if "timestamp" in name or "unconverged" in name or "revision_info" in name]
    assert value(found, "revision_rejected") == 0
    assert value(found, "source_problem") == 0
    assert not [labels for _, labels in found if "server" in dict(labels)]


def test_how_things_stand_is_told() -> None:
    found = series(lived())
    told = {
        "revision_timestamp_seconds": (NOW - timedelta(hours=3)).timestamp(),
        "revision_rejected": 1,
        "source_problem": 0,
        "last_decision_timestamp_seconds": (NOW - timedelta(seconds=30)).timestamp(),
        "last_convergence_timestamp_seconds": (NOW - timedelta(hours=2)).timestamp(),
        "unconverged_seconds": 7200,
        "failing_since_timestamp_seconds": (NOW - timedelta(hours=1)).timestamp(),
        "pending_actions": 2,
        "blocked_documents": 1,
        "withheld_actions": 3,
        "orphan_databases": 4,
        "foreign_databases": 5,
    }
    assert {name: value(found, name) for name in told} == told
    assert value(found, "documents", kind="instance") == 12
    paused = {kind: value(found, "paused_documents", kind=kind) for kind in ("fleet", "server", "template", "instance")}
    assert paused == {"fleet": 0, "server": 1, "template": 0, "instance": 2}


def test_a_fleet_that_never_converged_counts_from_when_its_text_came_into_force() -> None:
    assert value(series(Metrics(), replace(STANDING, converged_at=None)), "unconverged_seconds") == 3 * 3600


def test_a_clock_that_was_set_back_makes_no_negative_time() -> None:
    assert value(series(Metrics(), now=NOW - timedelta(days=1)), "unconverged_seconds") == 0


def test_a_source_that_cannot_be_read_is_told() -> None:
    assert value(series(Metrics(), replace(STANDING, source_problem="no route")), "source_problem") == 1


def test_how_each_server_is_is_told() -> None:
    found = series(lived())
    one = {
        "answered": 1,
        "online": 1,
        "frozen": 0,
        "busy": 1,
        "databases": 3,
        "latency_seconds": 0.25,
        "free_capacity_ratio": 0.15,
        "master_password_accepted": 1,
        "certificate_expiry_timestamp_seconds": (NOW + timedelta(days=30)).timestamp(),
        "last_check_timestamp_seconds": (NOW - timedelta(minutes=5)).timestamp(),
    }
    assert {name: value(found, f"server_{name}", server="prod-1") for name in one} == one
    assert value(found, "server_info", server="prod-1", odoo_version="19.0") == 1


def test_what_is_not_known_of_a_server_has_no_value() -> None:
    found = series(lived())
    other = {"answered": 0.0, "online": 0.0, "frozen": 1.0, "busy": 0.0}
    unknown = ("databases", "latency_seconds", "free_capacity_ratio", "certificate_expiry_timestamp_seconds")
    assert {name: value(found, f"server_{name}", server="prod-2") for name in (*other, *unknown)} == {
        **other,
        **dict.fromkeys(unknown),
    }


@pytest.mark.parametrize("status", HealthStatus)
def test_health_is_1_for_one_status_and_0_for_the_others(status: HealthStatus) -> None:
    found = series(Metrics(), replace(STANDING, health={"prod-1": replace(WELL, status=status)}))
    assert {s: value(found, "server_health_status", server="prod-1", status=s.value) for s in HealthStatus} == {
        s: float(s is status) for s in HealthStatus
    }


def test_actions_are_counted_by_server_and_result() -> None:
    found = series(lived())
    results = {r.value: value(found, "actions_total", server="prod-1", result=r.value) for r in Result}
    assert results == {"done": 1, "failed": 1, "unknown": 1, "skipped": 1}


def test_how_long_actions_took_is_told_by_verb_and_reason_but_for_those_that_were_skipped() -> None:
    found = series(lived())
    what = {"verb": "clone", "reason": "declared"}
    counts = {r.value: value(found, "action_duration_seconds_count", **what, result=r.value) for r in Result}
    assert counts == {"done": 1, "failed": 1, "unknown": 1, "skipped": None}
    assert value(found, "action_duration_seconds_sum", **what, result="unknown") == 600
    within = {
        le: value(found, "action_duration_seconds_bucket", **what, result="done", le=le) for le in ("30.0", "60.0")
    }
    assert within == {"30.0": 0, "60.0": 1}


@pytest.mark.parametrize(
    ("seconds", "below", "above"), [(1, "0.5", "1.0"), (90, "60.0", "120.0"), (880, "600.0", "900.0")]
)
def test_the_buckets_tell_seconds_from_minutes_and_from_the_longest_limit(
    seconds: float, below: str, above: str
) -> None:
    metrics = Metrics()
    metrics.on_event(ActionEnded(Outcome(CLONE, Result.DONE, "", seconds)))
    what = {"verb": "clone", "reason": "declared", "result": "done"}
    found = series(metrics)
    assert value(found, "action_duration_seconds_bucket", **what, le=below) == 0
    assert value(found, "action_duration_seconds_bucket", **what, le=above) == 1


def test_calls_are_counted_by_what_was_called_and_how_it_ended() -> None:
    found = series(lived())
    assert value(found, "host_calls_total", operation="db.rename", result="ok") == 1
    assert value(found, "host_calls_total", operation="db.rename", result="UnknownOutcome") == 1
    assert value(found, "host_call_duration_seconds_count", operation="db.rename") == 2
    assert value(found, "server_call_failures_total", server="prod-1") == 1


def test_deep_looks_are_counted_by_how_the_login_went() -> None:
    metrics = lived()
    metrics.on_event(DatabaseObserved("prod-1", "acme", "refused", problem="", seconds=0.5))
    found = series(metrics)
    counts = {a: value(found, "database_looks_total", access=a) for a in ("current", "former", "refused", "failed")}
    assert counts == {"current": 1, "former": 0, "refused": 1, "failed": 0}


def test_notices_are_counted_by_name_and_level() -> None:
    metrics = Metrics()
    metrics.on_notice(Notice(NoticeName.HOST_OFFLINE, Level.ERROR, "refused", server="prod-1"))
    found = series(metrics)
    assert value(found, "notices_total", name="host-offline", level="error") == 1
    assert value(found, "notices_total", name="host-online", level="info") == 0


def test_drift_and_failures_of_the_store_are_counted() -> None:
    found = series(lived())
    assert value(found, "drift_repaired_total", server="prod-1") == 1
    assert value(found, "drift_returned_total", server="prod-1") == 1
    assert value(found, "drift_repaired_total", server="prod-2") == 0
    assert value(found, "store_failures_total") == 1


def test_passes_are_timed_by_how_they_ended_and_no_other_word_makes_a_series_of_its_own() -> None:
    metrics = Metrics()
    for result in ("done", "done", "failed", "stopped", "surprise", "another surprise"):
        metrics.on_pass(2.0, result)
    found = series(metrics)
    counts = {r: value(found, "pass_duration_seconds_count", result=r) for r in ("done", "failed", "stopped", "other")}
    assert counts == {"done": 2, "failed": 1, "stopped": 1, "other": 2}


def test_what_is_alerted_on_is_there_before_it_happens_the_first_time() -> None:
    """Prometheus sees an increase from 0 to 1; it sees none in a series that is born at 1."""
    found = series(Metrics())
    assert all(
        value(found, "notices_total", name=n.value, level=level.value) == 0 for n, level in product(NoticeName, Level)
    )
    for server, result in product(("prod-1", "prod-2"), Result):
        assert value(found, "actions_total", server=server, result=result.value) == 0
    assert value(found, "store_failures_total") == 0


def test_a_server_that_leaves_the_fleet_leaves_the_metrics() -> None:
    metrics = lived()
    series(metrics)
    left = replace(STANDING, servers_online={"prod-2": False}, busy=(), health={"prod-2": OFFLINE})
    assert "prod-1" not in metrics.render(left, NOW).decode()


def test_what_ends_after_its_server_left_does_not_bring_it_back() -> None:
    metrics = lived()
    series(metrics)
    left = replace(STANDING, servers_online={"prod-2": False}, busy=(), health={"prod-2": OFFLINE})
    metrics.render(left, NOW)
    metrics.on_call(replace(CALL, error="HostTimeout"))
    metrics.on_event(ActionEnded(Outcome(CLONE, Result.FAILED, "", 1)))
    metrics.on_event(HostObserved("prod-1", online=True, problem="", databases=9, seconds=0.1))
    metrics.on_notice(Notice(NoticeName.DRIFT_REPAIRED, Level.INFO, "", "instance", "acme", "prod-1"))
    assert "prod-1" not in metrics.render(left, NOW).decode()
    back = series(metrics)
    assert value(back, "actions_total", server="prod-1", result="failed") == 0


def test_nothing_is_counted_per_instance_unless_asked_for() -> None:
    assert "acme" not in lived().render(STANDING, NOW).decode()
    found = series(lived(per_instance=True))
    assert value(found, "instance_drift_repaired_total", code="acme") == 1
    assert value(found, "instance_drift_returned_total", code="acme") == 1
    assert value(found, "instance_actions_total", code="acme", result="failed") == 1


def test_the_number_of_series_does_not_grow_with_the_number_of_instances() -> None:
    def lives(instances: int) -> int:
        metrics = Metrics()
        for number in range(instances):
            action = replace(CLONE, code=f"customer-{number}")
            metrics.on_event(ActionEnded(Outcome(action, Result.DONE, "", 1)))
            metrics.on_event(DatabaseObserved("prod-1", action.code, "current", problem="", seconds=0.1))
            metrics.on_notice(Notice(NoticeName.DRIFT_REPAIRED, Level.INFO, "", "instance", action.code, "prod-1"))
        return len(series(metrics))

    assert lives(200) == lives(1)


def test_text_of_hosts_and_people_cannot_forge_a_series() -> None:
    evil = 'x"} 1\nodoo_fleet_forged 1\n# '
    health = {"prod-1": replace(WELL, signs={**WELL.signs, "version": evil})}
    found = series(lived(), replace(STANDING, fleet=evil, revision=evil, health=health))
    assert value(found, "server_info", server="prod-1", odoo_version=evil) == 1
    assert value(found, "forged") is None


def test_two_daemons_in_one_process_count_apart() -> None:
    assert value(series(lived()), "store_failures_total") == 1
    assert value(series(Metrics()), "store_failures_total") == 0


def test_backups_are_told_by_the_worst_of_each_server_and_where_asked_for_by_database() -> None:
    found = series(Metrics())
    assert value(found, "server_backup_due_seconds", server="prod-1") == 10 * 3600
    assert value(found, "server_backups_failing", server="prod-1") == 1
    assert value(found, "server_oldest_backup_timestamp_seconds", server="prod-1") == NOW.timestamp() - 2 * 86400
    assert value(found, "server_proof_due_seconds", server="prod-1") == 0
    acme = {"kind": "instance", "code": "acme", "server": "prod-1"}
    assert value(found, "database_backup_timestamp_seconds", **acme) is None
    each = series(Metrics(per_instance=True))
    assert value(each, "database_backup_timestamp_seconds", **acme) == NOW.timestamp() - 9 * 3600
    assert value(each, "database_proof_timestamp_seconds", **acme) == NOW.timestamp() - 3 * 86400


def test_backups_that_were_made_and_that_failed_are_counted() -> None:
    found = series(lived())
    assert value(found, "backups_total", server="prod-1", work="backup", result="done") == 1
    assert value(found, "backups_total", server="prod-1", work="proof", result="failed") == 1
    assert value(found, "backups_total", server="prod-1", work="backup", result="failed") == 0
