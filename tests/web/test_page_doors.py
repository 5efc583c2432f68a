"""Who sees the page and who may press its buttons: sessions, roles, forms of other sites, what a browser is told to forbid."""

from __future__ import annotations

import asyncio
import itertools
import re
from dataclasses import replace

import pytest

from reconciler.access.roles import Role
from reconciler.notices.notices import NoticeName
from reconciler.store.forgetful import NoMemory
from reconciler.web.attempts import MOST_FAILURES
from reconciler.web.doors import SESSION_LASTS
from reconciler.web.page.pages import pages
from reconciler.web.page.shell import COOKIE, local_path
from tests.web.asked import TEXTS, TOKENS, Asked
from tests.web.visits import HOST, Browser, visiting

WORK = {
    "/servers/{code}/check",
    "/backup",
    "/verify",
    "/support",
    "/support/{id}",
    "/first-passwords",
    "/first-passwords/{id}",
}
CODES = {"servers": "one", "templates": "base", "plans": "starter", "instances": "acme"}


def address(path: str) -> str:
    return path.replace("{code}", CODES.get(path.split("/")[1], ""))


def test_every_page_is_for_the_role_that_this_table_says() -> None:
    """A page that is added stands here, or this fails."""
    operated = {"/reconcile", "/pause", "/resume", "/instances", "/instances/{code}", *WORK}
    lists = {f"/{subject}" for subject in CODES} | {f"/{subject}/{{code}}" for subject in CODES}
    assert {page.path for page in pages() if page.role is Role.MANAGER} == operated
    assert {page.path for page in pages() if page.role is Role.USER} == {"/", "/changes", "/events", "/passes", *lists}
    assert {page.path for page in pages() if page.role is Role.ADMIN} == {"/approve"}
    assert all((page.method == "POST") == (page.role is not Role.USER) for page in pages() if "{id}" not in page.path)


def test_each_role_sees_what_it_may_and_without_a_session_there_is_only_the_log_in() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        for role in (*Role, None):
            visitor = Browser(browser.app)
            csrf = ""
            if role is not None:
                await visitor.log_in(role)
                csrf = await csrf_of(visitor)
            for page in pages():
                given = (
                    {"data": {"csrf": csrf, "document": "instance/acme", "code": "acme", "reason": "x"}}
                    if page.method == "POST"
                    else {}
                )
                answer = await visitor.send(page.method, address(page.path), **given)
                where = answer.headers.get("location", "")
                who = (page.method, page.path, role, answer.text[:300])
                if role is None:
                    assert (answer.status_code, where.startswith("/login?next=")) == (303, True), who
                elif not role.may(page.role):
                    assert answer.status_code == 403, who
                else:
                    if page.path in {"/support/{id}", "/first-passwords/{id}"}:
                        assert answer.status_code == 404, who  # of nobody's
                        continue
                    refused = (
                        {409} if page.path in {"/backup", "/verify", "/approve", "/first-passwords"} else set()
                    )  # nothing is there
                    assert answer.status_code in {303 if page.method == "POST" else 200, *refused}, who
                    assert "/login" not in where

    visiting(story)


async def csrf_of(browser: Browser) -> str:
    """Return the secret that the forms of a session bring along; who may press nothing is shown none."""
    found = re.search(r'name="csrf" value="([^"]*)"', await browser.open("/"))
    return found[1] if found else ""


def test_a_user_is_shown_no_button() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        await browser.log_in(Role.USER)
        for path in ("/", "/servers/one", "/instances/acme", "/changes"):
            assert set(re.findall(r'action="([^"]*)"', await browser.open(path))) <= {"/logout", "/language"}

    visiting(story)


def test_a_session_is_a_new_one_at_each_log_in_and_nothing_that_a_browser_brought() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        browser.cookies[COOKIE] = "chosen-by-somebody-else"
        await browser.log_in()
        first = browser.cookies[COOKIE]
        assert first != "chosen-by-somebody-else"
        await browser.log_in()
        second = browser.cookies[COOKIE]
        assert second != first
        other = Browser(browser.app, cookies={COOKIE: first})
        assert (await other.send("GET", "/")).status_code == 303, "the former one is over"
        assert (
            await Browser(browser.app, cookies={COOKIE: "chosen-by-somebody-else"}).send("GET", "/")
        ).status_code == 303

    visiting(story)


def test_the_cookie_is_for_this_site_alone_and_over_tls_for_tls_alone() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        cookie = (await browser.log_in()).headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert "secure" not in cookie
        browser.address = "127.0.0.1"
        answer = await browser.send(
            "POST", "/login", data={"token": TEXTS[Role.USER]}, headers={"X-Forwarded-Proto": "https"}
        )
        assert "secure" in answer.headers["set-cookie"].lower()
        assert TEXTS[Role.USER] not in str(answer.headers)

    visiting(story)


