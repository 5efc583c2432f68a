"""What a threshold stopped is shown with its digest, and let through once by an admin who names it."""

from __future__ import annotations

import asyncio
from typing import Any

from reconciler.access.roles import Role
from reconciler.notices.notices import NoticeName
from tests.harness.universe import fleet, instance, universe
from tests.web.asked import TOKENS, Asked, asking
from tests.web.visits import Browser, visiting

PLACES = {"acme": "one", "beta": "one", "cafe": "two", "dodo": "two", "echo": "two"}


def text(*suspended: str) -> str:
    """Write a fleet in which some are suspended, and two at once are too many."""
    documents = [
        instance(code, server=server, state="suspended" if code in suspended else "active")
        for code, server in PLACES.items()
    ]
    whole = fleet(*documents, servers={"one": "19.0", "two": "19.0"})
    return whole.replace("secret_key:", "safety: {max_removals: 1, max_removals_percent: 100}\nsecret_key:", 1)


def in_service(asked: Asked) -> set[str]:
    return {name for host in asked.stage.universe.hosts.values() for name in host.listed() if name in PLACES}


async def stopped(asked: Asked) -> Any:
    (one,) = (await asked.get("changeset"))["stopped"]
    return one


async def approve(asked: Asked, digest: str, status: int = 202) -> Any:
    answer = await asked.ask("POST", "/api/v1/approve", Role.ADMIN, json={"digest": digest})
    assert answer.status_code == status, answer.text
    return answer.json()


def test_what_was_shown_is_done_on_all_hosts_and_the_same_again_is_stopped_again() -> None:
    async def story(asked: Asked) -> None:
        asked.stage.source.write(text("acme", "beta", "cafe", "dodo"), "b" * 40)
        await asyncio.sleep(60)
        assert in_service(asked) == {*PLACES}
        shown = await stopped(asked)
        assert (shown["threshold"], {a["code"] for a in shown["actions"]}) == (
            "removals",
            {"acme", "beta", "cafe", "dodo"},
        )
        asked.stage.universe.hosts["two"].faults.add("db.list:latency=30:count=1")
        await approve(asked, shown["digest"])
        await asyncio.sleep(20)
        assert in_service(asked) == {"cafe", "dodo", "echo"}, "one host does not wait for the other"
        await asyncio.sleep(180)
        assert in_service(asked) == {"echo"}
        asked.stage.source.write(text(), "c" * 40)
        await asyncio.sleep(300)
        assert in_service(asked) == {*PLACES}
        asked.stage.source.write(text("acme", "beta", "cafe", "dodo"), "d" * 40)
        await asyncio.sleep(60)
        assert in_service(asked) == {*PLACES}, "what was approved was approved once"
        assert (await stopped(asked))["digest"] == shown["digest"]

    stage = asking(story, text=text())
    (notice,) = [n for n in stage.notices if n.name is NoticeName.APPROVED]
    assert notice.detail.startswith(
        f"the-admin ({TOKENS[Role.ADMIN].id}), admin, from 192.0.2.7 approved 4 actions that safety.max_removals stopped"
    )


def test_what_was_tried_and_failed_is_not_tried_over_and_over_without_being_asked() -> None:
    async def story(asked: Asked) -> None:
        asked.stage.source.write(text("acme", "beta", "cafe"), "b" * 40)
        await asyncio.sleep(60)
        shown = await stopped(asked)
        asked.stage.universe.hosts["one"].faults.add("db.rename:error=object-in-use")
        await approve(asked, shown["digest"])
        await asyncio.sleep(1000)
        assert in_service(asked) == {*PLACES} - {"cafe"}
        assert {a["code"] for a in (await stopped(asked))["actions"]} == {"acme", "beta"}

    assert NoticeName.ACTION_FAILED in asking(story, text=text()).names()


def test_what_is_approved_while_its_host_is_away_waits_for_it() -> None:
    async def story(asked: Asked) -> None:
        asked.stage.source.write(text("acme", "beta"), "b" * 40)
        await asyncio.sleep(60)
        shown = await stopped(asked)
        host = asked.stage.universe.hosts["one"]
        host.kill()
        await approve(asked, shown["digest"])
        await asyncio.sleep(30)
        host.start()
        await asyncio.sleep(400)
        assert in_service(asked) == {"cafe", "dodo", "echo"}

    asking(story, text=text())


def test_what_was_skipped_since_its_host_kept_failing_is_approved_until_it_is_tried() -> None:
    codes = ("acme", "beta", "cafe", "dodo", "echo", "foxy")

    def all_on_one(state: str) -> str:
        whole = fleet(*(instance(code, server="one", state=state) for code in codes), servers={"one": "19.0"})
        one_at_once = whole.replace("state: active\n", "state: active\nmax_concurrent_operations: 1\n", 1)
        return one_at_once.replace(
            "secret_key:", "safety: {max_removals: 1, max_removals_percent: 100}\nsecret_key:", 1
        )

    async def story(asked: Asked) -> None:
        asked.stage.source.write(all_on_one("suspended"), "b" * 40)
        await asyncio.sleep(60)
        shown = await stopped(asked)
        asked.stage.universe.hosts["one"].faults.add("db.rename:502:count=3")
        await approve(asked, shown["digest"])
        await asyncio.sleep(1500)
        failed = {a["code"] for a in (await stopped(asked))["actions"]}
        assert (len(failed), failed) == (3, {*codes} & {*asked.stage.universe.hosts["one"].listed()})

    asking(story, text=all_on_one("active"), hosts=universe({"one": "19.0"}))


def test_another_changeset_than_the_one_that_was_shown_is_not_approved() -> None:
    async def story(asked: Asked) -> None:
        asked.stage.source.write(text("acme", "beta"), "b" * 40)
        await asyncio.sleep(60)
        shown = await stopped(asked)
        asked.stage.source.write(text("acme", "beta", "cafe"), "c" * 40)
        await asyncio.sleep(60)
        assert "nothing that is stopped now" in (await approve(asked, shown["digest"], 409))["detail"]
        await approve(asked, "0" * 64, 409)
        await approve(asked, "x", 422)
        await asyncio.sleep(60)
        assert in_service(asked) == {*PLACES}

    assert NoticeName.APPROVED not in asking(story, text=text()).names()


def test_what_is_wanted_beside_it_later_counts_by_itself() -> None:
    async def story(asked: Asked) -> None:
        asked.stage.source.write(text("acme", "cafe"), "b" * 40)
        await asyncio.sleep(60)
        shown = await stopped(asked)
        asked.stage.universe.hosts["two"].faults.add("db.rename:latency=60")
        await approve(asked, shown["digest"])
        await asyncio.sleep(30)
        asked.stage.source.write(text("acme", "cafe", "beta", "dodo", "echo"), "c" * 40)
        await asyncio.sleep(400)
        assert in_service(asked) == {"beta", "dodo", "echo"}
        assert {a["code"] for a in (await stopped(asked))["actions"]} == {"beta", "dodo", "echo"}

    asking(story, text=text())


def test_the_page_shows_what_is_stopped_and_an_admin_alone_a_button() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        asked.stage.source.write(text("acme", "beta"), "b" * 40)
        await asyncio.sleep(60)
        await browser.log_in(Role.MANAGER)
        assert 'action="/approve"' not in await browser.open("/changes")
        await browser.log_in(Role.ADMIN)
        assert "Stopped by max_removals" in await browser.open("/changes")
        assert (await browser.press("/changes", "/approve")).headers["location"] == "/changes?told=approve"
        await asyncio.sleep(120)
        assert in_service(asked) == {"cafe", "dodo", "echo"}

    visiting(story, text=text())
