"""Templates in the diff: created where they are missing, put right where they differ, and what clones must wait for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.core.depths import Depth, targets
from reconciler.core.diffs.fleet_diffs import diff
from reconciler.core.model import names, verbs
from reconciler.core.model.actions import Reason
from reconciler.core.model.changesets import Blocked, Changeset
from reconciler.core.model.inventory import NOTHING_REMEMBERED, Inventory
from reconciler.core.model.observed import Access, DatabaseLook
from reconciler.core.model.selection import EVERYTHING
from reconciler.core.model.verbs import Verb
from tests.core.scenes import (
    NOW,
    as_declared,
    changed,
    desired,
    instance,
    mark_for,
    observed,
    online,
    remembering,
    spec,
)
from tests.harness.universe import fleet, read

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
    assert [(c.field, c.observed) for c in rotate.changes] == [("admin_password", "a former password")]
    assert {(a.database, a.becomes) for a in (rotate, configure)} == {("template_base", "template_base")}
    assert configure.after == (rotate.id,)
    assert clone.after == (configure.id,)


def test_a_rotation_of_the_key_alone_ends_with_a_mark_that_says_what_was_applied() -> None:
    """The text of the document is the same, so only the password differs: the digest is cleared all the same."""
    planned = [a.verb for a in plan(replace(LOOK, access=Access.FORMER)).actions]
    assert planned == [verbs.ROTATE, verbs.CONFIGURE, verbs.CLONE]


@pytest.mark.parametrize(
    ("look", "why", "advice"),
    [
        (DatabaseLook("template_base", Access.FAILED, "half-made"), "half-made", ""),
        (
            replace(LOOK, mark=None),
            "it bears no mark of this fleet",
            "it was not made by this fleet: choose another `template_db`",
        ),
        (
            replace(LOOK, uuid="another"),
            "it is a copy of template/base, not the original",
            "if it is to be template/base, set its parameter odoo_fleet.uuid to its database.uuid",
        ),
    ],
)
def test_one_that_is_not_ours_is_not_touched_and_not_cloned(look: DatabaseLook, why: str, advice: str) -> None:
    changeset = plan(look)
    assert changeset.actions == ()
    assert changeset.blocked == (
        Blocked("instance", "acme", "one", f"template base cannot be cloned on one: {why}", advice),
        Blocked("template", "base", "one", f"template_base: {why}", advice),
    )


def test_a_refused_password_is_drift_of_a_template_that_is_remembered_and_else_it_is_not_taken_for_ours() -> None:
    def why(inventory: Inventory) -> str:
        changeset = plan(DatabaseLook("template_base", Access.REFUSED), inventory=inventory)
        (blocked,) = [b for b in changeset.blocked if b.kind == "template"]
        return blocked.why

    assert "so it is not taken for ours" in why(ACTIVE)
    assert "no longer answers to the declared password" in why(remembering(BASE))


def test_a_template_is_not_made_on_a_server_in_maintenance() -> None:
    text = read(changed(fleet(), "state: active", "state: maintenance"))
    assert diff(text, observed(online("one")), NOTHING_REMEMBERED, NOW).blocked == (
        Blocked("template", "base", "one", "server one is in maintenance: nothing new is made there"),
    )


def test_a_retired_template_is_left_as_it_is() -> None:
    base = FLEET.templates["base"].model_copy(update={"active": False})
    retired = FLEET.having("template", {"base": base}).having("instance", {})
    assert diff(retired, observed(online("one")), ACTIVE, NOW).is_converged


# A publication that was cut short

SET_IT = (
    "set the password of that account to what `odoo-fleet secret show template/base admin_password` prints"
    " (if the text names another secret now, too); the tool never resets it by force"
)
BETWEEN = as_declared(BASE, "switching.template_base")
WITHOUT_FILES = replace(BETWEEN, missing_files=3)
SERVED = replace(BETWEEN, mark=replace(mark_for(BASE, BETWEEN.uuid), in_service=True))
ASIDE = "aside-261124110000aaaaa.template_base"


def steps(changeset: Changeset) -> list[tuple[Verb, str, str, Reason, tuple[str, ...]]]:
    return [(a.verb, a.database, a.becomes, a.reason, a.after) for a in changeset.actions]


@pytest.mark.parametrize("look", [BETWEEN, SERVED, replace(SERVED, missing_files=2), as_declared(BASE, ASIDE)])
def test_one_that_was_left_between_two_names_is_brought_to_its_own_before_it_is_cloned(look: DatabaseLook) -> None:
    resume = "resume template/base on one"
    assert steps(plan(look)) == [
        (verbs.RESUME, look.database, "template_base", Reason.INTERRUPTED, ()),
        (verbs.CLONE, "template_base", "acme", Reason.DECLARED, (resume,)),
    ]


def test_one_that_lost_its_files_on_the_way_and_was_never_in_service_is_made_anew() -> None:
    discard, create = "discard template/base on one", "create template/base on one"
    assert steps(plan(WITHOUT_FILES)) == [
        (verbs.DISCARD, "switching.template_base", "", Reason.INTERRUPTED, ()),
        (verbs.CREATE, "", "template_base", Reason.DECLARED, (discard,)),
        (verbs.CLONE, "template_base", "acme", Reason.DECLARED, (create,)),
    ]
    set_aside = replace(as_declared(BASE, ASIDE), missing_files=1)
    assert steps(plan(set_aside))[0][:2] == (verbs.RESUME, ASIDE), "only from the lock a build goes to trash"
    assert steps(plan(WITHOUT_FILES, set_aside))[:2] == [
        (verbs.DISCARD, "switching.template_base", "", Reason.INTERRUPTED, ()),
        (verbs.RESUME, ASIDE, "template_base", Reason.INTERRUPTED, (discard,)),
    ]


def test_a_build_at_the_lock_beside_the_template_itself_is_discarded() -> None:
    assert steps(plan(LOOK, BETWEEN)) == [
        (verbs.CLONE, "template_base", "acme", Reason.DECLARED, ()),
        (verbs.DISCARD, "switching.template_base", "", Reason.INTERRUPTED, ()),
    ]


def test_a_build_at_the_lock_is_looked_at_though_the_template_beside_it_was_verified() -> None:
    seen = observed(online("one", lists=("template_base", "switching.template_base")))
    found = targets(FLEET, seen, remembering(BASE), NOW, Depth(), EVERYTHING)
    assert [t.database for t in found] == ["switching.template_base"]


def test_nothing_new_is_made_after_a_discard_on_a_host_in_maintenance() -> None:
    one = FLEET.servers["one"].model_copy(update={"state": "maintenance"})
    changeset = diff(FLEET.having("server", {"one": one}), observed(online("one", WITHOUT_FILES)), ACTIVE, NOW)
    assert [(a.verb, a.database) for a in changeset.actions if a.kind == "template"] == [
        (verbs.DISCARD, "switching.template_base")
    ]
    assert "in maintenance" in next(b.why for b in changeset.blocked if b.kind == "template")


def test_a_host_that_dies_at_each_publication_is_not_filled_with_what_it_lost() -> None:
    trash = tuple(names.trash("template_base", NOW - timedelta(minutes=n)) for n in (1, 2))
    changeset = plan(WITHOUT_FILES, lists=trash)
    assert [(a.verb, a.database) for a in changeset.actions] == [(verbs.DISCARD, "switching.template_base")]
    assert "2 builds of it were lost" in next(b.why for b in changeset.blocked if b.kind == "template")
    assert "look why the host dies" in next(b.advice for b in changeset.blocked if b.kind == "template")
    old = tuple(names.trash("template_base", NOW - timedelta(hours=n)) for n in (3, 4))
    assert [(a.verb, a.becomes) for a in plan(lists=old).actions] == [
        (verbs.CREATE, "template_base"),
        (verbs.CLONE, "acme"),
    ]


@pytest.mark.parametrize(
    ("name", "look", "why", "advice"),
    [
        ("switching.template_base", None, "it was never looked at", "run without --shallow"),
        (
            "suspended.template_base",
            as_declared(BASE, "suspended.template_base"),
            "a template is not suspended",
            "rename it by hand",
        ),
        (
            "switching.template_base",
            replace(BETWEEN, mark=None),
            "it bears no mark of this fleet",
            "it was not made by this fleet: choose another `template_db`",
        ),
        (
            "switching.template_base",
            DatabaseLook("switching.template_base", Access.REFUSED),
            "its account 'admin' no longer answers to the declared password",
            SET_IT,
        ),
    ],
)
def test_one_that_cannot_be_brought_to_its_name_says_why_and_is_not_cloned(
    name: str, look: DatabaseLook | None, why: str, advice: str
) -> None:
    changeset = plan(*filter(None, [look]), lists=(name,))
    assert changeset.actions == ()
    assert changeset.blocked == (
        Blocked("instance", "acme", "one", f"template base cannot be cloned on one: {why}", advice),
        Blocked("template", "base", "one", f"{name}: {why}", advice),
    )


def left_by_a_rebuild(since: timedelta = timedelta(hours=1), **mark: Any) -> DatabaseLook:
    """What the template was when its next version was to take its place, and whoever did that died."""
    name = names.trash(BASE.target, NOW - since)
    noted = replace(mark_for(BASE, LOOK.uuid), ended=name, replaced=name)
    return replace(LOOK, database=name, mark=replace(noted, **mark))


def test_a_template_that_was_on_its_way_out_of_reach_comes_back_before_another_is_made() -> None:
    older, newest = left_by_a_rebuild(timedelta(hours=2)), left_by_a_rebuild()
    back, clone = plan(newest, older).actions
    assert (back.verb, back.address, back.server, back.reason) == (
        verbs.RETURN,
        BASE.address,
        "one",
        Reason.INTERRUPTED,
    )
    assert (back.database, back.becomes) == (newest.database, BASE.target)
    assert (clone.verb, clone.after) == (verbs.CLONE, (back.id,))
    activate, back, _ = plan(newest, inventory=NOTHING_REMEMBERED).actions
    assert (activate.verb, back.after) == (verbs.ACTIVATE, (activate.id,))


@pytest.mark.parametrize(
    "look",
    [
        replace(left_by_a_rebuild(), access=Access.REFUSED),
        left_by_a_rebuild(fleet="another"),
        left_by_a_rebuild(replaced=""),
        left_by_a_rebuild(ended="", replaced=""),
        left_by_a_rebuild(timedelta(days=31)),
    ],
    ids=["closed", "another fleet's", "ended by its text", "never ended", "past its retention"],
)
def test_what_else_lies_in_the_trash_under_a_templates_name_stays_there(look: DatabaseLook) -> None:
    assert [a.verb for a in plan(look).actions if a.kind == "template"] == [verbs.CREATE]
    assert [a.verb for a in plan(lists=(look.database,)).actions if a.kind == "template"] == [verbs.CREATE]


def test_on_a_server_that_was_not_asked_nothing_is_made_of_it() -> None:
    changeset = diff(FLEET, observed(), ACTIVE, NOW)
    assert changeset.actions == ()
    assert Blocked("template", "base", "one", "server one was not asked") in changeset.blocked
