"""Derived secrets: the published vectors of HKDF, and passwords that depend on every part of their place."""

from __future__ import annotations

import base64
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.fleet.secrets import ALPHABET, WeakKey, derive, hkdf, new_key, parse_key

KEY = bytes(range(32))

LONG_OUTPUT = (
    "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
    "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"
)


@pytest.mark.parametrize(
    ("key", "salt", "info", "length", "output"),
    [
        (
            "0b" * 22,
            "000102030405060708090a0b0c",
            "f0f1f2f3f4f5f6f7f8f9",
            42,
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (bytes(range(0x50)).hex(), bytes(range(0x60, 0xB0)).hex(), bytes(range(0xB0, 0x100)).hex(), 82, LONG_OUTPUT),
        ("0b" * 22, "", "", 42, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"),
    ],
)
def test_hkdf_gives_what_rfc_5869_says(key: str, salt: str, info: str, length: int, output: str) -> None:
    """Appendix A, cases 1 to 3."""
    found = hkdf(bytes.fromhex(key), salt=bytes.fromhex(salt), info=bytes.fromhex(info), length=length)
    assert found.hex() == output


def test_hkdf_refuses_more_than_it_can_give() -> None:
    with pytest.raises(ValueError, match="255"):
        hkdf(KEY, salt=b"", info=b"", length=255 * 32 + 1)


def test_a_derived_password_never_changes() -> None:
    """Whoever breaks this test has changed the password of every database of every fleet."""
    assert derive(KEY, "instance", "acme", "admin_password", 1).reveal() == EXPECTED


EXPECTED = "nb1494rn9anwebq3sz9bqx5hn4a6b60w"


def test_a_password_holds_enough_chance_and_no_letter_taken_for_another() -> None:
    password = derive(KEY, "instance", "acme", "admin_password", 1).reveal()
    assert len(password) * math.log2(len(ALPHABET)) >= 128
    assert set(password) <= set(ALPHABET)
    assert not set(ALPHABET) & set("ilouILOU")
    assert len(set(ALPHABET)) == 32


def test_every_part_of_the_place_counts() -> None:
    place = ("instance", "acme", "admin_password", 1)
    others = [
        ("template", *place[1:]),
        ("instance", "acme-2", *place[2:]),
        (*place[:2], "owner.initial_password", 1),
        (*place[:3], 2),
    ]
    passwords = [derive(KEY, *each).reveal() for each in (place, *others)] + [derive(KEY[::-1], *place).reveal()]
    assert len(set(passwords)) == len(passwords)


@pytest.mark.parametrize(
    "written",
    [
        KEY.hex(),
        KEY.hex().upper(),
        f"  {KEY.hex()}\n",
        base64.b64encode(KEY).decode(),
        base64.b64encode(KEY).decode().rstrip("="),
        base64.urlsafe_b64encode(KEY).decode(),
    ],
)
def test_a_key_is_read_from_hexadecimal_and_base64(written: str) -> None:
    assert parse_key(written) == KEY


@pytest.mark.parametrize("written", ["correct horse battery staple, and more", "é" * 16, "a" * 40])
def test_other_text_of_32_bytes_stands_for_itself(written: str) -> None:
    assert parse_key(written) == written.encode()


@pytest.mark.parametrize(
    "written", ["", "short", "a" * 31, " " * 64, KEY[:15].hex(), base64.b64encode(KEY[:16]).decode()]
)
def test_a_short_key_is_refused_without_repeating_it(written: str) -> None:
    with pytest.raises(WeakKey) as caught:
        parse_key(written)
    assert str(caught.value) == "the key is shorter than 32 bytes"


@given(st.binary(min_size=32, max_size=64))
def test_a_new_key_is_read_back(random: bytes) -> None:
    assert parse_key(new_key(random).reveal()) == random


def test_a_new_key_is_not_made_of_too_little() -> None:
    with pytest.raises(WeakKey):
        new_key(bytes(31))
