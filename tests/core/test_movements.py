"""What makes a saved changeset another one, and what does not, decided from facts alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.core.deciding import Limits, Planned, decide
from reconciler.core.depths import Depth
from reconciler.core.model import names
from reconciler.core.model.changesets import Blocked, Changeset, Left, LeftAlone, Removed, Withheld
from reconciler.core.model.inventory import NOTHING_REMEMBERED
from reconciler.core.model.observed import Observed
from reconciler.core.model.selection import Selection
from reconciler.core.revisions import compare
from reconciler.planfile.movements import exactly, moved_world
from reconciler.planfile.saved_changesets import (
    SavedChangeset,
    as_deep_as,
    check_kind,
    from_plain,
    limits_of,
    save,
    to_plain,
)
from tests.core.scenes import EXPIRED, NOW, as_declared, desired, instance, observed, offline, online, spec, unfinished

FLEET = desired(
    instance("acme", server="one"),
    instance("bistro", server="two"),
    instance("cafe", server="one"),
    servers=("one", "two"),
)
ONE = online("one", as_declared(spec(FLEET, "template/base")), lists=("acme",))
TWO = online("two", lists=("template_base", "bistro"), version="19.0")
HOSTS = observed(ONE, TWO)


def plan(hosts: Observed = HOSTS, *, later: timedelta = timedelta(0)) -> Planned:
    return decide(FLEET, hosts, NOTHING_REMEMBERED, NOW + later, Limits())


def saved(planned: Planned, limits: Limits | None = None) -> SavedChangeset:
    """Save a plan, and read it back from JSON."""
    made = save(planned, FLEET, limits or Limits(), now=NOW, tool="1.0", revision=None, server_urls={}, remark="")
    return from_plain(check_kind(json.loads(json.dumps(to_plain(made)))))


def moved(then: Planned, now: Planned) -> tuple[str, ...]:
    return moved_world(saved(then), now, FLEET)


def test_what_is_read_back_is_what_was_saved() -> None:
    planned = plan()
    assert planned.changeset.actions
    since = compare(FLEET, FLEET, revision="main", commit="a" * 40)
    limits = Limits(
        since.narrow(Selection(frozenset({"instance/acme"}), (("tier", "gold"),))),
        Depth(shallow=True, verify_after=timedelta(hours=1), rotation_per_host=9),
        frozenset({"one"}),
        allowed=frozenset({"removals"}),
        since=since,
    )
    back = saved(planned, limits)
    assert back.changeset == planned.changeset
    assert limits_of(back) == replace(limits, exactly=True)


def test_the_same_decision_has_not_moved() -> None:
    assert moved(plan(), plan(later=timedelta(days=3))) == ()


def test_why_a_host_does_not_answer_may_be_said_otherwise() -> None:
    then, now = (
        plan(observed(ONE, replace(offline("two"), problem=problem))) for problem in ("refused", "no answer in 30 s")
    )
    assert then.changeset.blocked != now.changeset.blocked
    assert moved(then, now) == ()


def test_a_host_that_answers_again_has_moved() -> None:
    reasons = moved(plan(observed(ONE, offline("two"))), plan())
    assert reasons[0] == "two answers now, and did not"
    assert "instance/bistro is no longer blocked as it was: server two is offline: connection refused" in reasons


def test_databases_of_others_and_builds_have_not_moved() -> None:
    fresh = names.building("zoo", NOW, "abcde")
    more = online("one", as_declared(spec(FLEET, "template/base")), lists=("acme", "wiki", fresh))
    assert moved(plan(), plan(observed(more, TWO))) == ()
    assert moved(plan(observed(more, TWO)), plan()) == ()


def test_sweeps_are_done_only_if_they_were_saved_and_are_still_due() -> None:
    with_build = observed(
        online("one", as_declared(spec(FLEET, "template/base")), unfinished(EXPIRED), lists=("acme",)), TWO
    )
    without, due = plan(), plan(with_build)
    assert [a.id for a in due.changeset.actions if a.id not in {b.id for b in without.changeset.actions}] == [
        f"sweep {EXPIRED} on one"
    ]
    assert moved(without, due) == moved(due, without) == ()
    assert exactly(saved(without), due).changeset.actions == without.changeset.actions
    assert exactly(saved(due), without).changeset.actions == without.changeset.actions
    assert exactly(saved(due), due).changeset.actions == due.changeset.actions


def test_a_fresh_look_is_as_deep_as_the_first_and_takes_in_what_is_new() -> None:
    limits = as_deep_as(saved(plan()), Limits())
    assert limits.depth.again == {("one", "template_base")}
    assert limits.depth.passed_over == {("one", "acme"), ("two", "bistro"), ("two", "template_base")}


Edit = Callable[[Changeset], Changeset]
BLOCKED = Blocked("instance", "zoo", "one", "it is full")
LEFT = LeftAlone("one", "suspended.zoo", "orphan", Left.ORPHAN)
GONE = Removed("instance", "zoo", "one", "zoo", "stays in service")

EDITS: dict[str, tuple[Edit, str]] = {
    "an action gone": (lambda c: replace(c, actions=c.actions[1:]), "no longer to be done"),
    "an action changed": (
        lambda c: replace(c, actions=(replace(c.actions[0], becomes="evil"), *c.actions[1:])),
        "its becomes is evil",
    ),
    "something blocked": (
        lambda c: replace(c, blocked=(*c.blocked, BLOCKED)),
        "instance/zoo is blocked now: it is full",
    ),
    "something withheld": (
        lambda c: replace(c, actions=c.actions[1:], withheld=(Withheld(c.actions[0], "paused"),)),
        "withheld now: paused",
    ),
    "something left alone": (
        lambda c: replace(c, left_alone=(LEFT,)),
        "suspended.zoo on one is left alone now: orphan",
    ),
    "something removed": (
        lambda c: replace(c, removed=(GONE,)),
        "instance/zoo, which is no longer declared (one): stays in service",
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_every_part_of_a_decision_counts_both_ways(name: str) -> None:
    edit, words = EDITS[name]
    planned = plan()
    other = replace(planned, changeset=edit(planned.changeset))
    assert any(words in reason for reason in moved(planned, other))
    assert moved(other, planned)


def test_two_databases_of_others_more_or_less_are_only_counted() -> None:
    planned = plan()
    assert moved(planned, replace(planned, changeset=replace(planned.changeset, foreign=7))) == ()
