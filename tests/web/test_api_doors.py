"""Who is let in: each route and each role, out of the table that serves; wrong tokens, ends, limits, where requests come from."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.access.roles import Role
from reconciler.access.tokens import Token, hash_of, write
from reconciler.notices.notices import NoticeName
from reconciler.store.forgetful import NoMemory
from reconciler.web.api import endpoints
from reconciler.web.attempts import MOST_FAILURES, WINDOW_SECONDS
from tests.harness.virtual_time import EPOCH
from tests.web.asked import TEXTS, TOKENS, Asked, asking

FILLED = {"code": "acme", "id": "00000000"}
READ_BY_ALL = {
    "openapi.json", "fleet", "servers", "servers/{code}", "templates", "templates/{code}", "plans", "plans/{code}",
    "instances", "instances/{code}", "changeset", "passes", "events", "health", "backups",
    "calendar.ics",
}  # fmt: skip
OPERATED = {
    "reconcile", "pause", "resume", "instances", "instances/{code}", "servers/{code}/check", "backup", "verify",
    "support", "support/{id}", "first-passwords", "first-passwords/{id}",
}  # fmt: skip
BODIES = {f"/api/v1/{verb}": {"document": "instance/acme"} for verb in ("backup", "verify")} | {
    "/api/v1/approve": {"digest": "0" * 64},
    "/api/v1/support": {"code": "acme", "reason": "a ticket"},
    "/api/v1/first-passwords": {"code": "acme"},
}
FOR_ADMINS = {"tokens", "tokens/{id}", "approve"}


def test_every_route_is_for_the_role_that_this_table_says() -> None:
    """A route that is added stands here, or this fails: nobody forgets who may use it."""
    found = {role: {e.path.removeprefix("/api/v1/") for e in endpoints() if e.role is role} for role in Role}
    assert found == {Role.USER: READ_BY_ALL, Role.MANAGER: OPERATED, Role.ADMIN: FOR_ADMINS}
    read = {"/api/v1/tokens", "/api/v1/support/{id}", "/api/v1/first-passwords/{id}"}
    assert all((e.method == "GET") == (e.role is Role.USER or e.path in read) for e in endpoints())


def test_each_role_gets_what_it_may_and_nothing_beyond() -> None:
    async def story(asked: Asked) -> None:
        for endpoint, role in itertools.product(endpoints(), [*Role, None]):
            path = endpoint.path.format(**FILLED)
            given = {"json": BODIES[endpoint.path]} if endpoint.path in BODIES else {}
            answer = await asked.ask(endpoint.method, path, role, **given)
            who = (endpoint.method, path, role)
            if role is None:
                assert (answer.status_code, answer.headers["www-authenticate"].partition(" ")[0]) == (401, "Bearer"), (
                    who
                )
            elif role.may(endpoint.role):
                assert answer.status_code in {200, 201, 202, 404, 409}, who
            else:
                assert answer.status_code == 403, who
                assert f"needs the role {endpoint.role}; yours is {role}" in answer.json()["detail"]

    asking(story)


def test_nothing_is_done_for_whom_it_is_refused() -> None:
    async def story(asked: Asked) -> None:
        before = asked.stage.source.pokes
        for who in (None, Role.USER, "odoo-fleet-wrong"):
            for verb in ("pause", "reconcile", "instances", "servers/one/check", "backup", "verify", "approve"):
                assert (await asked.ask("POST", f"/api/v1/{verb}", who)).status_code in {401, 403}
            for method in ("PATCH", "DELETE"):
                assert (await asked.ask(method, "/api/v1/instances/acme", who)).status_code in {401, 403}
        assert not asked.board.pauses()
        assert asked.placed == []
        assert asked.stage.source.pokes == before

    stage = asking(story)
    told = {NoticeName.PAUSED, NoticeName.RECONCILE_ASKED, NoticeName.CHECK_ASKED, NoticeName.BACKUP_ASKED}
    assert not told & {*stage.names()}


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        TEXTS[Role.ADMIN],
        f"Token {TEXTS[Role.ADMIN]}",
        "Bearer x y",
        "Bearer ü",
        "Bearer eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tIn0.c2lnbmVk",  # a provider's
    ],
)
def test_what_is_no_token_is_answered_with_401_and_never_repeated(header: str) -> None:
    async def story(asked: Asked) -> None:
        answer = await asked.send("GET", "/api/v1/fleet", headers={"Authorization": header.encode()})
        assert answer.status_code == 401
        assert not any(shown in answer.text for shown in (TEXTS[Role.ADMIN], "dXNlcjpwYXNz"))

    asking(story)


def test_a_token_may_not_stand_in_the_address() -> None:
    async def story(asked: Asked) -> None:
        text = TEXTS[Role.ADMIN]
        assert (await asked.send("GET", f"/api/v1/fleet?token={text}&access_token={text}")).status_code == 401

    asking(story)


def test_a_token_is_good_until_its_end() -> None:
    text = write(bytes([9]) * 32).reveal()
    memory = NoMemory()
    memory.add_token(Token(hash_of(text), Role.ADMIN, "", EPOCH, "root@here", EPOCH + timedelta(hours=1)))

    async def story(asked: Asked) -> None:
        await asked.get("fleet", text)
        await asyncio.sleep(3600)
        answer = await asked.ask("GET", "/api/v1/fleet", text)
        assert (answer.status_code, "has ended" in answer.json()["detail"]) == (401, True)

    asking(story, store=memory)


def test_a_token_that_is_revoked_or_made_elsewhere_counts_within_two_seconds() -> None:
    memory, text = NoMemory(), write(bytes([8]) * 32).reveal()

    async def story(asked: Asked) -> None:
        memory.add_token(replace(TOKENS[Role.USER], hash=hash_of(text)))
        memory.revoke_token(TOKENS[Role.ADMIN].hash)
        await asyncio.sleep(2)
        await asked.get("fleet", text)
        assert (await asked.ask("GET", "/api/v1/fleet", Role.ADMIN)).status_code == 401

    asking(story, store=memory)


def test_wrong_tokens_are_limited_by_their_address_and_told_once() -> None:
    async def story(asked: Asked) -> None:
        for number in range(MOST_FAILURES):
            assert (await asked.ask("GET", "/api/v1/fleet", f"odoo-fleet-{number}")).status_code == 401
        answer = await asked.ask("GET", "/api/v1/fleet", TEXTS[Role.USER])
        assert (answer.status_code, int(answer.headers["retry-after"]) <= WINDOW_SECONDS) == (429, True)
        asked.address = "192.0.2.8"
        await asked.get("fleet", Role.USER)
        asked.address = "192.0.2.7"
        await asyncio.sleep(WINDOW_SECONDS)
        await asked.get("fleet", Role.USER)

    (notice,) = [n for n in asking(story).notices if n.name is NoticeName.ACCESS_LIMITED]
    assert "10 wrong tokens or secrets from 192.0.2.7" in notice.detail


def test_whoever_guesses_keeps_nobody_out_who_was_in() -> None:
    async def story(asked: Asked) -> None:
        await asked.get("fleet", Role.MANAGER)
        for number in range(MOST_FAILURES + 5):
            await asked.ask("GET", "/api/v1/fleet", f"odoo-fleet-{number}")
        await asked.get("fleet", Role.MANAGER)
        assert (await asked.ask("GET", "/api/v1/fleet", Role.USER)).status_code == 429

    asking(story)


def test_wrong_tokens_from_everywhere_fill_neither_memory_nor_history() -> None:
    async def story(asked: Asked) -> None:
        for address in range(1200):
            asked.address = f"2001:db8::{address:x}"
            for _ in range(MOST_FAILURES if address < 50 else 1):
                answer = await asked.send("GET", "/api/v1/fleet", headers={"Authorization": "Bearer no"})
                assert answer.status_code == 401

    assert asking(story).names().count(NoticeName.ACCESS_LIMITED) == 1


@pytest.mark.parametrize(
    ("peer", "told", "said"),
    [
        ("127.0.0.1", "198.51.100.4", "198.51.100.4"),
        ("::1", "10.0.0.1, 198.51.100.4", "198.51.100.4"),  # what stands before was written by whoever asked
        ("127.0.0.1", "198.51.100.4, nonsense\x1b[2J", "127.0.0.1"),
        ("127.0.0.1", None, "127.0.0.1"),
        ("192.0.2.7", "198.51.100.4", "192.0.2.7"),  # no proxy of this machine
    ],
)
def test_the_history_says_where_a_request_came_from(peer: str, told: str | None, said: str) -> None:
    async def story(asked: Asked) -> None:
        asked.address = peer
        headers: dict[str, Any] = {} if told is None else {"X-Forwarded-For": told}
        await asked.ask("POST", "/api/v1/reconcile", Role.MANAGER, headers=headers)

    (notice,) = [n for n in asking(story).notices if n.name is NoticeName.RECONCILE_ASKED]
    assert (
        notice.detail
        == f"the-manager ({TOKENS[Role.MANAGER].id}), manager, from {said} asked to have all servers looked at now"
    )


def test_while_no_token_could_be_read_nobody_is_let_in() -> None:
    async def story(asked: Asked) -> None:
        asked.board._tokens = None
        assert (await asked.ask("GET", "/api/v1/fleet", Role.ADMIN)).status_code == 503

    asking(story)
