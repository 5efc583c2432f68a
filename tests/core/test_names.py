"""Names as states: what is read as a mark and what only looks like one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from reconciler.core import names
from reconciler.core.names import LONGEST_TARGET, NameState
from tests.core.scenes import EXPIRED, FRESH, NOW

LIMIT = timedelta(hours=2)


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
        (FRESH, "acme", True),
        (FRESH, "suspended.acme", True),
        (FRESH, "switching.acme", False),
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
        ("trash-261124120000.acme", "acme", False),
        ("Bad Name!", "switching.acme", False),
        ("acme", "Bad Name!", False),
    ],
)
def test_the_law_of_movement(old: str, new: str, *, allowed: bool) -> None:
    assert (names.forbidden_rename(old, new) == "") == allowed


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("acme", FRESH, ""),
        ("suspended.acme", FRESH, ""),
        ("acme", EXPIRED, "could be swept"),
        ("beta", FRESH, "not a building name of 'beta'"),
        ("acme", "suspended.acme", "not a building name"),
        ("switching.acme", FRESH, "never goes back"),
        ("trash-261124120000.acme", FRESH, "never goes back"),
    ],
)
def test_the_one_way_back_is_for_a_young_build(old: str, new: str, why: str) -> None:
    found = names.forbidden_return(old, new, NOW, LIMIT)
    assert why in found
    assert bool(found) == bool(why)
