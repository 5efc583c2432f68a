"""What the API lets managers and admins do, what the history says of it, and what is answered while the store hangs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from reconciler.access.roles import Role
from reconciler.core.model.failures import MemoryFailure
from reconciler.notices.notices import NoticeName
from reconciler.store.forgetful import NoMemory
from reconciler.web.routes import MOST_BYTES
from tests.web.asked import TEXT, TOKENS, Asked, asking, hang

WHO = f"the-manager ({TOKENS[Role.MANAGER].id}), manager, from 192.0.2.7"


async def post(asked: Asked, verb: str, who: Role = Role.MANAGER, **body: Any) -> Any:
    answer = await asked.ask("POST", f"/api/v1/{verb}", who, json=body)
    assert answer.status_code in {200, 202}, answer.text
    return answer.json()


def test_a_paused_document_is_left_alone_until_it_is_resumed() -> None:
    memory = NoMemory()

    async def story(asked: Asked) -> None:
        done = await post(asked, "pause", document="instance/beta", reason="a call\nwith  them")
        assert (done["changed"], done["paused"][0]["reason"], done["paused"][0]["by"]) == (
            True,
            "a call with them",
            "command",
        )
        assert ("instance", "beta") in memory.pauses()
        shown = (await asked.get("instances/beta"))["item"]["paused"]
        assert [each["code"] for each in shown] == ["beta"]
        asked.stage.source.write(TEXT.replace("state: suspended", "state: active"), "b" * 40)
        await asyncio.sleep(60)
        assert "suspended.beta" in asked.stage.universe.hosts["two"].databases
        assert (await post(asked, "resume", document="instance/beta", reason="done"))["changed"]
        await asked.stage.converged()
        assert "beta" in asked.stage.universe.hosts["two"].databases

    stage = asking(story, store=memory)
    told = {n.name: n for n in stage.notices if n.name in {NoticeName.PAUSED, NoticeName.RESUMED}}
    assert told[NoticeName.PAUSED].detail == f"instance/beta was paused by {WHO}: a call with them"
    assert told[NoticeName.RESUMED].detail == f"instance/beta was resumed by {WHO}: done"
    assert (told[NoticeName.PAUSED].kind, told[NoticeName.PAUSED].code) == ("instance", "beta")


def test_the_whole_fleet_is_paused_where_nothing_is_named() -> None:
    async def story(asked: Asked) -> None:
        assert (await post(asked, "pause"))["kind"] == "fleet"
        assert (await asked.get("fleet"))["paused"][0]["code"] == "demo"
        assert not (await post(asked, "pause"))["changed"]
        assert (await post(asked, "resume"))["changed"]
        assert not (await post(asked, "resume"))["changed"]

    assert [n.name for n in asking(story).notices].count(NoticeName.PAUSED) == 1


@pytest.mark.parametrize(
    "document", ["instance/nobody", "plan/starter", "nothing", "instance/", "/", "token/x", "fleet/other"]
)
def test_what_cannot_be_paused_is_refused(document: str) -> None:
    async def story(asked: Asked) -> None:
        answer = await asked.ask("POST", "/api/v1/pause", Role.MANAGER, json={"document": document})
        assert answer.status_code == 404
        assert not asked.board.pauses()

    asking(story)


def test_reconciling_looks_at_the_servers_that_are_named_now() -> None:
    async def story(asked: Asked) -> None:
        await asyncio.sleep(30)
        hosts = asked.stage.universe.hosts
        before = {code: len(host.calls) for code, host in hosts.items()}
        await post(asked, "reconcile", servers=["two"])
        await asyncio.sleep(0.5)
        after = {code: len(host.calls) - before[code] for code, host in hosts.items()}
        assert (after["one"], after["two"] >= 2) == (0, True)
        await post(asked, "reconcile")
        await asyncio.sleep(0.5)
        assert len(hosts["one"].calls) > before["one"]
        assert asked.stage.source.pokes == 2

    asking(story)


def test_a_server_that_is_not_there_is_refused() -> None:
    async def story(asked: Asked) -> None:
        answer = await asked.ask("POST", "/api/v1/reconcile", Role.MANAGER, json={"servers": ["one", "three"]})
        assert (answer.status_code, "no server 'three'" in answer.json()["detail"]) == (404, True)

    asking(story)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[" * 50_000, "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[]", "application/json", 422),
        (b"null", "application/json", 422),
        (b'{"document": 7}', "application/json", 422),
        (b'{"colour": "red"}', "application/json", 422),
        (b"document=fleet/demo", "application/x-www-form-urlencoded", 415),
        (b"{}", "text/plain", 415),
        (b" " * (MOST_BYTES + 1), "application/json", 413),
    ],
)
def test_a_body_that_cannot_be_meant_is_refused_and_changes_nothing(body: bytes, kind: str, status: int) -> None:
    async def story(asked: Asked) -> None:
        answer = await asked.ask("POST", "/api/v1/pause", Role.MANAGER, content=body, headers={"Content-Type": kind})
        assert answer.status_code == status
        assert not asked.board.pauses()

    asking(story)


def test_an_admin_sees_and_revokes_tokens_by_what_is_kept_of_them() -> None:
    async def story(asked: Asked) -> None:
        rows = (await asked.get("tokens", Role.ADMIN))["items"]
        assert {row["name"] for row in rows} == {"the-user", "the-manager", "the-admin"}
        assert not any(token.hash in str(rows) for token in TOKENS.values())
        answer = await asked.ask("DELETE", f"/api/v1/tokens/{TOKENS[Role.USER].id}", Role.ADMIN)
        assert answer.json()["name"] == "the-user"
        assert (await asked.ask("GET", "/api/v1/fleet", Role.USER)).status_code == 401
        assert (await asked.ask("DELETE", f"/api/v1/tokens/{TOKENS[Role.USER].id}", Role.ADMIN)).status_code == 404

    (notice,) = [n for n in asking(story).notices if n.name is NoticeName.TOKEN_REVOKED]
    assert "the-user" in notice.detail
    assert "revoked by the-admin" in notice.detail


class Hanging(NoMemory):
    """A store that is locked by somebody once it is told to be."""

    locked = False

    def _look(self) -> None:
        if self.locked:
            raise MemoryFailure("database is locked")

    def pause(self, *given: Any) -> None:
        self._look()
        super().pause(*given)

    def pauses(self) -> Any:
        self._look()
        return super().pauses()

    def notices(self, *given: Any, **more: Any) -> Any:
        self._look()
        return super().notices(*given, **more)

    def tokens(self) -> Any:
        self._look()
        return super().tokens()


def test_while_the_store_is_locked_and_a_host_hangs_everything_but_history_is_answered() -> None:
    memory = Hanging()

    async def story(asked: Asked) -> None:
        hang(asked.stage, "two")
        memory.locked = True
        await asyncio.sleep(10)
        for path in ("fleet", "servers", "instances/acme", "changeset", "health"):
            await asked.get(path)
        answer = await asked.ask("GET", "/api/v1/events")
        assert (answer.status_code, "locked" in answer.json()["detail"]) == (503, True)
        refused = await asked.ask("POST", "/api/v1/pause", Role.MANAGER, json={})
        assert refused.status_code == 503
        memory.locked = False
        assert not memory.pauses()

    assert NoticeName.PAUSED not in asking(story, store=memory).names()


def test_a_store_that_never_answers_is_not_waited_for() -> None:
    class Never:
        async def ask(self, call: Any) -> Any:
            await asyncio.sleep(1_000_000)

    async def story(asked: Asked) -> None:
        work = asked.stage.daemon.work
        assert work is not None
        asked.stage.daemon._work = replace(work, aside=Never())  # type: ignore[arg-type]
        began = asyncio.get_running_loop().time()
        answer = await asked.ask("POST", "/api/v1/pause", Role.MANAGER, json={})
        assert (answer.status_code, asyncio.get_running_loop().time() - began) == (503, 5)
        assert "may be done all the same" in answer.json()["detail"]
        asked.stage.daemon._work = work

    asking(story)
