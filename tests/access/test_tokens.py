"""A token proves a role until it ends, and what is kept of it opens nothing."""

from __future__ import annotations

import hashlib
import hmac
import itertools
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.access import tokens
from reconciler.access.roles import Role
from reconciler.access.tokens import Token, find, hash_of, write

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
TEXT = write(bytes(range(32))).reveal()


def token(text: str = TEXT, role: Role = Role.USER, expires_at: datetime | None = None) -> Token:
    return Token(hash_of(text), role, "anna", NOW, "root@here", expires_at)


def test_a_token_is_found_by_its_text_alone() -> None:
    other = write(bytes(32)).reveal()
    both = [token(other), token()]
    assert find(both, TEXT, NOW) == token()
    for wrong in ("", TEXT[:-1], TEXT + "x", TEXT.swapcase(), hash_of(TEXT), token().id, "anna", "\udc80", "é\0"):
        assert find(both, wrong, NOW) is None
    assert find([], TEXT, NOW) is None


def test_it_is_good_until_its_end() -> None:
    ending = token(expires_at=NOW)
    assert find([ending], TEXT, NOW - timedelta(microseconds=1)) == ending
    assert find([ending], TEXT, NOW) is None


def test_every_hash_is_compared_whole_whichever_one_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[str, str]] = []

    def compare(kept: str, given: str) -> bool:
        compared.append((kept, given))
        return kept == given

    monkeypatch.setattr(hmac, "compare_digest", compare)
    several = [token(write(bytes([n]) * 32).reveal()) for n in range(4)]
    find(several, write(bytes([0]) * 32).reveal(), NOW)
    assert [kept for kept, _ in compared] == [each.hash for each in several]


def test_what_is_kept_and_shown_is_not_the_token() -> None:
    assert token().hash == hashlib.sha256(TEXT.encode()).hexdigest()
    assert TEXT.removeprefix(tokens.PREFIX) not in repr(token())
    assert token().hash not in repr(token())
    assert TEXT.removeprefix(tokens.PREFIX) not in f"{token()} {write(bytes(32))}"


def test_a_token_has_256_bits_at_least() -> None:
    with pytest.raises(ValueError, match="32 random bytes"):
        write(bytes(31))
    assert len(write(bytes(32)).reveal()) == len(tokens.PREFIX) + 43


def test_each_role_may_what_the_one_before_it_may() -> None:
    may = {(have, need) for have, need in itertools.product(Role, Role) if have.may(need)}
    user, manager, admin = Role.USER, Role.MANAGER, Role.ADMIN
    assert may == {(user, user), (manager, user), (manager, manager), (admin, user), (admin, manager), (admin, admin)}
