"""For any fleet and any state of its hosts: what the diff plans is right, safe, complete and always the same."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.core.diffs.fleet_diffs import diff
from reconciler.core.model import names, verbs
from reconciler.core.model.changesets import Changeset
from reconciler.core.model.inventory import Inventory
from reconciler.core.model.names import NameState
from reconciler.core.model.observed import Observed
from reconciler.core.model.selection import Selection
from tests.core.model import BUILD_LIMIT, KEPT, Model, forms_of
from tests.core.scenes import NOW
from tests.core.strategies import CODES, Scene, join, scenes
from tests.harness.universe import read

quick = settings(
    max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], database=None
)
Key = TypeVar("Key")
Value = TypeVar("Value")
ON_SERVERS = {verbs.ACTIVATE, verbs.MAINTAIN, verbs.DISABLE, verbs.SWEEP}


def planned(model: Model) -> Changeset:
    return diff(model.desired, model.observe(), model.inventory(), NOW)


def one_pass(model: Model) -> Changeset:
    changeset = planned(model)
    for action in changeset.actions:
        model.apply(action)
    return changeset


@given(scenes())
@quick
def test_what_was_carried_out_is_not_planned_again(scene: Scene) -> None:
    """After one pass only what was blocked can have become possible, and then nothing is left to do."""
    first = one_pass(scene.model)
    second = one_pass(scene.model)
    blocked = {b.address for b in first.blocked}
    assert {a.address for a in second.actions} <= blocked
    assert planned(scene.model).is_empty


@given(scenes())
@quick
def test_a_foreign_database_is_never_touched(scene: Scene) -> None:
    """Neither changed (the model fails on that) nor, where no document bears its name, logged in to."""
    before = dict(scene.model.foreign())
    one_pass(scene.model)
    gone = {key for key in before if is_past_its_time(key[1])}
    after = scene.model.foreign()
    for key in before.keys() - gone:
        assert after[key] == before[key]
    for server, name in scene.model.logged_in:
        made_by_this_tool = names.parse(name).state in (NameState.BUILDING, NameState.TRASH, *names.ON_ITS_WAY)
        assert made_by_this_tool or names.parse(name).target in declared_on(scene, server)


def is_past_its_time(name: str) -> bool:
    parsed = names.parse(name)
    return names.is_expired_build(parsed, NOW, BUILD_LIMIT) or names.is_expired_trash(parsed, NOW, KEPT)


def declared_on(scene: Scene, server: str) -> set[str]:
    """Name what documents declare: for an instance that is missing, a namesake on another server may be it."""
    instances = scene.desired.instances.values()
    found = {i.database_name for i in instances} | {i.renamed_from for i in instances if i.renamed_from}
    return found | {t.template_db for t in scene.desired.templates.values() if server in t.server_codes}


@given(scenes())
@quick
def test_actions_come_after_what_they_need_and_each_begins_where_the_one_before_ended(scene: Scene) -> None:
    needs: dict[str, set[str]] = {}
    borne: dict[tuple[str, str], str] = {}
    activated: dict[str, str] = {}
    for action in planned(scene.model).actions:
        assert action.id not in needs, "an id names one action"
        assert needs.keys() >= set(action.after), "what it waits for comes first"
        needs[action.id] = {*action.after, *(n for need in action.after for n in needs[need])}
        if action.verb is verbs.ACTIVATE:
            activated[action.server] = action.id
        if action.verb in ON_SERVERS:
            continue
        assert action.server not in activated or activated[action.server] in needs[action.id]
        key = (action.server, action.address)
        if action.verb not in (
            verbs.DISCARD,
            verbs.DROP,
        ):  # of two forms the one that was never in service goes; and old trash
            assert borne.get(key, action.database) == action.database
            borne[key] = action.becomes


@given(scenes())
@quick
def test_nothing_is_dropped_but_expired_building_names_and_trash_past_its_time(scene: Scene) -> None:
    for action in planned(scene.model).actions:
        assert (action.verb is verbs.SWEEP) == names.is_expired_build(names.parse(action.database), NOW, BUILD_LIMIT)
        if action.verb is verbs.DROP:
            assert names.is_expired_trash(names.parse(action.database), NOW, KEPT)
        elif action.verb not in (*ON_SERVERS, verbs.DISCARD, verbs.END):
            assert names.parse(action.becomes).state in names.FORMS


@given(scenes())
@quick
def test_whatever_is_declared_is_there_or_planned_or_blocked_for_a_reason(scene: Scene) -> None:
    changeset = planned(scene.model)
    assert all(b.why and b.kind and b.code for b in changeset.blocked)
    spoken_of = {b.address for b in changeset.blocked} | {a.address for a in changeset.actions}
    for instance in scene.desired.instances.values():
        if instance.state == "absent" or f"instance/{instance.code}" in spoken_of:
            continue
        places = [instance.server] if instance.server else list(scene.model.hosts)
        states = [s for place in places for s in forms_of(scene.model, place, instance.database_name)]
        expected = NameState.PUBLISHED if instance.state == "active" else NameState.SUSPENDED
        assert expected in states, f"nobody speaks of {instance.code}"


@given(scenes())
@quick
def test_absent_instances_are_ended_and_nothing_else_is_done_to_them_and_what_is_not_absent_is_never_ended(
    scene: Scene,
) -> None:
    absent = {f"instance/{i.code}" for i in scene.desired.instances.values() if i.state == "absent"}
    for action in planned(scene.model).actions:
        if action.address in absent:
            assert action.verb in (verbs.END, verbs.DISCARD, verbs.DROP)
        else:
            assert action.verb is not verbs.END


@given(scenes(), st.randoms(use_true_random=False))
@quick
def test_the_diff_is_the_same_in_any_order_of_what_goes_into_it(scene: Scene, chance: random.Random) -> None:
    inventory, observed = scene.model.inventory(), scene.model.observe()
    first = diff(scene.desired, observed, inventory, NOW)
    documents = list(scene.documents)
    chance.shuffle(documents)
    entries = dict(shuffled(inventory.entries, chance))
    states = dict(shuffled(inventory.server_states, chance))
    hosts = {
        code: replace(host, looks=dict(shuffled(host.looks, chance))) for code, host in shuffled(observed.hosts, chance)
    }
    again = diff(read(join(tuple(documents))), Observed(hosts), Inventory(entries, states), NOW)
    assert again == first
    assert again.digest() == first.digest()


def shuffled(mapping: Mapping[Key, Value], chance: random.Random) -> list[tuple[Key, Value]]:
    items = list(mapping.items())
    chance.shuffle(items)
    return items


@given(scenes(), st.sets(st.sampled_from(CODES), min_size=1, max_size=2))
@quick
def test_a_limited_run_does_what_was_chosen_and_what_that_needs(scene: Scene, codes: set[str]) -> None:
    selection = Selection(frozenset(f"instance/{code}" for code in codes))
    limited = diff(scene.desired, scene.model.observe(selection), scene.model.inventory(), NOW, selection)
    ids = {a.id for a in limited.actions}
    needed = {need for a in limited.actions for need in a.after}
    assert needed <= ids
    for action in limited.actions:
        assert action.address in selection.addresses or action.id in needed
        scene.model.apply(action)
    assert {b.address for b in limited.blocked} <= selection.addresses
