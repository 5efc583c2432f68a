"""Changesets and actions as data: names that are unique, a digest that is of the actions and of nothing else."""

from __future__ import annotations

from dataclasses import replace

from reconciler.core.model import verbs
from reconciler.core.model.actions import Action, FieldChange, Reason
from reconciler.core.model.changesets import Blocked, Changeset, Left, LeftAlone

CLONE = Action(verbs.CLONE, "instance", "acme", "one", Reason.DECLARED, "template_base", "acme", after=("x",))


def test_actions_are_named_by_what_they_do_to_what_and_where() -> None:
    assert CLONE.id == "clone instance/acme on one"
    assert CLONE.address == "instance/acme"
    assert Action(verbs.ACTIVATE, "server", "one", "one", Reason.DECLARED).id == "activate server/one"
    sweep = Action(verbs.SWEEP, "server", "one", "one", Reason.ABANDONED_BUILD, "building-x.acme")
    assert sweep.id == "sweep building-x.acme on one"


def test_a_changeset_with_only_blocked_things_is_empty_but_not_converged() -> None:
    blocked = Changeset(blocked=(Blocked("instance", "acme", "one", "why"),))
    assert blocked.is_empty
    assert not blocked.is_converged
    assert Changeset().is_converged
    assert not Changeset((CLONE,)).is_empty


def test_what_is_left_alone_does_not_stand_in_the_way_of_convergence() -> None:
    assert Changeset(left_alone=(LeftAlone("one", "suspended.x", "orphan", Left.ORPHAN),), foreign=3).is_converged


def test_the_digest_changes_with_anything_that_an_action_says() -> None:
    variants = [
        CLONE,
        replace(CLONE, verb=verbs.CONFIGURE),
        replace(CLONE, code="beta"),
        replace(CLONE, server="two"),
        replace(CLONE, reason=Reason.CHANGED),
        replace(CLONE, becomes="suspended.acme"),
        replace(CLONE, after=()),
        replace(CLONE, changes=(FieldChange("lang", "a", "b"),)),
        replace(CLONE, changes=(FieldChange("lang", "a", "c"),)),
    ]
    assert len({Changeset((v,)).digest() for v in variants}) == len(variants)
    two = replace(CLONE, code="beta")
    assert Changeset((CLONE, two)).digest() != Changeset((two, CLONE)).digest()


def test_the_digest_is_the_same_on_every_machine() -> None:
    assert Changeset((CLONE,)).digest() == "ba3f6d92060a47d7be7919d2f6e7bbd05426c15635b9ab6e733e2500167bc5bf"
    assert Changeset((CLONE,), (Blocked("a", "b", "c", "d"),), foreign=9).digest() == Changeset((CLONE,)).digest()
