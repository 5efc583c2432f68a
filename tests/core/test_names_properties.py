"""For any text and any names: what is read back is what was made, and no way leads from service to being dropped."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given, settings

from reconciler.core.model import names
from reconciler.core.model.names import NameState
from tests.core.strategies import DROPPABLE, SERVING, any_moment, any_nonce, any_target, any_text, our_names

LIMIT = timedelta(hours=2)
quick = settings(max_examples=300, deadline=None, derandomize=True, database=None)


@given(any_target, any_moment, any_nonce)
@quick
def test_names_are_read_back_as_they_were_made(target: str, now: datetime, nonce: str) -> None:
    assert names.parse(target) == names.DatabaseName(target, NameState.PUBLISHED, target)
    for name, state in ((names.switching(target), "switching"), (names.suspended(target), "suspended")):
        assert names.parse(name) == names.DatabaseName(name, NameState(state), target)
    built = names.building(target, now, nonce)
    assert names.parse(built) == names.DatabaseName(built, NameState.BUILDING, target, now)
    assert len(built.encode()) <= names.POSTGRESQL_LIMIT


@given(any_text)
@quick
def test_any_text_has_one_reading_and_an_unknown_one_has_no_target(text: str) -> None:
    name = names.parse(text)
    assert name.text == text
    assert (name.target == "") == (name.state is NameState.UNKNOWN)
    timed = (NameState.BUILDING, NameState.ASIDE, NameState.TRASH, NameState.MOVED)
    assert (name.since is not None) == (name.state in timed)


@given(any_text, any_moment)
@quick
def test_only_a_building_name_ever_expires(text: str, now: datetime) -> None:
    name = names.parse(text)
    if names.is_expired_build(name, now, LIMIT):
        assert name.state is NameState.BUILDING
        assert name.since is not None
        assert name.since < now - LIMIT


@given(our_names(), our_names() | any_text)
@quick
def test_no_rename_leads_from_service_or_from_trash_to_a_droppable_name(old: str, new: str) -> None:
    if names.forbidden_rename(old, new) == "":
        source, goal = names.parse(old), names.parse(new)
        assert goal.state in SERVING
        assert source.state in (*SERVING, NameState.BUILDING)
        assert len(new.encode()) <= names.POSTGRESQL_LIMIT


@given(any_target, any_target, any_moment, any_nonce)
@quick
def test_a_build_goes_to_the_lock_of_its_own_name_only(target: str, other: str, now: datetime, nonce: str) -> None:
    built = names.building(target, now, nonce)
    assert names.forbidden_rename(built, names.switching(target)) == ""
    for goal in (target, names.suspended(target), other, names.suspended(other)):
        assert names.forbidden_rename(built, goal)
    assert (names.forbidden_rename(built, names.switching(other)) == "") == (other == target)


@given(our_names(), our_names() | any_text)
@quick
def test_every_way_into_service_leads_through_the_lock_of_the_name(old: str, new: str) -> None:
    if names.forbidden_rename(old, new) == "" and names.parse(new).state in names.IN_SERVICE:
        assert old == names.switching(names.parse(new).target)


@given(our_names(), our_names() | any_text)
@quick
def test_only_the_lock_is_left_for_trash_and_by_its_own_target(old: str, new: str) -> None:
    if names.forbidden_trash(old, new) == "":
        assert names.parse(new).state is NameState.TRASH
        assert old == names.switching(names.parse(new).target)


@given(our_names(), our_names())
@quick
def test_service_and_trash_are_never_one_step_apart(old: str, new: str) -> None:
    """Read the other way: from a name in service each allowed step ends at a name that nothing drops."""
    if names.parse(old).state in SERVING and names.forbidden_rename(old, new) == "":
        assert names.parse(new).state not in DROPPABLE
