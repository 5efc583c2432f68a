"""Work on single servers and databases that is asked for by the API: once, beside the passes, and told how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.access.roles import Role
from reconciler.core.policies.backup_times import BackupRecord, Work
from reconciler.notices.notices import NoticeName
from reconciler.store.forgetful import NoMemory
from tests.backups.conftest import _no_threads
from tests.daemon.keeping import HOURS, Keeping
from tests.daemon.stage import Stage
from tests.harness.universe import instance
from tests.web.asked import TEXT, TOKENS, Asked, asking, refuse

__all__ = ["_no_threads"]

WHO = f"the-manager ({TOKENS[Role.MANAGER].id}), manager, from 192.0.2.7"
TWO = {"one": "19.0", "two": "19.0"}
ACME: dict[str, Any] = {"document": "instance/acme"}


@pytest.fixture
def keeping(tmp_path: Path) -> Keeping:
    (tmp_path / "target").mkdir()
    return Keeping(tmp_path / "target")


def asking_of(keeping: Keeping, story: Callable[[Asked], Awaitable[None]], **more: Any) -> Stage:
    text = keeping.text(instance("beta", server="two"), versions=TWO)
    return asking(story, text=text, dress=keeping.dress, **more)


async def post(asked: Asked, path: str, status: int = 202, /, **body: Any) -> Any:
    answer = await asked.ask("POST", f"/api/v1/{path}", Role.MANAGER, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def told(stage: Stage, *names: NoticeName) -> list[str]:
    return [notice.detail for notice in stage.notices if notice.name in names]


def test_a_backup_that_is_asked_for_is_made_once_however_often_it_is_asked_for_meanwhile(keeping: Keeping) -> None:
    async def story(asked: Asked) -> None:
        await asyncio.sleep(600)
        assert len(keeping.taken()) == 1, "the first is due at once"
        first = await post(asked, "backup", **ACME)
        again = [await post(asked, "backup", **ACME) for _ in range(3)]
        assert (first["accepted"], [each["accepted"] for each in again]) == (True, [False] * 3)
        (row,) = [r for r in (await asked.get("backups?code=acme"))["items"] if r["work"] == "backup"]
        assert (row["asked_by"], row["asked_at"] is not None) == (WHO, True)
        await asyncio.sleep(600)
        assert len(keeping.taken()) == 2
        assert len(keeping.taken("beta")) == 1
        (row,) = [r for r in (await asked.get("backups?code=acme"))["items"] if r["work"] == "backup"]
        assert (row["asked_at"], row["under_way"], row["problem"]) == (None, False, "")

    stage = asking_of(keeping, story)
    (begun,) = told(stage, NoticeName.BACKUP_ASKED)
    assert begun == f"{WHO} asked for a backup of instance/acme on one"
    (done,) = told(stage, NoticeName.ASKED_DONE)
    assert done.startswith(f"instance/acme on one is backed up, as {WHO} asked: ")
    assert not stage.defects


def test_while_another_daemon_of_the_store_is_at_it_none_is_made_and_its_own_counts(keeping: Keeping) -> None:
    memory = NoMemory()
    record = BackupRecord("instance", "acme", "one", Work.BACKUP)

    async def story(asked: Asked) -> None:
        await asyncio.sleep(600)
        now = asked.stage.universe.clock.now
        memory.put_backup(replace(record, heard_at=now(), tried_at=now(), tries=1))
        await post(asked, "backup", **ACME)
        await asyncio.sleep(120)
        assert len(keeping.taken()) == 1
        memory.put_backup(replace(record, good_at=now()))
        await asyncio.sleep(120)
        assert len(keeping.taken()) == 1

    stage = asking_of(keeping, story, store=memory)
    assert len(told(stage, NoticeName.ASKED_DONE)) == 1


def test_a_backup_that_hangs_keeps_neither_the_api_nor_passes_and_fails_in_words(keeping: Keeping) -> None:
    async def story(asked: Asked) -> None:
        await asyncio.sleep(600)
        asked.stage.universe.hosts["one"].faults.add("page.web/database/backup:hang:count=1")
        await post(asked, "backup", **ACME)
        await asyncio.sleep(60)
        more = (instance("beta", server="two", state="suspended"), instance("late", server="one"))
        asked.stage.source.write(keeping.text(*more, versions=TWO))
        await asyncio.sleep(600)
        hosts = asked.stage.universe.hosts
        assert "suspended.beta" in hosts["two"].listed()
        assert "late" in hosts["one"].listed(), "a pass over that host does not wait for its backup"
        assert (await asked.get("instances/acme"))["item"]["code"] == "acme"
        await asyncio.sleep(6 * HOURS)

    stage = asking_of(keeping, story)
    (why,) = told(stage, NoticeName.ASKED_FAILED)
    assert why.startswith(f"the backup of instance/acme on one that {WHO} asked for failed: one: web.database/backup: ")


def test_the_newest_backup_is_proven_and_one_that_is_not_there_is_told(keeping: Keeping) -> None:
    async def story(asked: Asked) -> None:
        await asyncio.sleep(600)
        await post(asked, "verify", **ACME)
        await asyncio.sleep(300)
        assert len(keeping.proven()) == 1
        await post(asked, "verify", **ACME, backup="20260101T000000Z-one-abcde")
        await asyncio.sleep(300)
        assert len(keeping.proven()) == 1
        assert not [n for n in asked.stage.universe.hosts["one"].listed() if n.startswith("building-")]

    stage = asking_of(keeping, story)
    (done,) = told(stage, NoticeName.ASKED_DONE)
    assert done.startswith("instance/acme on one is proven")
    (why,) = told(stage, NoticeName.ASKED_FAILED)
    assert "main has no 20260101T000000Z-one-abcde of instance/acme on one" in why


def test_a_paused_instance_is_backed_up_and_nothing_is_restored_beside_it(keeping: Keeping) -> None:
    async def story(asked: Asked) -> None:
        await asyncio.sleep(600)
        await post(asked, "pause", 200, **ACME)
        await asyncio.sleep(10)
        await post(asked, "backup", **ACME)
        await post(asked, "verify", **ACME)
        await asyncio.sleep(600)
        assert (len(keeping.taken()), len(keeping.proven())) == (2, 0)

    (why,) = told(asking_of(keeping, story), NoticeName.ASKED_FAILED)
    assert "so that nothing is restored there" in why


@pytest.mark.parametrize("verb", ["backup", "verify"])
def test_what_cannot_be_done_is_refused_at_once(keeping: Keeping, verb: str) -> None:
    async def story(asked: Asked) -> None:
        for document in ("instance/nobody", "plan/starter", "instance/", "/"):
            await post(asked, verb, 404, document=document)
        refuse(asked.stage, "one")
        await post(asked, "reconcile", servers=["one"])
        await asyncio.sleep(60)
        assert "one does not answer" in (await post(asked, verb, 409, **ACME))["detail"]

    assert not told(asking_of(keeping, story), NoticeName.BACKUP_ASKED, NoticeName.PROOF_ASKED)


def test_without_a_place_for_backups_none_is_taken_on() -> None:
    async def story(asked: Asked) -> None:
        assert "declares no `backup_targets`" in (await post(asked, "backup", 409, **ACME))["detail"]

    asking(story)


def test_a_check_looks_at_the_health_of_that_server_now() -> None:
    async def story(asked: Asked) -> None:
        def looked_at() -> dict[str, Any]:
            return {code: record.at for code, record in asked.stage.daemon.standing.health.items()}

        await asyncio.sleep(60)
        before = looked_at()
        await post(asked, "servers/two/check")
        await asyncio.sleep(6)
        after = looked_at()
        assert (after["one"] == before["one"], after["two"] > before["two"]) == (True, True)
        await post(asked, "servers/three/check", 404)

    (detail,) = told(asking(story), NoticeName.CHECK_ASKED)
    assert detail == f"{WHO} asked to have the health of two looked at now"


def test_a_server_that_is_not_in_use_is_not_checked() -> None:
    async def story(asked: Asked) -> None:
        asked.stage.source.write(
            f"{TEXT}---\nkind: server\ncode: three\nserver_url: http://three.test\nodoo_version: '19.0'\n"
            "state: draft\nmaster_password: {env: MASTER}\n",
            "b" * 40,
        )
        await asyncio.sleep(60)
        assert "not in use" in (await post(asked, "servers/three/check", 409))["detail"]

    asking(story)
