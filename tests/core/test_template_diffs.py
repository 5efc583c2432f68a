"""Templates in the diff: created where they are missing, put right where they differ, and what clones must wait for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.core import names, verbs
from reconciler.core.actions import Reason
from reconciler.core.changesets import Changeset
from reconciler.core.depths import Depth, targets
from reconciler.core.diffs import diff
from reconciler.core.inventory import NOTHING_REMEMBERED, Inventory
from reconciler.core.observed import Access, DatabaseLook
from reconciler.core.selection import EVERYTHING
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


AT_LOCK = replace(as_declared(BASE, "switching.template_base"), uuid="its own", mark=mark_for(BASE, "its own"))
WITHOUT_FILES = replace(AT_LOCK, missing_files=3)


def steps(changeset: Changeset) -> list[tuple[str, str]]:
    return [(a.verb, a.database or a.becomes) for a in changeset.actions if a.kind == "template"]


def test_a_publication_that_was_cut_short_goes_on_and_one_without_its_files_is_made_anew() -> None:
    assert steps(plan(AT_LOCK)) == [(verbs.RESUME, "switching.template_base")]
    discard, create, _ = sorted(plan(WITHOUT_FILES).actions, key=lambda a: a.verb is verbs.CLONE)
    assert (discard.verb, create.verb, create.after) == (verbs.DISCARD, verbs.CREATE, (discard.id,))


def test_a_build_at_the_lock_beside_the_template_itself_is_discarded() -> None:
    assert steps(plan(LOOK, AT_LOCK)) == [(verbs.DISCARD, "switching.template_base")]


def test_a_build_at_the_lock_is_looked_at_though_the_template_beside_it_was_verified() -> None:
    seen = observed(online("one", lists=("template_base", "switching.template_base")))
    found = targets(FLEET, seen, remembering(BASE), NOW, Depth(), EVERYTHING)
    assert [t.database for t in found] == ["switching.template_base"]


def test_nothing_new_is_made_after_a_discard_on_a_host_in_maintenance() -> None:
    one = FLEET.servers["one"].model_copy(update={"state": "maintenance"})
    changeset = diff(replace(FLEET, servers={"one": one}), observed(online("one", WITHOUT_FILES)), ACTIVE, NOW)
    assert steps(changeset) == [(verbs.DISCARD, "switching.template_base")]
    assert "in maintenance" in next(b.why for b in changeset.blocked if b.kind == "template")


def test_a_host_that_dies_at_each_publication_is_not_filled_with_what_it_lost() -> None:
    trash = tuple(names.trash("template_base", NOW - timedelta(minutes=n)) for n in (1, 2))
    changeset = plan(WITHOUT_FILES, lists=trash)
    assert steps(changeset) == [(verbs.DISCARD, "switching.template_base")]
    assert "2 builds of it were lost" in next(b.why for b in changeset.blocked if b.kind == "template")
    assert "look why the host dies" in next(b.advice for b in changeset.blocked if b.kind == "template")
    old = tuple(names.trash("template_base", NOW - timedelta(hours=n)) for n in (3, 4))
    assert (verbs.CREATE, "template_base") in steps(plan(lists=old))
