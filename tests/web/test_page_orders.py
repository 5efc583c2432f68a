"""The page's forms for orders: who sees them, what they send, and what is said when it cannot be done."""

from __future__ import annotations

from reconciler.access.roles import Role
from reconciler.web.orders import Wish
from reconciler.web.problem_details import FieldProblem, RequestRefused
from tests.web.asked import TOKENS, Asked
from tests.web.test_page_doors import csrf_of
from tests.web.visits import Browser, visiting

NEW = {
    "company": " Zoé & <b>Co</b> ",
    "code": "",
    "template": "base",
    "plan": "starter",
    "server": "",
    "owner_name": "Zoé",
}


def test_a_manager_orders_an_instance_and_changes_one() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        await browser.log_in(Role.MANAGER)
        answer = await browser.press("/instances", "/instances", **NEW, owner_login="zoe@zoe.example")
        assert answer.headers["location"] == "/instances?told=order"
        assert "Ordered: the text says so" in await browser.open(answer.headers["location"])
        answer = await browser.press(
            "/instances/acme", "/instances/acme", name="Acme SA", plan="starter", state="suspended"
        )
        assert answer.headers["location"] == "/instances/acme?told=order"
        (new, who), (change, _) = asked.placed
        owner = {"name": "Zoé", "login": "zoe@zoe.example"}
        fields = {"company": "Zoé & <b>Co</b>", "template": "base", "plan": "starter", "owner": owner}
        assert (new.wish, new.code, new.fields) == (Wish.CREATE, "", fields)
        assert (change.wish, change.code) == (Wish.CHANGE, "acme")
        assert change.fields == {"state": "suspended"}
        answer = await browser.press(
            "/instances/acme", "/instances/acme", name="Acme SA", plan="starter", state="active"
        )
        assert (answer.headers["location"], len(asked.placed)) == ("/instances/acme", 2)
        assert (
            await browser.send("POST", "/instances/nobody", data={"csrf": await csrf_of(browser)})
        ).status_code == 404
        assert who.token == TOKENS[Role.MANAGER]

    visiting(story)


def test_a_form_that_is_sent_twice_is_one_order_and_one_that_is_filled_in_otherwise_another() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        await browser.log_in(Role.MANAGER)
        for company in ("Zoé", "Zoé", "Ada"):
            await browser.press("/instances", "/instances", company=company, template="base", plan="starter")
        keys = [order.key for order, _ in asked.placed]
        assert (keys[0] == keys[1], keys[1] == keys[2]) == (True, False)

    visiting(story)


def test_only_who_may_order_is_shown_a_form_and_nobody_where_none_are_taken() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        visitor = Browser(browser.app)
        await visitor.log_in(Role.USER)
        await browser.log_in(Role.ADMIN)
        for path in ("/instances", "/instances/acme"):
            assert 'class="ask order"' in await browser.open(path)
            assert 'class="ask order"' not in await visitor.open(path)
        asked.board.orders = None
        for path in ("/instances", "/instances/acme"):
            assert 'class="ask order"' not in await browser.open(path)
        csrf = {"csrf": "forged"}
        assert (await browser.send("POST", "/instances", data=csrf)).status_code == 403
        assert (await visitor.send("POST", "/instances/acme", data=csrf)).status_code == 403
        assert asked.placed == []

    visiting(story)


def test_what_is_refused_is_told_by_its_fields_as_text() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        async def refuse(*_: object) -> None:
            errors = (FieldProblem(field="plan", problem="no plan '<b>x</b>'"),)
            raise RequestRefused(422, "the fleet would not be valid with it", errors=errors)

        asked.board.orders.place = refuse  # type: ignore[union-attr, method-assign]
        await browser.log_in(Role.MANAGER)
        answer = await browser.press("/instances", "/instances", company="Zoé")
        assert answer.status_code == 422
        assert "<li><b>plan</b>: no plan &#39;&lt;b&gt;x&lt;/b&gt;&#39;</li>" in answer.text

    visiting(story)
