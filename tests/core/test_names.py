"""Names as states: what is read as a mark and what only looks like one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from reconciler.core.model import names
from reconciler.core.model.names import LONGEST_TARGET, NameState
from tests.core.scenes import EXPIRED, FRESH, NOW

LIMIT = timedelta(hours=2)
ASIDE = names.aside("acme", NOW, "abcde")
TRASH = names.trash("acme", NOW)
MOVED = names.moved("acme", NOW)


@pytest.mark.parametrize(
    "text",
    [
        "Acme",
        "acme.",
        ".acme",
        "-acme",
        "a.b",
        "acme.suspended",
        "suspended.Acme",
        "suspended.a.b",
        "Suspended.acme",
        "published.acme",
        "unknown.acme",
        "building.acme",
        "building-.acme",
        "building-261124120000.acme",
        "building-261124120000abc.acme",
        "building-261124120000ABCDE.acme",
        "building-261324120000abcde.acme",
        "building-261124250000abcde.acme",
        "building-\uff12\uff161124120000abcde.acme",
        "trash-.acme",
        "trash-261124120000abcde.acme",
        "moved.acme",
        "trash-26112412000.acme",
        "Bad Name!",
        "",
        "acme\n",
        "template1 ",
    ],
)
def test_what_only_looks_like_a_mark_is_unknown(text: str) -> None:
    assert names.parse(text) == names.DatabaseName(text, NameState.UNKNOWN, "")


def test_times_in_names_are_utc_wherever_they_were_made() -> None:
    brussels = datetime(2026, 11, 24, 13, 0, tzinfo=UTC).astimezone(tz=None)
    assert names.building("acme", brussels, "abcde") == "building-261124130000abcde.acme"
    assert names.parse("trash-261124130000.acme").since == datetime(2026, 11, 24, 13, 0, tzinfo=UTC)


def test_the_longest_declared_name_fits_in_every_form_and_a_longer_one_is_refused() -> None:
    longest = "a" * LONGEST_TARGET
    assert len(names.building(longest, NOW, "abcde")) == names.POSTGRESQL_LIMIT
    with pytest.raises(ValueError, match="longer than 63 bytes"):
        names.building(longest + "a", NOW, "abcde")


@pytest.mark.parametrize("target", ["", "Acme", "a.b", "acme\n", "-a", "é"])
def test_no_name_is_made_of_what_cannot_be_declared(target: str) -> None:
    for make in (names.suspended, names.switching):
        with pytest.raises(ValueError, match="not a declared database name"):
            make(target)


@pytest.mark.parametrize("nonce", ["", "abcd", "abcdef", "ABCDE", "ab.de"])
def test_a_nonce_of_another_form_is_refused(nonce: str) -> None:
    with pytest.raises(ValueError, match="nonce"):
        names.building("acme", NOW, nonce)


def test_a_build_expires_after_its_limit_and_not_at_it() -> None:
    name = names.parse(names.building("acme", NOW, "abcde"))
    assert not names.is_expired_build(name, NOW + LIMIT, LIMIT)
    assert names.is_expired_build(name, NOW + LIMIT + timedelta(seconds=1), LIMIT)
    assert not names.is_expired_build(name, NOW - timedelta(days=1), LIMIT), "made by a clock that goes ahead"
    assert not names.is_expired_build(names.parse(FRESH), NOW, LIMIT)
    assert names.is_expired_build(names.parse(EXPIRED), NOW, LIMIT)


@pytest.mark.parametrize("text", ["trash-200101000000.acme", "moved-200101000000.acme", "suspended.acme", "acme"])
def test_nothing_else_ever_expires(text: str) -> None:
    assert not names.is_expired_build(names.parse(text), NOW, LIMIT)


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [
        (FRESH, "acme", False),
        (FRESH, "suspended.acme", False),
        (FRESH, "switching.acme", True),
        (FRESH, "switching.beta", False),
        (FRESH, ASIDE, False),
        (FRESH, EXPIRED, False),
        (FRESH, "beta", False),
        ("acme", "switching.acme", True),
        ("acme", "switching.acme2", True),
        ("acme", "suspended.acme", False),
        ("acme", "acme2", False),
        ("acme", FRESH, False),
        ("acme", "trash-261124120000.acme", False),
        ("suspended.acme", "switching.acme", True),
        ("suspended.acme", "acme", False),
        ("switching.acme", "acme", True),
        ("switching.acme", "suspended.acme", True),
        ("switching.acme", FRESH, False),
        ("switching.acme", "beta", False),
        ("switching.acme", "suspended.beta", False),
        ("switching.acme", "switching.beta", True),
        ("switching.acme", "switching.acme", False),
        ("switching.acme", ASIDE, True),
        ("switching.acme", "trash-261124120000.acme", False),
        ("suspended.acme", FRESH, False),
        ("suspended.acme", ASIDE, True),
        ("acme", ASIDE, True),
        (ASIDE, "switching.acme", True),
        (ASIDE, "acme", False),
        (ASIDE, FRESH, False),
        ("trash-261124120000.acme", "switching.acme", False),
        ("trash-261124120000.acme", "acme", False),
        ("Bad Name!", "switching.acme", False),
        ("acme", "Bad Name!", False),
    ],
)
def test_the_law_of_movement(old: str, new: str, *, allowed: bool) -> None:
    assert (names.forbidden_rename(old, new) == "") == allowed


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [
        ("switching.acme", TRASH, True),
        ("switching.beta", TRASH, False),
        ("acme", TRASH, False),
        ("suspended.acme", TRASH, False),
        (ASIDE, TRASH, False),
        (FRESH, TRASH, False),
        ("switching.acme", FRESH, False),
        ("switching.acme", "acme", False),
    ],
)
def test_only_what_bears_the_lock_is_discarded(old: str, new: str, *, allowed: bool) -> None:
    assert (names.forbidden_trash(old, new) == "") == allowed


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [
        ("switching.acme", MOVED, True),
        ("switching.beta", MOVED, False),
        ("acme", MOVED, False),
        ("suspended.acme", MOVED, False),
        (ASIDE, MOVED, False),
        (names.building("acme", NOW, "abcde"), MOVED, False),
        (TRASH, MOVED, False),
        ("switching.acme", TRASH, False),
        ("switching.acme", "acme", False),
        ("acme", "acme", False),
    ],
)
def test_only_what_bears_the_lock_stays_behind_of_a_move(old: str, new: str, *, allowed: bool) -> None:
    said = names.forbidden_leave(old, new)
    assert said == (
        "" if allowed else f"a {names.parse(old).state} database does not stay behind from {old!r} to {new!r}"
    )


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [
        (TRASH, "switching.acme", True),
        (MOVED, "switching.acme", True),
        (TRASH, "switching.beta", False),
        (TRASH, "acme", False),
        (MOVED, "suspended.acme", False),
        ("acme", "switching.acme", False),
        ("acme", "suspended.acme", False),
        ("acme", TRASH, False),
    ],
)
def test_only_what_is_kept_comes_back_and_only_to_the_lock(old: str, new: str, *, allowed: bool) -> None:
    said = names.forbidden_return(old, new)
    assert said == (
        "" if allowed else f"a {names.parse(old).state} database does not come back from {old!r} to {new!r}"
    )


def test_a_database_keeps_its_state_when_its_name_changes() -> None:
    assert names.resting("acme2", NameState.PUBLISHED) == "acme2"
    assert names.resting("acme2", NameState.SUSPENDED) == "suspended.acme2"
    assert names.resting("acme2", NameState.SWITCHING) == "switching.acme2"
    assert names.resting("acme2", NameState.ASIDE) == "switching.acme2"
    assert names.fixed_forms("acme") == ("acme", "switching.acme", "suspended.acme")
