"""The dashboard: complete for Grafana, nothing on top of another, and only metrics that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.health.signs import HealthStatus
from tests.deploy.debian import DEPLOY, promtool, said
from tests.deploy.using import metrics_that_exist, metrics_used

DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana/dashboard.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS = 24
# What an operator looks for first.
MUST_BE_SHOWN = {
    *("odoo_fleet_revision_info", "odoo_fleet_revision_rejected", "odoo_fleet_source_problem"),
    *("odoo_fleet_unconverged_seconds", "odoo_fleet_last_decision_timestamp_seconds", "odoo_fleet_actions_total"),
    *("odoo_fleet_pending_actions", "odoo_fleet_blocked_documents", "odoo_fleet_withheld_actions"),
    *("odoo_fleet_orphan_databases", "odoo_fleet_paused_documents", "odoo_fleet_notices_total"),
    *("odoo_fleet_drift_repaired_total", "odoo_fleet_drift_returned_total", "odoo_fleet_server_frozen"),
    *("odoo_fleet_server_online", "odoo_fleet_server_health_status", "odoo_fleet_server_latency_seconds"),
    *("odoo_fleet_server_free_capacity_ratio", "odoo_fleet_server_certificate_expiry_timestamp_seconds"),
    *("odoo_fleet_host_calls_total", "odoo_fleet_server_databases", "process_resident_memory_bytes"),
}


def targets() -> Iterator[tuple[str, dict[str, Any]]]:
    for panel in PANELS:
        yield from ((panel["title"], target) for target in panel.get("targets", ()))


def expressions() -> list[tuple[str, str]]:
    asked = [(each["name"], each["definition"]) for each in variables().values() if each["type"] == "query"]
    noted = [(each["name"], each["expr"]) for each in DASHBOARD["annotations"]["list"]]
    return [*((title, target["expr"]) for title, target in targets()), *asked, *noted]


def variables() -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in DASHBOARD["templating"]["list"]}


def test_it_has_what_grafana_needs() -> None:
    assert DASHBOARD["uid"] == "odoo-fleet"
    assert DASHBOARD["schemaVersion"] >= 36
    assert "id" not in DASHBOARD, "the number is Grafana's to give"
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for panel in PANELS:
        assert panel["title"]
        assert set(panel["gridPos"]) == {"x", "y", "w", "h"}
        if panel["type"] != "row":
            assert panel["datasource"] == SOURCE, panel["title"]
            assert {"targets", "fieldConfig", "options"} <= set(panel), panel["title"]
            assert panel["targets"], panel["title"]


def test_no_panel_lies_on_another_or_beyond_the_edge() -> None:
    places = [(panel["title"], *(panel["gridPos"][side] for side in "xywh")) for panel in PANELS]
    assert [title for title, x, y, w, h in places if x < 0 or y < 0 or w < 1 or h < 1 or x + w > COLUMNS] == []
    overlapping = [
        (one, other)
        for (one, x, y, w, h), (other, x2, y2, w2, h2) in combinations(places, 2)
        if x < x2 + w2 and x2 < x + w and y < y2 + h2 and y2 < y + h
    ]
    assert overlapping == []


def test_the_source_of_the_data_is_chosen_and_not_written_down() -> None:
    assert variables()["datasource"]["type"] == "datasource"
    assert {json.dumps(target["datasource"], sort_keys=True) for _, target in targets()} == {
        json.dumps(SOURCE, sort_keys=True)
    }


def test_every_letter_of_a_panel_is_used_once() -> None:
    for panel in PANELS:
        letters = [target["refId"] for target in panel.get("targets", ())]
        assert len(letters) == len(set(letters)), panel["title"]


def test_it_uses_only_metrics_and_variables_that_there_are() -> None:
    for title, expression in expressions():
        assert metrics_used(expression), title
        assert metrics_used(expression) <= metrics_that_exist(), title
        used = set(re.findall(r"\$(\w+)", expression)) - {"__rate_interval"}
        assert used <= set(variables()), title


def test_every_label_that_a_legend_names_is_one_that_the_expression_leaves() -> None:
    for title, target in targets():
        named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        kept = {label for group in re.findall(r"by \(([^)]*)\)", target["expr"]) for label in group.split(", ")}
        if kept:
            assert named <= kept, title


def test_what_an_operator_looks_for_is_shown() -> None:
    shown = {name for _, expression in expressions() for name in metrics_used(expression)}
    assert shown >= MUST_BE_SHOWN


def test_every_status_of_health_has_a_colour() -> None:
    (panel,) = [panel for panel in PANELS if panel["title"] == "Health"]
    (mapping,) = panel["fieldConfig"]["defaults"]["mappings"]
    assert {each["text"] for each in mapping["options"].values()} == {status.value for status in HealthStatus}
    assert set(re.findall(r'status="(\w+)"', panel["targets"][0]["expr"])) == {status.value for status in HealthStatus}


@pytest.mark.deploy
def test_prometheus_understands_every_expression(tmp_path: Path) -> None:
    told = [*((title, target["expr"]) for title, target in targets())]
    told += [(each["name"], each["expr"]) for each in DASHBOARD["annotations"]["list"]]
    rules = [
        {"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "5m"), "labels": {"panel": title}}
        for number, (title, expression) in enumerate(told)
    ]
    path = tmp_path / "dashboard.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    code, text = said(promtool(), "check", "rules", path)
    assert code == 0, text
