"""A way into a customer's database that is asked for by the API or the page: written down first, and shown to one alone."""

from __future__ import annotations

import asyncio
from typing import Any

from reconciler.access.roles import Role
from reconciler.notices.notices import NoticeName
from tests.harness.universe import fleet, instance
from tests.web.asked import TOKENS, Asked, asking, hang
from tests.web.test_api_steering import Hanging
from tests.web.visits import Browser, visiting

TEXT = fleet(
    instance("acme", server="one"),
    instance("cafe", server="two", allow_support="false"),
    servers={"one": "19.0", "two": "19.0"},
)
WANTED = {"code": "acme", "reason": "ticket\n4711", "minutes": 30}


def inside(asked: Asked) -> list[str]:
    rows = asked.stage.universe.hosts["one"].databases["acme"].rows("res.users").values()
    return [row["login"] for row in rows if row["login"].startswith("odoo-fleet-support-") and row["active"]]


def taking_down_nothing() -> Hanging:
    """A store that takes down no event while it is locked."""
    memory = Hanging()
    memory.record_notice = lambda *given: memory._look()  # type: ignore[method-assign]
    return memory


async def ask(asked: Asked, status: int = 202, **more: Any) -> Any:
    answer = await asked.ask("POST", "/api/v1/support", Role.MANAGER, json={**WANTED, **more})
    assert answer.status_code == status, answer.text
    return answer.json()


def test_whoever_asked_is_shown_the_link_and_nobody_else_and_it_ends_by_itself() -> None:
    async def story(asked: Asked) -> None:
        begun = await ask(asked)
        assert (begun["state"], begun["link"]) == ("asked", "")
        await asyncio.sleep(30)
        path = f"/api/v1/support/{begun['id']}"
        shown = (await asked.ask("GET", path, Role.MANAGER)).json()
        assert (shown["state"], [shown["login"]]) == ("open", inside(asked))
        assert shown["link"].startswith("https://acme.example.com/web/reset_password?db=acme&token=")
        assert (await asked.ask("GET", path, Role.ADMIN)).status_code == 404, "it was another token that asked"
        assert (await asked.ask("GET", path, Role.USER)).status_code == 403
        events = (await asked.get("events?name=support-opened"))["items"]
        assert shown["link"].rpartition("=")[2] not in str(events)
        await asyncio.sleep(30 * 60 + 300)
        assert (await asked.ask("GET", path, Role.MANAGER)).status_code == 404
        assert not inside(asked)

    stage = asking(story, text=TEXT)
    (notice,) = [n for n in stage.notices if n.name is NoticeName.SUPPORT_OPENED]
    who = f"the-manager ({TOKENS[Role.MANAGER].id}), manager, from 192.0.2.7"
    assert notice.detail.startswith(f"instance/acme was opened for support by {who}, until ")
    assert notice.detail.endswith(": ticket 4711")


def test_nobody_is_let_in_whom_the_store_does_not_take_down() -> None:
    memory = taking_down_nothing()

    async def story(asked: Asked) -> None:
        memory.locked = True
        await ask(asked, 503)
        memory.locked = False
        await asyncio.sleep(60)
        assert not inside(asked)

    assert NoticeName.SUPPORT_OPENED not in asking(story, text=TEXT, store=memory).names()


def test_what_is_forbidden_or_not_meant_is_refused_and_a_host_that_hangs_holds_up_no_request() -> None:
    async def story(asked: Asked) -> None:
        assert "allow_support: false" in (await ask(asked, 409, code="cafe"))["detail"]
        await ask(asked, 404, code="nobody")
        for wrong in ({"minutes": 4}, {"minutes": 481}, {"reason": " "}, {"reason": ""}):
            await ask(asked, 422, **wrong)
        hang(asked.stage, "one")
        begun = await ask(asked)
        assert (await asked.ask("GET", f"/api/v1/support/{begun['id']}", Role.MANAGER)).json()["state"] == "asked"
        await asyncio.sleep(600)
        failed = (await asked.ask("GET", f"/api/v1/support/{begun['id']}", Role.MANAGER)).json()
        assert (failed["state"], failed["link"], "does not answer" in failed["why"]) == ("failed", "", True)

    asking(story, text=TEXT)


def test_the_page_leads_whoever_presses_the_button_to_the_link() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        await browser.log_in(Role.MANAGER)
        assert 'action="/support"' not in await browser.open("/instances/cafe")
        answer = await browser.press("/instances/acme", "/support", reason="a ticket", minutes="15")
        where = answer.headers["location"]
        assert "being made" in await browser.open(where)
        await asyncio.sleep(30)
        assert 'href="https://acme.example.com/web/reset_password?db=acme&amp;token=' in await browser.open(where)
        other = Browser(browser.app)
        await other.log_in(Role.ADMIN)
        assert (await other.send("GET", where)).status_code == 404
        assert (await browser.press("/instances/acme", "/support", reason="", minutes="15")).status_code == 422

    visiting(story, text=TEXT)
