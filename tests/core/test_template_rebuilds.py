"""A template whose text has changed: a new version in its place, when that waits, and what is put right in place all the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from reconciler.core.diffs.fleet_diffs import diff
from reconciler.core.model import names, verbs
from reconciler.core.model.actions import Action, Reason
from reconciler.core.model.changesets import Changeset
from reconciler.core.model.inventory import Inventory
from reconciler.core.model.observed import Access, DatabaseLook
from reconciler.core.model.selection import EVERYTHING, Selection
from reconciler.core.policies.replacements import Replacing
from reconciler.core.policies.template_versions import Rebuilding, version
from tests.core.scenes import NOW, as_declared, changed, desired, mark_for, observed, online, seen_as, spec
from tests.harness.universe import fleet, read

FLEET = desired()
BASE = spec(FLEET, "template/base")
ACTIVE = Inventory(server_states={"one": "active"})
OLDER = replace(as_declared(BASE), mark=replace(mark_for(BASE, as_declared(BASE).uuid), made_of="0ld", digest="before"))
FORMER = replace(OLDER, access=Access.FORMER)
FAILED = Rebuilding(failed=version(BASE), at=NOW - timedelta(hours=1), why="no memory")
BY_HAND = Selection(frozenset([BASE.address]))


def plan(*looks: DatabaseLook, **how: Any) -> Changeset:
    return diff(FLEET, observed(online("one", *looks)), ACTIVE, NOW, **how)


def steps(changes: Changeset) -> list[tuple[str, Reason]]:
    return [(str(a.verb), a.reason) for a in changes.actions if a.kind == "template"]


def the(changes: Changeset, verb: verbs.Verb) -> Action:
    (action,) = [a for a in changes.actions if a.verb is verb]
    return action


def test_one_that_was_made_of_another_text_is_built_anew_in_its_place() -> None:
    build = the(plan(OLDER), verbs.REBUILD)
    assert (build.address, build.server, build.reason) == (BASE.address, "one", Reason.CHANGED)
    assert (build.database, build.becomes) == (BASE.target, BASE.target)
    assert [(c.observed, c.desired) for c in build.changes if c.field == "version"] == [("0ld", version(BASE))]


def test_its_new_version_comes_after_its_new_password() -> None:
    changes = plan(FORMER)
    assert the(changes, verbs.REBUILD).after == (the(changes, verbs.ROTATE).id,)


def test_a_version_that_could_not_be_built_waits_unless_it_is_named_by_hand() -> None:
    failed = seen_as(OLDER, rebuilding=str(FAILED))
    changes = plan(failed)
    assert steps(changes) == []
    (held,) = changes.withheld
    assert held.why.startswith("it could not be built at ")
    assert "no memory" in held.why
    named = plan(failed, selection=BY_HAND)
    assert (steps(named), named.withheld) == ([("rebuild", Reason.CHANGED)], ())


def test_a_new_password_waits_for_no_version_and_a_version_that_waits_for_nothing_either() -> None:
    changes = plan(seen_as(FORMER, rebuilding=str(FAILED)))
    assert steps(changes) == [("rotate-password", Reason.ROTATED)]
    (held,) = changes.withheld
    assert (held.action.verb, held.action.after) == (verbs.REBUILD, ())


def test_no_version_is_built_on_a_server_in_maintenance() -> None:
    text = read(changed(fleet(), "state: active", "state: maintenance"))
    for chosen in (EVERYTHING, BY_HAND):
        changes = diff(text, observed(online("one", OLDER)), ACTIVE, NOW, chosen)
        assert steps(changes) == []
        assert [held.why for held in changes.withheld] == ["server one is in maintenance: nothing new is made there"]


def test_one_that_is_as_declared_is_built_anew_where_that_is_asked_for_and_only_that_one() -> None:
    there = as_declared(BASE)
    assert steps(plan(there, replacing=Replacing("base", kind="template"))) == [("rebuild", Reason.DECLARED)]
    assert steps(plan(there, replacing=Replacing("other", kind="template"))) == []


# What is put right in place


def test_one_that_is_adopted_keeps_its_name_and_what_differs_is_put_right_after_that() -> None:
    text = read(changed(fleet(), "kind: template\n", "kind: template\nadopt: {}\n"))
    there = replace(as_declared(spec(text, "template/base")), mark=None, modules={"base": "installed"})
    changes = diff(text, observed(online("one", there)), ACTIVE, NOW)
    adopt, configure = the(changes, verbs.ADOPT), the(changes, verbs.CONFIGURE)
    assert (adopt.database, adopt.becomes) == (BASE.target, BASE.target)
    assert (configure.after, configure.reason) == ((adopt.id,), Reason.DECLARED)


def test_what_differs_is_shown() -> None:
    configure = the(plan(replace(as_declared(BASE), active_crons=(1,))), verbs.CONFIGURE)
    assert [c.field for c in configure.changes] == ["schedule"]


# What was on its way out of reach


def left_behind(since: timedelta) -> DatabaseLook:
    name = names.trash(BASE.target, NOW - since)
    noted = replace(mark_for(BASE, OLDER.uuid), ended=name, replaced=name)
    return replace(as_declared(BASE), database=name, mark=noted)


def test_of_several_the_newest_comes_back_and_of_the_past_year_none() -> None:
    hour, day = left_behind(timedelta(hours=1)), left_behind(timedelta(days=1))
    for looks in ((hour, day), (day, hour)):
        assert the(plan(*looks), verbs.RETURN).database == hour.database
    assert steps(plan(left_behind(timedelta(days=365)))) == [("create", Reason.DECLARED)]
