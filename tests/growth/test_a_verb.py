"""A verb that is added from outside is planned, carried out, remembered and told everywhere, without an edit anywhere else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.core.deciding import Limits
from reconciler.core.diffs import fleet_diffs
from reconciler.core.diffs.drafts import Draft
from reconciler.core.model.actions import Action, Reason
from reconciler.core.model.changesets import Changeset
from reconciler.core.model.outcomes import Outcome, Result
from reconciler.core.model.verbs import VERBS, Verb
from reconciler.engine.carrying_out.performer import HANDLERS, Performer, carries_out
from reconciler.notices.events import ActionEnded
from reconciler.planfile import saved_changesets
from reconciler.reports import verbs_reference
from reconciler.reports.changeset_markdown import render_changeset_markdown
from reconciler.reports.junit import plan_junit
from reconciler.reports.paragraphs import Paper
from reconciler.reports.plan_json import apply_document, plan_document
from reconciler.reports.plan_text import render_plan
from reconciler.reports.status import status
from reconciler.store.opening import open_store
from reconciler.telemetry.metrics import Metrics
from tests.harness.universe import Universe, fleet, instance, read, universe
from tests.harness.virtual_time import EPOCH, run
from tests.reports.test_plan_schema import validate
from tests.telemetry.scenes import STANDING

TEXT = fleet(instance("acme"))


@pytest.fixture
def touched() -> Iterator[list[str]]:
    """A verb `touch`, planned last for each instance that is there; gives the names that it was carried out on."""
    names: list[str] = []
    touch = Verb("touch", stage=1000, symbol="~", goal="touch", happens="{target} touched", new="it is that time")

    def plan_touches(draft: Draft) -> None:
        for code, host in draft.observed.hosts.items():
            for each in draft.desired.instances.values():
                if host.lists(each.database_name):
                    draft.plan(Action(touch, "instance", each.code, code, Reason.DECLARED, "acme", "acme"))

    @carries_out(touch)
    async def carry_out(_performer: Performer, action: Action) -> None:
        names.append(action.database)

    fleet_diffs.PLANNERS.append(plan_touches)
    yield names
    fleet_diffs.PLANNERS.remove(plan_touches)
    del VERBS[touch], HANDLERS[touch]


def made() -> Universe:
    world = universe()
    outcomes = run(world.reconcile(TEXT)).outcomes  # never ok here: `touch` is still to do each time
    assert {each.result for each in outcomes} == {Result.DONE}
    return world


def test_it_is_planned_and_carried_out(touched: list[str]) -> None:
    passed = run(made().reconcile(TEXT))
    assert touched == ["acme"]
    (outcome,) = passed.outcomes
    assert (outcome.action.id, outcome.result) == ("touch instance/acme on one", Result.DONE)


def test_plans_of_all_forms_tell_it(touched: list[str]) -> None:
    planned = run(made().plan(TEXT))
    changes, desired = planned.changeset, read(TEXT)
    text = render_plan(changes, desired, Paper())
    assert "~ touch instance/acme  it is that time" in text
    assert "1 to touch" in text
    assert "`acme` touched" in render_changeset_markdown(changes, desired)
    assert "touch instance/acme" in plan_junit(changes)
    (row,) = status(desired, planned.observed, planned.inventory, changes, EPOCH).instances
    assert "touch: it is that time" in row.detail
    document = json.loads(json.dumps(plan_document(changes, "demo")))
    validate(document)
    assert (document["actions"][0]["verb"], document["summary"]["touch"]) == ("touch", 1)
    assert not touched


def test_a_saved_plan_keeps_it(touched: list[str]) -> None:
    planned, desired = run(made().plan(TEXT)), read(TEXT)
    saved = saved_changesets.save(
        planned, desired, Limits(), now=EPOCH, tool="test", revision=None, server_urls={}, remark=""
    )
    again = saved_changesets.from_plain(json.loads(json.dumps(saved_changesets.to_plain(saved))))
    assert again.changeset == planned.changeset
    assert again.changeset.actions[0].verb is VERBS["touch"]
    assert not touched


def test_history_metrics_and_documentation_name_it(touched: list[str], tmp_path: Path) -> None:
    action = Action(VERBS["touch"], "instance", "acme", "one", Reason.DECLARED, "acme", "acme")
    outcome = Outcome(action, Result.DONE, seconds=1.0)
    document = apply_document(Changeset((action,)), "demo", [outcome], None)
    assert document["outcomes"][0]["id"] == "touch instance/acme on one"
    with open_store(f"sqlite:///{tmp_path}/history.db", "demo") as store:
        number = store.begin_pass("apply", EPOCH, "test", "digest")
        store.record_outcome(number, outcome, EPOCH)
        (record,) = store.outcomes()
    assert record.verb == "touch"
    metrics = Metrics()
    metrics.on_event(ActionEnded(outcome))
    assert 'verb="touch"' in metrics.render(STANDING, EPOCH).decode()
    assert "| `~` | `touch` | *target* touched | it is that time |" in verbs_reference.render()
    assert not touched