def test_a_session_ends_by_logging_out_by_time_and_with_its_token() -> None:
    memory = NoMemory()

    async def story(browser: Browser, asked: Asked) -> None:
        await browser.log_in()
        kept = dict(browser.cookies)
        await browser.send("POST", "/logout")
        assert (await Browser(browser.app, cookies=kept).send("GET", "/")).status_code == 303

        await browser.log_in(Role.USER)
        await asyncio.sleep(SESSION_LASTS.total_seconds() - 60)
        await browser.open("/")
        await asyncio.sleep(60)
        assert (await browser.send("GET", "/")).status_code == 303

        await browser.log_in(Role.MANAGER)
        await browser.open("/")
        memory.revoke_token(TOKENS[Role.MANAGER].hash)
        await asyncio.sleep(2)
        assert (await browser.send("GET", "/")).status_code == 303

    visiting(story, store=memory)


def test_a_form_counts_with_the_secret_of_its_own_session_alone() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        await browser.log_in()
        other = Browser(browser.app)
        await other.log_in()
        for csrf in ("", "wrong", await csrf_of(other), "é"):
            answer = await browser.send("POST", "/pause", data={"csrf": csrf, "document": "instance/acme"})
            assert answer.status_code == 403, csrf
        assert not asked.board.pauses()
        assert (await browser.press("/instances/acme", "/pause")).status_code == 303
        assert ("instance", "acme") in asked.board.pauses()

    visiting(story)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://[x"},
        {"Origin": f"http://{HOST}.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize(
    "path",
    ["/pause", "/resume", "/reconcile", "/backup", "/servers/one/check", "/approve", "/login", "/logout", "/language"],
)
def test_a_form_of_another_site_is_refused_whatever_it_brings(path: str, headers: dict[str, str]) -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        await browser.log_in()
        data = {"csrf": await csrf_of(browser), "document": "instance/acme", "token": TEXTS[Role.ADMIN]}
        before = dict(browser.cookies)
        assert (await browser.send("POST", path, data=data, headers=headers)).status_code == 403
        assert browser.cookies == before
        assert not asked.board.pauses()
        await browser.open("/")

    visiting(story)


def test_no_answer_may_be_framed_kept_or_load_anything_from_elsewhere() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        await browser.send("GET", "/login")
        await browser.log_in(Role.USER)
        for path in (
            "/",
            "/servers",
            "/servers?view=board",
            "/instances/acme?tab=history",
            "/nothing/here",
            "/instances/nobody",
        ):
            await browser.send("GET", path)
        await browser.send("POST", "/pause", data={"csrf": await csrf_of(browser)})
        for answer in browser.answers:
            if answer.url.path == "/nothing/here":
                continue
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["x-frame-options"] == "DENY"
            assert answer.headers["cache-control"] == "no-store"
            assert not re.search(r'(?:src|href|action)="(?!/|\?|#|https://\w+\.example\.com")', answer.text), answer.url
            assert not re.search(r"\sstyle=|\son\w+=|<style|<script>", answer.text), answer.url

    visiting(story)


@pytest.mark.parametrize(
    "written",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/a\r\nSet-Cookie: a=b",
        "\\/evil",
        "",
        "x",
    ],
)
def test_a_log_in_leads_nowhere_else(written: str) -> None:
    assert local_path(written) == "/"

    async def story(browser: Browser, asked: Asked) -> None:
        answer = await browser.log_in(next=written)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        answer = await browser.send("POST", "/pause", data={"csrf": await csrf_of(browser), "back": written})
        assert answer.headers["location"] == "/?told=pause"

    visiting(story)


def test_a_log_in_leads_to_the_page_that_was_asked_for() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        answer = await browser.send("GET", "/instances?state=active&q=a%20b")
        form = await browser.send("GET", answer.headers["location"])
        wanted = re.search(r'name="next" value="([^"]*)"', form.text)
        assert wanted is not None
        answer = await browser.log_in(next=wanted[1].replace("&amp;", "&"))
        assert answer.headers["location"] == "/instances?state=active&q=a%20b"

    visiting(story)


def test_a_wrong_token_is_told_not_repeated_and_limited() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        for _, wrong in zip(range(MOST_FAILURES), itertools.repeat("odoo-fleet-secret-of-another"), strict=False):
            answer = await browser.send("POST", "/login", data={"token": wrong})
            assert answer.status_code == 401
            assert wrong not in answer.text
            assert 'role="alert"' in answer.text
            assert COOKIE not in browser.cookies
        assert (await browser.log_in()).status_code == 429
        assert "retry-after" in browser.answers[-1].headers

    assert visiting(story).names().count(NoticeName.ACCESS_LIMITED) == 1


def test_what_is_no_form_is_refused() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        await browser.log_in()
        assert (await browser.send("POST", "/pause", json={})).status_code == 415
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        assert (await browser.send("POST", "/pause", content=b"a" * 70_000, headers=kind)).status_code == 413
        assert (await browser.send("POST", "/pause", content=b"\xff=1", headers=kind)).status_code == 400
        assert (await browser.send("POST", "/pause", content=b"&".join([b"a=1"] * 60), headers=kind)).status_code == 400

    visiting(story)


def test_a_token_of_the_store_that_ends_ends_its_session() -> None:
    memory = NoMemory()

    async def story(browser: Browser, asked: Asked) -> None:
        await browser.log_in(Role.USER)
        memory.revoke_token(TOKENS[Role.USER].hash)
        memory.add_token(replace(TOKENS[Role.USER], expires_at=asked.board.now()))
        await asyncio.sleep(2)
        assert (await browser.send("GET", "/")).status_code == 303

    visiting(story, store=memory)
