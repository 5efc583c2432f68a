"""Templates in the diff: created where they are missing, put right where they differ, and what clones must wait for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.core import verbs
from reconciler.core.actions import Reason
from reconciler.core.changesets import Changeset
from reconciler.core.diffs import diff
from reconciler.core.inventory import NOTHING_REMEMBERED, Inventory
from reconciler.core.observed import Access, DatabaseLook
from tests.core.scenes import NOW, as_declared, desired, instance, mark_for, observed, online, remembering, spec

FLEET = desired(instance("acme", server="one"))
BASE = spec(FLEET, "template/base")
LOOK = as_declared(BASE)
ACTIVE = Inventory(server_states={"one": "active"})


def plan(*looks: DatabaseLook, inventory: Inventory = ACTIVE, lists: tuple[str, ...] = ()) -> Changeset:
    return diff(FLEET, observed(online("one", *looks, lists=lists)), inventory, NOW)


def test_a_missing_template_is_created_before_it_is_cloned() -> None:
    create, clone = plan().actions
    assert (create.verb, create.becomes, create.database, create.reason) == (
        verbs.CREATE,
        "template_base",
        "",
        Reason.DECLARED,
    )
    assert (clone.verb, clone.database, clone.becomes) == (verbs.CLONE, "template_base", "acme")
    assert clone.after == (create.id,)


def test_a_template_on_several_servers_is_made_on_each() -> None:
    fleet = desired(servers=("one", "two"))
    seen = observed(online("one", as_declared(spec(fleet, "template/base"))), online("two"))
    actions = diff(fleet, seen, NOTHING_REMEMBERED, NOW).actions
    assert [(a.verb, a.server) for a in actions] == [(verbs.ACTIVATE, "two"), (verbs.CREATE, "two")]


def test_one_that_is_as_declared_is_cloned_at_once() -> None:
    (clone,) = plan(LOOK).actions
    assert clone.after == ()


def test_one_that_was_verified_and_not_looked_at_again_is_cloned_at_once() -> None:
    (clone,) = plan(lists=("template_base",), inventory=remembering(BASE)).actions
    assert clone.after == ()


@pytest.mark.parametrize(
    ("look", "reason"),
    [
        (replace(LOOK, modules={"base": "installed"}), Reason.DRIFTED),
        (replace(LOOK, mark=replace(mark_for(BASE, LOOK.uuid), digest="of an earlier text")), Reason.CHANGED),
        (replace(LOOK, mark=replace(mark_for(BASE, LOOK.uuid), digest="")), Reason.INTERRUPTED),
        (replace(LOOK, mark=replace(mark_for(BASE, LOOK.uuid), moving_from="building-x")), Reason.INTERRUPTED),
        (replace(LOOK, active_crons=(1,)), Reason.DRIFTED),
    ],
)
def test_one_that_differs_is_configured_before_it_is_cloned(look: DatabaseLook, reason: Reason) -> None:
    clone, configure = sorted(plan(look).actions, key=lambda a: a.kind)
    assert (configure.verb, configure.reason) == (verbs.CONFIGURE, reason)
    assert clone.after == (configure.id,)


def test_a_rotation_comes_first_then_what_differs_then_the_clones() -> None:
    rotated = replace(LOOK, access=Access.FORMER, mark=replace(mark_for(BASE, LOOK.uuid), digest="before"))
    rotate, configure, clone = plan(rotated).actions
    assert (rotate.verb, rotate.reason) == (verbs.ROTATE, Reason.ROTATED)
    assert configure.after == (rotate.id,)
    assert clone.after == (configure.id,)


def test_a_rotation_of_the_key_alone_ends_with_a_mark_that_says_what_was_applied() -> None:
    """The text of the document is the same, so only the password differs: the digest is cleared all the same."""
    planned = [a.verb for a in plan(replace(LOOK, access=Access.FORMER)).actions]
    assert planned == [verbs.ROTATE, verbs.CONFIGURE, verbs.CLONE]


@pytest.mark.parametrize(
    ("look", "why"),
    [
        (DatabaseLook("template_base", Access.FAILED, "half-made"), "half-made"),
        (replace(LOOK, mark=None), "it bears no mark of this fleet"),
        (replace(LOOK, uuid="another"), "it is a copy of template/base, not the original"),
    ],
)
def test_one_that_is_not_ours_is_not_touched_and_not_cloned(look: DatabaseLook, why: str) -> None:
    changeset = plan(look)
    assert changeset.actions == ()
    assert [(b.kind, b.why) for b in changeset.blocked] == [
        ("instance", f"template base cannot be cloned on one: {why}"),
        ("template", f"template_base: {why}"),
    ]


def test_a_retired_template_is_left_as_it_is() -> None:
    base = FLEET.templates["base"].model_copy(update={"active": False})
    retired = replace(FLEET, templates={"base": base}, instances={})
    assert diff(retired, observed(online("one")), ACTIVE, NOW).is_converged
