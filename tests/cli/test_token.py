"""`token`: printed once and alone, kept as a hash, listed and revoked; the history says who did it."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.access.tokens import hash_of
from tests.cli.world import World

TODAY = datetime.now(UTC).date()


@pytest.fixture
def kept(world: World) -> World:
    world.store = f"sqlite:///{world.root}/state.sqlite"
    return world


def token(world: World, *words: str) -> tuple[int, str, str]:
    ran = world.run("token", *words)
    return ran.code, ran.out, ran.err


def listed(world: World) -> list[dict[str, object]]:
    tokens: list[dict[str, object]] = json.loads(world.run("token", "list", "-o", "json").out)["tokens"]
    return tokens


def test_a_new_one_stands_alone_on_stdout_and_only_its_hash_is_kept(kept: World) -> None:
    code, out, err = token(kept, "new", "--role", "manager", "--name", "anna", "--log-level", "debug")
    assert (code, err, out.count("\n")) == (0, "", 1)
    text = out.removesuffix("\n")
    (row,) = listed(kept)
    assert (row["name"], row["role"], row["expires_at"], row["ended"]) == ("anna", "manager", None, False)
    assert hash_of(text).startswith(str(row["id"]))
    written = b"".join(path.read_bytes() for path in kept.root.glob("state.sqlite*"))
    assert hash_of(text).encode() in written
    assert text.removeprefix("odoo-fleet-").encode() not in written


def test_no_two_are_alike(kept: World) -> None:
    assert len({token(kept, "new", "--role", "user")[1] for _ in range(3)}) == 3


def test_what_was_made_and_revoked_stands_in_the_history_with_who_did_it(kept: World) -> None:
    token(kept, "new", "--role", "admin", "--name", "anna")
    assert token(kept, "revoke", "anna")[0] == 0
    assert listed(kept) == []
    events = [json.loads(line) for line in kept.run("events", "-o", "json").out.splitlines()]
    assert [event["name"] for event in events] == ["token-made", "token-revoked"]
    assert all("anna (" in event["detail"] and "@" in event["detail"] for event in events)


def test_one_without_a_name_is_revoked_by_its_id(kept: World) -> None:
    token(kept, "new", "--role", "user")
    token(kept, "new", "--role", "user")
    first, second = (str(row["id"]) for row in listed(kept))
    assert token(kept, "revoke", first) == (0, f"token {first} is good for nothing any more.\n", "")
    assert [row["id"] for row in listed(kept)] == [second]


def test_one_that_is_named_as_the_id_of_another_is_not_revoked_in_its_place(kept: World) -> None:
    token(kept, "new", "--role", "admin")
    (meant,) = (str(row["id"]) for row in listed(kept))
    token(kept, "new", "--role", "user", "--name", meant)
    assert token(kept, "revoke", meant)[0] == 0
    assert [(row["name"], row["role"]) for row in listed(kept)] == [(meant, "user")]


def test_an_empty_store_is_wrong_usage_and_not_none(kept: World) -> None:
    ran = kept.run("token", "list", "--store", "")
    assert (ran.code, "write `--store none`" in ran.err) == (64, True)


def test_what_is_not_there_is_wrong_usage_with_the_nearest_name(kept: World) -> None:
    token(kept, "new", "--role", "user", "--name", "anna")
    code, _, err = token(kept, "revoke", "ana")
    assert (code, "no token 'ana' (did you mean 'anna'?)" in err) == (64, True)


def test_a_name_is_given_once(kept: World) -> None:
    token(kept, "new", "--role", "user", "--name", "anna")
    code, out, err = token(kept, "new", "--role", "admin", "--name", " anna ")
    assert (code, out, "revoke it first" in err) == (64, "", True)
    assert len(listed(kept)) == 1


def test_an_end_is_the_beginning_of_a_day_to_come(kept: World) -> None:
    tomorrow = TODAY + timedelta(days=1)
    assert token(kept, "new", "--role", "user", "--expires", str(tomorrow))[0] == 0
    (row,) = listed(kept)
    assert row["expires_at"] == f"{tomorrow}T00:00:00+00:00"
    code, out, err = token(kept, "new", "--role", "user", "--expires", str(TODAY))
    assert (code, out, "has begun already" in err) == (64, "", True)


def test_one_that_has_ended_is_shown_as_such(kept: World, tmp_path: Path) -> None:
    token(kept, "new", "--role", "user", "--name", "anna", "--expires", "2999-01-01")
    with sqlite3.connect(kept.root / "state.sqlite") as connection:
        connection.execute("UPDATE tokens SET expires_at = '2026-01-01T00:00:00.000000+00:00'")
    assert listed(kept)[0]["ended"] is True
    assert "2026-01-01 (ended)" in token(kept, "list")[1]


def test_without_a_store_there_are_none(world: World) -> None:
    code, out, err = token(world, "new", "--role", "user")
    assert (code, out, "--store none: tokens could not be kept" in err) == (64, "", True)


def test_a_role_that_does_not_exist_is_wrong_usage(kept: World) -> None:
    assert token(kept, "new", "--role", "root")[0] == 64
    assert token(kept, "new")[0] == 64
