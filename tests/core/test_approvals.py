"""What somebody approves of what a threshold stopped: those very actions, and nothing beside them."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.approvals import approve, still_wanted, without_tried
from reconciler.core.model import verbs
from reconciler.core.model.actions import Action, FieldChange, Reason
from reconciler.core.model.changesets import Changeset, Frozen, by_itself
from reconciler.core.model.observed import Observed, ObservedHost
from reconciler.core.safety import THRESHOLDS, gate
from schemas.fleet import Safety
from tests.core.strategies import changesets

NOTHING = Safety(max_removals=0, max_removals_percent=0, max_changes=0, max_changes_percent=0)


def suspend(code: str, server: str = "one", after: tuple[str, ...] = ()) -> Action:
    return Action(verbs.SUSPEND, "instance", code, server, Reason.DECLARED, code, f"suspended.{code}", after=after)


def answers(*online: str, away: str = "three") -> Observed:
    return Observed({code: ObservedHost(code, online=code != away) for code in (*online, away)})


@settings(max_examples=200)
@given(changesets(), st.data())
def test_what_is_approved_runs_and_of_the_rest_nothing_that_is_counted(
    changeset: Changeset, data: st.DataObject
) -> None:
    stopped = gate(changeset, {}, NOTHING, 20).stopped
    approved = frozenset(each for one in stopped for each in approve(one))
    chosen = frozenset(data.draw(st.sets(st.sampled_from(sorted(approved, key=str))))) if approved else frozenset()
    gated = gate(changeset, {}, NOTHING, 20, approved=chosen)
    for threshold in THRESHOLDS:
        for action in gated.actions:
            assert not threshold.counts(action) or (threshold.name, by_itself(action)) in chosen
    assert not gate(changeset, {}, NOTHING, 20, approved=approved).stopped


@settings(max_examples=200)
@given(changesets())
def test_what_is_stopped_is_blocked_as_well_and_runs_not(changeset: Changeset) -> None:
    gated = gate(changeset, {}, NOTHING, 20)
    running = {by_itself(action) for action in gated.actions}
    for stopped in gated.stopped:
        assert stopped.actions
        assert not running & {*stopped.actions}
        assert {a.address for a in stopped.actions} <= {b.address for b in gated.blocked}


def test_the_digest_is_of_the_actions_whatever_they_wait_for_and_of_nothing_less() -> None:
    def digest(*actions: Action) -> str:
        (stopped,) = gate(Changeset(actions), {}, NOTHING, 20).stopped
        return stopped.digest

    acme, shop = suspend("acme"), suspend("shop")
    assert digest(acme, shop) == digest(acme, replace(shop, after=("suspend instance/acme on one",)))
    changed = replace(shop, changes=(FieldChange("backup", "none", "one in main, made first"),))
    assert len({digest(acme, shop), digest(acme), digest(acme, suspend("shop", "two")), digest(acme, changed)}) == 4


def test_what_was_tried_is_approved_until_its_host_has_answered_again_and_no_longer() -> None:
    acme, shop = suspend("acme", "one"), suspend("shop", "two")
    (stopped,) = gate(Changeset((acme, shop)), {}, NOTHING, 20).stopped
    approved = approve(stopped)
    tried = [replace(acme, after=("something",))]
    assert without_tried(approved, tried, ()) == approved
    assert {action.code for _, action in without_tried(approved, tried, ("one",))} == {"shop"}


def test_what_is_not_wanted_any_more_is_approved_no_longer_once_its_host_says_so() -> None:
    acme, shop = suspend("acme", "one"), suspend("shop", "two")
    (stopped,) = gate(Changeset((acme, shop)), {}, NOTHING, 20).stopped
    approved, now, seen = approve(stopped), Changeset((shop,)), answers("one", "two")
    assert still_wanted(approved, now, seen, ("two",)) == approved
    assert {action.code for _, action in still_wanted(approved, now, seen, ("one", "two"))} == {"shop"}


def test_a_host_that_is_away_or_frozen_shows_of_nothing_that_it_is_not_wanted() -> None:
    acme = replace(suspend("acme", "one"), origin="two")
    approved = frozenset({("removals", acme)})
    frozen = Changeset(frozen=(Frozen("two", "lost", "look"),))
    assert still_wanted(approved, Changeset(), answers("one", away="two"), ("one", "two")) == approved
    assert still_wanted(approved, Changeset(), answers("two", away="one"), ("one", "two")) == approved
    assert still_wanted(approved, frozen, answers("one", "two"), ("one", "two")) == approved
    assert not still_wanted(approved, Changeset(), answers("one", "two"), ("one", "two"))
