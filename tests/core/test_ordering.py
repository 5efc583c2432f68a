"""The order of a changeset: what is needed first, otherwise always the same."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.diffs.ordering import order
from reconciler.core.model import verbs
from reconciler.core.model.actions import Action, Reason
from reconciler.core.model.changesets import Changeset
from reconciler.core.model.verbs import Verb
from tests.core.strategies import changesets


def action(verb: Verb, code: str, *after: Action, server: str = "one", kind: str = "instance") -> Action:
    return Action(verb, kind, code, server, Reason.DECLARED, after=tuple(a.id for a in after))


def test_stages_come_in_the_order_of_the_verbs_then_servers_then_codes() -> None:
    activate = Action(verbs.ACTIVATE, "server", "two", "two", Reason.DECLARED)
    create = action(verbs.CREATE, "base", kind="template")
    clones = [action(verbs.CLONE, c, server=s) for s in ("one", "two") for c in ("a", "b")]
    sweep = Action(verbs.SWEEP, "server", "one", "one", Reason.ABANDONED_BUILD, "building-x")
    expected = (activate, create, *clones, sweep)
    assert order(reversed(expected)) == expected


def test_what_is_needed_comes_first_even_from_a_later_stage() -> None:
    configure = action(verbs.CONFIGURE, "base", kind="template")
    clone = action(verbs.CLONE, "acme", configure)
    assert order([clone, configure]) == (configure, clone)


def test_what_waits_comes_as_soon_as_it_may() -> None:
    create = action(verbs.CREATE, "base", kind="template")
    first, second = action(verbs.CLONE, "a", create), action(verbs.CLONE, "b")
    assert order([first, second, create]) == (create, first, second)


def test_waiting_for_what_is_not_planned_is_a_defect() -> None:
    absent = action(verbs.CLONE, "absent")
    with pytest.raises(ValueError, match=r"not planned: \['clone instance/absent on one'\]"):
        order([action(verbs.CONFIGURE, "a", absent)])


def test_waiting_for_one_another_is_a_defect() -> None:
    first, second = action(verbs.CLONE, "a"), action(verbs.CLONE, "b")
    with pytest.raises(ValueError, match="wait for one another"):
        order([action(verbs.CLONE, "a", second), action(verbs.CLONE, "b", first)])


def test_nothing_gives_nothing() -> None:
    assert order([]) == ()


@given(changesets(), st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
def test_the_order_does_not_depend_on_the_order_of_what_goes_in(changeset: Changeset, chance: random.Random) -> None:
    ordered = order(changeset.actions)
    mixed = list(changeset.actions)
    chance.shuffle(mixed)
    assert order(mixed) == ordered
    places = {a.id: number for number, a in enumerate(ordered)}
    assert len(places) == len(changeset.actions)
    assert all(places[need] < places[a.id] for a in ordered for need in a.after)
