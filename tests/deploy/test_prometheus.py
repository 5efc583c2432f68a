"""The alerts: only metrics that there are, a runbook for each, raised when they must be; Prometheus' own tools agree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from reconciler.health.standing import Standing
from reconciler.notices.notices import NoticeName
from reconciler.telemetry.metrics import Metrics
from tests.deploy.alerting import RULES, STORIES, alerts, promtool_tests
from tests.deploy.debian import ROOT, promtool, said
from tests.deploy.using import metrics_that_exist, metrics_used
from tests.telemetry.scenes import NOW, STANDING, lived

# What a person must hear of, by the runbook that the alert leads to.
MUST_BE_HEARD = {
    *(NoticeName.DAEMON_STOPPED, NoticeName.STORE_FAILED, NoticeName.SOURCE_UNREACHABLE, NoticeName.REVISION_REJECTED),
    *(NoticeName.REVISION_UNSIGNED, NoticeName.HISTORY_REWRITTEN, NoticeName.HOST_OFFLINE, NoticeName.HEALTH_CHANGED),
    *(NoticeName.CERTIFICATE_EXPIRING, NoticeName.LOGIN_PAGE_UNREACHABLE, NoticeName.ACTION_FAILED),
    *(NoticeName.ACTION_UNKNOWN, NoticeName.BLOCKED, NoticeName.DRIFT_RETURNED, NoticeName.HOST_FROZEN),
    *(NoticeName.ORPHAN_FOUND, NoticeName.PAUSED, NoticeName.BACKUP_FAILED, NoticeName.PROOF_FAILED),
}


def test_every_alert_uses_metrics_that_there_are() -> None:
    used = {name: metrics_used(rule["expr"]) for name, rule in alerts().items()}
    assert all(used.values())
    assert {name: unknown for name, found in used.items() if (unknown := found - metrics_that_exist())} == {}


def test_every_notice_that_an_alert_counts_is_one_that_there_is() -> None:
    names = {name for rule in alerts().values() for name in re.findall(r'name="([^"]+)"', rule["expr"])}
    assert names <= {name.value for name in NoticeName}


def test_every_alert_says_how_bad_it_is_what_it_is_and_where_to_read_on() -> None:
    for name, rule in alerts().items():
        assert rule["labels"]["severity"] in {"info", "warning", "critical"}, name
        assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}, name
        assert rule["annotations"]["description"].endswith("."), name


def test_every_alert_leads_to_a_runbook_and_what_needs_a_person_has_one() -> None:
    page = (ROOT / "docs/runbooks.md").read_text()
    headings = set(re.findall(r"^#+ `?([a-z-]+)`?$", page, re.MULTILINE))
    led = [rule["annotations"]["runbook_url"].partition("docs/runbooks.md#")[2] for rule in alerts().values()]
    assert set(led) <= headings
    assert set(led) >= {name.value for name in MUST_BE_HEARD}


def test_every_alert_has_a_story_in_which_it_is_raised_and_moments_in_which_it_is_not() -> None:
    assert {story.alert for story in STORIES} == set(alerts())
    assert all(story.calm for story in STORIES)


@pytest.mark.deploy
def test_promtool_accepts_the_rules() -> None:
    code, text = said(promtool(), "check", "rules", RULES)
    assert (code, "SUCCESS" in text) == (0, True), text


@pytest.mark.deploy
def test_every_alert_is_raised_when_it_must_be_and_only_then(tmp_path: Path) -> None:
    path = tmp_path / "rules_test.yml"
    path.write_text(yaml.safe_dump(promtool_tests()))
    code, text = said(promtool(), "test", "rules", path)
    assert code == 0, text


@pytest.mark.deploy
@pytest.mark.parametrize(
    "page", [lived(per_instance=True).render(STANDING, NOW), Metrics().render(Standing(), NOW)], ids=["lived", "new"]
)
def test_promtool_accepts_the_metrics(page: bytes) -> None:
    assert said(promtool(), "check", "metrics", given=page) == (0, "")
