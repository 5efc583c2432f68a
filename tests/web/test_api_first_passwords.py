"""A link to an owner's first password that is asked for by the API or the page: written down first, and shown to one alone."""

from __future__ import annotations

import asyncio
from typing import Any

from reconciler.access.roles import Role
from reconciler.notices.notices import NoticeName
from tests.harness.universe import fleet, instance
from tests.web.asked import TOKENS, Asked, asking, hang
from tests.web.test_api_support import taking_down_nothing
from tests.web.visits import Browser, visiting

TEXT = fleet(
    instance("acme", server="one", owner="{name: Zoé, login: zoe}"),
    instance("cafe", server="two"),
    servers={"one": "19.0", "two": "19.0"},
)
PATH = "/api/v1/first-passwords"


async def ask(asked: Asked, status: int = 202, *, code: str = "acme", lasts: object = "24h") -> Any:
    answer = await asked.ask("POST", PATH, Role.MANAGER, json={"code": code, "for": lasts})
    assert answer.status_code == status, answer.text
    return answer.json()


def test_whoever_asked_is_shown_the_link_and_nobody_else_and_it_is_forgotten_at_its_end() -> None:
    async def story(asked: Asked) -> None:
        begun = await ask(asked, lasts="2h")
        assert (begun["state"], begun["link"]) == ("asked", "")
        await asyncio.sleep(30)
        path = f"{PATH}/{begun['id']}"
        shown = (await asked.ask("GET", path, Role.MANAGER)).json()
        assert (shown["state"], shown["login"], shown["code"]) == ("open", "zoe", "acme")
        assert shown["link"].startswith("https://acme.example.com/web/reset_password?db=acme&token=")
        assert (await asked.ask("GET", path, Role.ADMIN)).status_code == 404, "it was another token that asked"
        assert (await asked.ask("GET", path, Role.USER)).status_code == 403
        assert (await asked.ask("GET", f"/api/v1/support/{begun['id']}", Role.MANAGER)).status_code == 404
        events = (await asked.get("events?name=first-password-link"))["items"]
        assert shown["link"].rpartition("=")[2] not in str(events)
        await asyncio.sleep(2 * 3600)
        assert (await asked.ask("GET", path, Role.MANAGER)).status_code == 404

    stage = asking(story, text=TEXT)
    (notice,) = [n for n in stage.notices if n.name is NoticeName.FIRST_PASSWORD_LINK]
    who = f"the-manager ({TOKENS[Role.MANAGER].id}), manager, from 192.0.2.7"
    begins = f"{who} asked for a link by which zoe chooses a password of instance/acme, until "
    assert notice.detail.startswith(begins), notice.detail


def test_no_link_is_made_that_the_store_does_not_take_down() -> None:
    memory = taking_down_nothing()

    async def story(asked: Asked) -> None:
        memory.locked = True
        refused = await ask(asked, 503)
        assert refused["title"] == "Service Unavailable"
        memory.locked = False
        await asyncio.sleep(60)
        partners = asked.stage.universe.hosts["one"].databases["acme"].rows("res.partner").values()
        assert not [row for row in partners if row.get("signup_type")]

    assert NoticeName.FIRST_PASSWORD_LINK not in asking(story, text=TEXT, store=memory).names()


def test_what_is_not_meant_is_refused_and_what_fails_says_why() -> None:
    async def story(asked: Asked) -> None:
        assert "has no `owner`" in (await ask(asked, 409, code="cafe"))["detail"]
        await ask(asked, 404, code="nobody")
        for wrong in ("4m", "8d", "", "tomorrow", "2026-12-01", 24, None):
            (problem,) = (await ask(asked, 422, lasts=wrong))["errors"]
            assert problem["field"] == "for"
        several = [await ask(asked, lasts=right) for right in ("5m", "24h", "7d", "1w", "300s")]
        await asyncio.sleep(60)
        at_once = [(await asked.ask("GET", f"{PATH}/{each['id']}", Role.MANAGER)).json() for each in several]
        assert [each["state"] for each in at_once] == ["open"] * 5, at_once
        assert len({each["link"] for each in at_once}) == 5
        database = asked.stage.universe.hosts["one"].databases["acme"]
        (zoe,) = database.matching("res.users", login="zoe")
        database.update("res.users", zoe["id"], {"login_date": "2026-11-30 06:00:00"})
        begun = await ask(asked)
        await asyncio.sleep(30)
        failed = (await asked.ask("GET", f"{PATH}/{begun['id']}", Role.MANAGER)).json()
        assert (failed["state"], failed["link"]) == ("failed", "")
        assert "'zoe' has logged in already" in failed["why"]
        assert "Odoo's own 'Reset password'" in failed["why"]
        hang(asked.stage, "one")
        assert (await ask(asked))["state"] == "asked"

    asking(story, text=TEXT)


def test_the_page_leads_whoever_presses_the_button_to_the_link() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        await browser.log_in(Role.MANAGER)
        assert 'action="/first-passwords"' not in await browser.open("/instances/cafe")
        answer = await browser.press("/instances/acme", "/first-passwords", **{"for": "3d"})
        where = answer.headers["location"]
        assert "being made" in await browser.open(where)
        await asyncio.sleep(30)
        shown = await browser.open(where)
        assert 'value="https://acme.example.com/web/reset_password?db=acme&amp;token=' in shown
        assert 'href="https://acme.example.com/web/reset_password' not in shown, "the manager is not to use it"
        other = Browser(browser.app)
        await other.log_in(Role.ADMIN)
        assert (await other.send("GET", where)).status_code == 404
        assert (await browser.press("/instances/acme", "/first-passwords", **{"for": "9d"})).status_code == 422

    visiting(story, text=TEXT)
