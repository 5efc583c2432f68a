"""Builds of instances that lost their way between two names: brought on, given up, and not made again without end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.core.diffs.fleet_diffs import diff
from reconciler.core.model import names, verbs
from reconciler.core.model.actions import Reason
from reconciler.core.model.changesets import Changeset
from reconciler.core.model.inventory import NOTHING_REMEMBERED
from reconciler.core.model.observed import DatabaseLook
from reconciler.core.model.verbs import Verb
from tests.core.one_instance import ACME, ON_ONE, RENAMED, look_of, plan, refusal
from tests.core.scenes import NOW, desired, instance, observed, online

BUILD = look_of(ACME, "switching.acme")
DISCARD = "discard instance/acme on one"


def never_served(look: DatabaseLook, fleet: str = "demo") -> DatabaseLook:
    assert look.mark is not None
    return replace(look, mark=replace(look.mark, in_service=False, fleet=fleet))


def given_up(name: str, server: str = "one") -> DatabaseLook:
    return never_served(look_of(ACME, name, server))


LOST = replace(never_served(BUILD), missing_files=1)


def steps(changeset: Changeset) -> list[tuple[Verb, str, str, Reason, tuple[str, ...]]]:
    return [(a.verb, a.database, a.becomes, a.reason, a.after) for a in changeset.actions]


def test_a_build_that_lost_its_files_is_given_up_and_made_anew() -> None:
    changeset = plan(ACME, online("one", LOST))
    assert steps(changeset) == [
        (verbs.DISCARD, "switching.acme", "", Reason.INTERRUPTED, ()),
        (verbs.CLONE, "template_base", "acme", Reason.DECLARED, (DISCARD,)),
    ]
    assert changeset.actions[0].id == DISCARD


def test_a_build_beside_the_database_in_service_is_given_up_and_nothing_is_made() -> None:
    beside = online("one", look_of(ACME), never_served(BUILD))
    assert steps(plan(ACME, beside)) == [(verbs.DISCARD, "switching.acme", "", Reason.INTERRUPTED, ())]


@pytest.mark.parametrize(
    "look",
    [
        never_served(BUILD),
        replace(BUILD, missing_files=1),
        replace(never_served(look_of(ACME, "suspended.acme")), missing_files=1),
        replace(never_served(look_of(ACME, "aside-261124110000aaaaa.acme")), missing_files=1),
    ],
)
def test_what_has_its_files_or_was_in_service_or_does_not_bear_the_lock_goes_on(look: DatabaseLook) -> None:
    first = plan(ACME, online("one", look)).actions[0]
    assert (first.verb, first.database, first.becomes) == (verbs.RESUME, look.database, "acme")


def test_a_build_of_another_fleet_is_not_given_up() -> None:
    theirs = replace(LOST, mark=never_served(BUILD, fleet="theirs").mark)
    assert refusal(plan(ACME, online("one", theirs))) == ("one", "switching.acme: it belongs to fleet 'theirs'", "")
    beside = plan(ACME, online("one", look_of(ACME), theirs))
    assert refusal(beside)[1] == "several databases claim to be it: acme on one, switching.acme on one"


def test_a_build_is_given_up_only_after_its_server_was_found_to_be_fit() -> None:
    former = replace(never_served(look_of(instance("old-acme"), "switching.old-acme")), missing_files=1)
    text = desired(RENAMED)
    changeset = diff(text, observed(online("one", former)), NOTHING_REMEMBERED, NOW)
    (discard,) = [a for a in changeset.actions if a.verb is verbs.DISCARD]
    assert (discard.database, discard.after) == ("switching.old-acme", ("activate server/one",))


def test_builds_that_are_lost_again_and_again_are_not_made_without_end() -> None:
    """Two within the build limit (two hours): none is made before the limit has passed for one of them."""

    def trash(*ages: timedelta, target: str = "acme") -> Changeset:
        return plan(ACME, online("one", *(given_up(names.trash(target, NOW - age)) for age in ages)))

    hour, second = timedelta(hours=1), timedelta(seconds=1)
    assert refusal(trash(hour, 2 * hour)) == (
        "",
        "2 builds of it were lost on their way into service on one: trash-261124100000.acme, trash-261124110000.acme",
        "look why the host dies; it is tried again when retention.building_hours have passed",
    )
    for kept in (trash(hour), trash(hour, 2 * hour + second), trash(hour, 2 * hour, target="acme2")):
        assert [a.verb for a in kept.actions] == [verbs.CLONE]


def test_what_is_lost_on_one_server_is_not_made_on_another_either() -> None:
    trash = [given_up(names.trash("acme", NOW - timedelta(minutes=n)), "two") for n in (1, 2)]
    assert "were lost on their way into service on two" in refusal(plan(ACME, online("one"), online("two", *trash)))[1]


def test_what_was_lost_elsewhere_holds_nothing_back_on_the_server_that_the_text_names() -> None:
    """Another instance may have the name there."""
    trash = [given_up(names.trash("acme", NOW - timedelta(minutes=n)), "two") for n in (1, 2)]
    found = plan(ON_ONE, online("one"), online("two", *trash))
    assert [a.id for a in found.actions] == ["clone instance/acme on one"]


AT_THE_LOCK = never_served(look_of(ACME, "switching.acme", "two"))


def test_a_build_at_the_lock_of_a_server_that_the_text_names_no_more_is_given_up_and_made_anew() -> None:
    discard = "discard instance/acme on two"
    assert steps(plan(ON_ONE, online("one"), online("two", AT_THE_LOCK))) == [
        (verbs.DISCARD, "switching.acme", "", Reason.INTERRUPTED, ()),
        (verbs.CLONE, "template_base", "acme", Reason.DECLARED, (discard,)),
    ]
    beside = plan(ON_ONE, online("one", look_of(ON_ONE)), online("two", AT_THE_LOCK))
    assert [a.id for a in beside.actions] == [discard]


def test_a_build_at_the_lock_of_a_server_that_is_left_alone_is_left_there_and_nothing_is_made() -> None:
    older = online("two", AT_THE_LOCK, version="18.0")
    why = "a database switching.acme is on two, and may be this instance's"
    assert refusal(plan(ON_ONE, online("one"), older))[1] == why


def test_a_build_that_is_given_up_does_not_clear_a_database_on_a_third_server() -> None:
    found = plan(ON_ONE, online("one"), online("two", AT_THE_LOCK), online("zoo", lists=("suspended.acme",)))
    assert [a.id for a in found.actions] == ["discard instance/acme on two"]
    (blocked,) = [b for b in found.blocked if b.code == "acme"]
    assert blocked.why == "a database suspended.acme is on zoo, and may be this instance's"
