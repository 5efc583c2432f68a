"""Logging in with an OpenID Connect provider: who gets in as what, and everything that must not let anybody in."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from html import unescape
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from joserfc import jwt

from reconciler.access.roles import Role
from reconciler.notices.notices import NoticeName
from reconciler.oidc.id_tokens import name_of
from reconciler.store.forgetful import NoMemory
from reconciler.web.attempts import MOST_FAILURES
from reconciler.web.doors import SESSION_LASTS
from reconciler.web.page.provider_login import ATTEMPT_COOKIE, ATTEMPT_LASTS, BEGINS, ENDS
from reconciler.web.page.shell import COOKIE
from tests.daemon.stage import Stage
from tests.web.asked import Asked
from tests.web.providers import EC, ISSUER, OTHER_RSA, RSA, InMemory
from tests.web.test_page_doors import csrf_of
from tests.web.test_pages_shown import words
from tests.web.visits import HOST, Browser, visiting

Story = Callable[[Browser, InMemory], Awaitable[None]]


def logging_in(story: Story, *, claim: str = "groups", store: NoMemory | None = None) -> Stage:
    """Run a story of somebody at the page of a daemon that knows a provider."""
    made: list[InMemory] = []

    async def main(browser: Browser, asked: Asked) -> None:
        await story(browser, made[0])

    def other(board: Any) -> Any:
        made.append(InMemory(board.now))
        return made[0].login(claim)

    return visiting(main, other=other, store=store)


async def there_and_back(browser: Browser, provider: InMemory, leads_to: str = "/", **changed: str) -> httpx.Response:
    """Go to the provider, log in there, and come back with what it gives, or with something else."""
    begun = await browser.send("GET", f"{BEGINS}?next={leads_to}")
    assert begun.status_code == 303, begun.text
    back = {**provider.log_in(begun.headers["location"]), **changed}
    return await browser.send("GET", ENDS, params=back)


def is_in(answer: httpx.Response) -> bool:
    return answer.status_code == 200 and COOKIE in answer.cookies


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["fleet-readers"], "user"),
        (["everybody", "fleet-managers", "fleet-readers"], "manager"),
        (["fleet-readers", "fleet-admins"], "admin"),
        ("fleet-managers", "manager"),
    ],
)
def test_who_is_in_a_group_that_has_a_role_gets_in_with_the_highest(groups: Any, role: str) -> None:
    async def story(browser: Browser, provider: InMemory) -> None:
        provider.groups = ()
        provider.claims["groups"] = groups
        answer = await there_and_back(browser, provider, "/instances?state=active")
        assert is_in(answer)
        leads_to = re.search(r'http-equiv="refresh" content="0;url=([^"]*)"', answer.text)
        assert leads_to is not None
        page = await browser.open(unescape(leads_to[1]))
        assert leads_to[1] == "/instances?state=active"
        assert re.search(rf'<b>Anna Müller</b><br><span class="faint">{role}</span>', page)
        (ended,) = [each for each in answer.headers.get_list("set-cookie") if each.startswith(ATTEMPT_COOKIE)]
        assert "max-age=0" in ended.lower(), "an attempt is over with its end"

    logging_in(story)


@pytest.mark.parametrize(
    "groups", [[], ["everybody"], ["FLEET-ADMINS"], [["fleet-admins"]], {"fleet-admins": True}, None, 7]
)
def test_who_is_in_no_such_group_does_not_get_in_and_is_told_why(groups: Any) -> None:
    async def story(browser: Browser, provider: InMemory) -> None:
        provider.groups = ()
        provider.claims["groups"] = groups
        answer = await there_and_back(browser, provider)
        assert (answer.status_code, COOKIE in answer.cookies) == (403, False)
        assert "you are in none of the groups that may enter here" in words(answer.text)
        assert provider.told == ["id.example: Anna Müller is in no group that has a role"]

    logging_in(story)


def test_groups_may_stand_within_another_claim_or_be_told_by_the_provider_alone() -> None:
    async def within(browser: Browser, provider: InMemory) -> None:
        provider.groups, provider.claims = (), {"realm_access": {"roles": ["fleet-admins"]}}
        assert is_in(await there_and_back(browser, provider))

    async def beside(browser: Browser, provider: InMemory) -> None:
        provider.groups, provider.userinfo = (), {"groups": ["fleet-readers"], "sub": "somebody-else"}
        assert (await there_and_back(browser, provider)).status_code == 403, (
            "what is told of another counts for nothing"
        )
        provider.userinfo["sub"] = "anna-1"
        assert is_in(await there_and_back(browser, provider))

    logging_in(within, claim="realm_access.roles")
    logging_in(beside)


def part(each: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=")


def none(claims: dict[str, Any]) -> str:
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}."


def by_hmac(claims: dict[str, Any], key: bytes) -> str:
    text = f"{part({'alg': 'HS256', 'kid': 'first'})}.{part(claims)}"
    return f"{text}.{base64.urlsafe_b64encode(hmac.digest(key, text.encode(), 'sha256')).decode().rstrip('=')}"


def with_public_key(claims: dict[str, Any]) -> str:
    """Sign with what everybody knows."""
    return by_hmac(claims, RSA.as_pem(private=False))


def with_our_secret(claims: dict[str, Any]) -> str:
    return by_hmac(claims, b"a secret: with/signs")


def by_another_with_its_name(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "first"}, claims, OTHER_RSA, ["RS256"])


def by_a_key_that_it_brings(claims: dict[str, Any]) -> str:
    header = {"alg": "RS256", "kid": "second", "jwk": OTHER_RSA.as_dict(private=False)}
    return jwt.encode(header, claims, OTHER_RSA, ["RS256"])


def changed(claims: dict[str, Any]) -> str:
    text = jwt.encode({"alg": "RS256", "kid": "first"}, claims, RSA, ["RS256"])
    head, _, sign = text.split(".")
    return f"{head}.{part({**claims, 'groups': ['fleet-admins']})}.{sign}"


@pytest.mark.parametrize(
    "sign",
    [
        none,
        with_public_key,
        with_our_secret,
        by_another_with_its_name,
        by_a_key_that_it_brings,
        changed,
        lambda _: "",
        lambda _: "a.b.c",
        lambda _: "é",
        lambda claims: jwt.encode({"alg": "RS256", "kid": "first"}, {}, RSA, ["RS256"]),
    ],
)
def test_what_the_provider_did_not_sign_lets_nobody_in(sign: Callable[[dict[str, Any]], str]) -> None:
    async def story(browser: Browser, provider: InMemory) -> None:
        provider.sign = sign
        answer = await there_and_back(browser, provider)
        assert (answer.status_code, COOKIE in answer.cookies) == (403, False)
        assert "the provider did not let you in" in words(answer.text)
        assert (await browser.send("GET", "/")).status_code == 303
        (said,) = provider.told
        assert said.startswith("id.example: its ID token")

    logging_in(story)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://id.example"},
        {"iss": None},
        {"aud": "another client"},
        {"aud": ["odoo fleet", "another client"]},
        {"aud": None},
        {"azp": "another client"},
        {"nonce": "of another log-in"},
        {"nonce": None},
        {"sub": None},
        {"sub": 7},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": None},
    ],
)
def test_what_it_signed_for_another_purpose_lets_nobody_in(claims: dict[str, Any]) -> None:
    async def story(browser: Browser, provider: InMemory) -> None:
        provider.claims = claims
        answer = await there_and_back(browser, provider)
        assert (answer.status_code, COOKIE in answer.cookies) == (403, False)

    logging_in(story)


@pytest.mark.parametrize(
    ("made", "ends", "good"), [(50, 300, True), (-400, -50, True), (70, 300, False), (-600, -70, False)]
)
def test_clocks_may_differ_by_a_minute(made: int, ends: int, good: bool) -> None:  # noqa: FBT001 -- a row of a table
    async def story(browser: Browser, provider: InMemory) -> None:
        now = int(provider.now().timestamp())
        provider.claims = {"iat": now + made, "exp": now + ends}
        assert is_in(await there_and_back(browser, provider)) is good

    logging_in(story)


def test_two_audiences_need_a_word_of_whom_it_is_for() -> None:
    async def story(browser: Browser, provider: InMemory) -> None:
        provider.claims = {"aud": ["odoo fleet", "another client"], "azp": "odoo fleet"}
        assert is_in(await there_and_back(browser, provider))

    logging_in(story)


@pytest.mark.parametrize(
    "given", [{"state": "wrong"}, {"state": ""}, {"iss": "https://evil.example"}, {"code": ""}, {"code": "of-another"}]
)
def test_who_comes_back_with_something_else_does_not_get_in(given: dict[str, str]) -> None:
    async def story(browser: Browser, provider: InMemory) -> None:
        answer = await there_and_back(browser, provider, **given)
        assert (answer.status_code, COOKIE in answer.cookies) == (400 if "state" in given else 403, False)

    logging_in(story)


def test_a_log_in_counts_once_in_the_browser_that_began_it_and_not_for_ever() -> None:
    async def story(browser: Browser, provider: InMemory) -> None:
        begun = await browser.send("GET", BEGINS)
        back = provider.log_in(begun.headers["location"])
        assert (await Browser(browser.app).send("GET", ENDS, params=back)).status_code == 400, "another browser"
        kept = dict(browser.cookies)
        assert is_in(await browser.send("GET", ENDS, params=back))
        again = await Browser(browser.app, cookies=kept).send("GET", ENDS, params=back)
        assert (again.status_code, COOKIE in again.cookies) == (403, False), "the provider takes a code once"

        late = Browser(browser.app)
        back = provider.log_in((await late.send("GET", BEGINS)).headers["location"])
        await asyncio.sleep(ATTEMPT_LASTS.total_seconds())
        assert (await late.send("GET", ENDS, params=back)).status_code == 400

        for forged in ("", "x", "AAAA", base64.urlsafe_b64encode(b"\0" * 32 + b'[{"state": "x"}, "/", 9e9]').decode()):
            visitor = Browser(browser.app, cookies={ATTEMPT_COOKIE: forged})
            assert (await visitor.send("GET", ENDS, params={"state": "x", "code": "y"})).status_code == 400

    logging_in(story)


def test_its_cookies_are_for_this_site_and_the_session_is_a_new_one() -> None:
    async def story(browser: Browser, provider: InMemory) -> None:
        browser.cookies[COOKIE] = "chosen-by-somebody-else"
        browser.address = "127.0.0.1"
        headers = {"X-Forwarded-Proto": "https"}
        begun = await browser.send("GET", BEGINS, headers=headers)
        attempt = begun.headers["set-cookie"].lower()
        assert all(each in attempt for each in ("httponly", "samesite=lax", "secure", f"path={BEGINS}", "max-age=600"))
        back = provider.log_in(begun.headers["location"])
        answer = await browser.send("GET", ENDS, params=back, headers=headers)
        session = next(each for each in answer.headers.get_list("set-cookie") if each.startswith(COOKIE)).lower()
        assert all(each in session for each in ("httponly", "samesite=strict", "secure"))
        assert browser.cookies[COOKIE] != "chosen-by-somebody-else"
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]

    logging_in(story)


@pytest.mark.parametrize(
    "written", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", '"><script>']
)
def test_it_leads_nowhere_else(written: str) -> None:
    async def story(browser: Browser, provider: InMemory) -> None:
        begun = await browser.send("GET", BEGINS, params={"next": written})
        answer = await browser.send("GET", ENDS, params=provider.log_in(begun.headers["location"]))
        assert 'content="0;url=/"' in answer.text
        assert "evil" not in answer.text

    logging_in(story)


def test_the_way_back_is_this_host_and_no_other_text() -> None:
    async def story(browser: Browser, provider: InMemory) -> None:
        begun = await browser.send("GET", BEGINS)
        assert f"redirect_uri=http%3A%2F%2F{HOST}%2Flogin%2Fprovider%2Fcallback" in begun.headers["location"]
        for host in ("a@evil.example", "a/../b", "a b", ""):
            assert (await browser.send("GET", BEGINS, headers={"Host": host})).status_code == 400

    logging_in(story)


def test_a_way_back_that_was_said_is_the_one_that_is_asked_for() -> None:
    back = f"https://fleet.example.com{ENDS}"

    async def story(browser: Browser, asked: Asked) -> None:
        begun = await browser.send("GET", BEGINS, headers={"Host": "elsewhere.example"})
        assert f"redirect_uri={quote(back, safe='')}" in begun.headers["location"]

    visiting(story, other=lambda board: replace(InMemory(board.now).login(), callback=back))


def test_what_somebody_did_is_told_with_their_name_and_forms_need_their_session() -> None:
    async def story(browser: Browser, provider: InMemory) -> None:
        provider.claims["name"] = "Anna\r\nMüller\u202e"
        assert is_in(await there_and_back(browser, provider))
        assert (
            await browser.send("POST", "/pause", data={"csrf": "wrong", "document": "instance/acme"})
        ).status_code == 403
        assert await csrf_of(browser)
        assert (await browser.press("/instances/acme", "/pause")).status_code == 303

    (notice,) = [n for n in logging_in(story).notices if n.name is NoticeName.PAUSED]
    assert re.fullmatch(
        r"instance/acme was paused by Anna Müller\\u202e \([0-9a-f]{8}\), manager, from 192.0.2.7", notice.detail
    )


def test_the_session_ends_by_logging_out_and_by_time_and_needs_no_store() -> None:
    async def story(browser: Browser, provider: InMemory) -> None:
        await there_and_back(browser, provider)
        kept = dict(browser.cookies)
        await browser.send("POST", "/logout")
        assert (await Browser(browser.app, cookies=kept).send("GET", "/")).status_code == 303
        await there_and_back(browser, provider)
        await asyncio.sleep(SESSION_LASTS.total_seconds() - 60)
        await browser.open("/")
        await asyncio.sleep(60)
        assert (await browser.send("GET", "/")).status_code == 303

    logging_in(story)


def test_while_the_provider_is_away_a_token_lets_in_and_it_is_told_why() -> None:
    async def story(browser: Browser, provider: InMemory) -> None:
        provider.away = True
        answer = await browser.send("GET", f"{BEGINS}?next=/plans")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
        assert "the provider does not answer as it should" in words(answer.text)
        assert 'name="next" value="/plans"' in answer.text
        assert "connection refused" not in answer.text
        assert "connection refused" in provider.told[0]
        assert (await browser.log_in(Role.USER)).status_code == 303
        await browser.open("/")
        provider.away = False
        other = Browser(browser.app)
        begun = await other.send("GET", BEGINS)
        back = provider.log_in(begun.headers["location"])
        provider.away = True
        assert (await other.send("GET", ENDS, params=back)).status_code == 503
        provider.away = False
        assert is_in(await there_and_back(other, provider))

    logging_in(story)


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": None},
        {"token_endpoint": "http://id.example/token"},
        {"jwks_uri": 7},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"userinfo_endpoint": "http://id.example/me"},
    ],
)
def test_a_provider_that_does_not_describe_itself_well_is_not_used(metadata: dict[str, Any]) -> None:
    async def story(browser: Browser, provider: InMemory) -> None:
        provider.metadata = metadata
        assert (await browser.send("GET", BEGINS)).status_code == 503

    logging_in(story)


def test_new_keys_are_asked_for_when_a_token_names_one_and_not_at_each_try() -> None:
    async def story(browser: Browser, provider: InMemory) -> None:
        assert is_in(await there_and_back(browser, provider))
        provider.key, provider.published, provider.algorithm = EC, [OTHER_RSA, EC], "ES256"
        await asyncio.sleep(10)
        assert is_in(await there_and_back(browser, provider))
        assert provider.asked.count("/keys") == 2
        provider.published = [OTHER_RSA]
        for _ in range(5):
            assert is_in(await there_and_back(browser, provider))
        provider.key, provider.algorithm = RSA, "RS256"
        for _ in range(5):
            assert (await there_and_back(browser, provider)).status_code == 403
        assert provider.asked.count("/keys") == 2, "asked for 10 s ago at most"
        await asyncio.sleep(3600)
        provider.key, provider.algorithm = EC, "ES256"
        assert (await there_and_back(browser, provider)).status_code == 403, "a key that was withdrawn is forgotten"

    logging_in(story)


def test_a_secret_that_is_taken_in_the_form_alone_is_sent_there() -> None:
    async def story(browser: Browser, provider: InMemory) -> None:
        provider.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
        assert is_in(await there_and_back(browser, provider))

    logging_in(story)


def test_tries_that_fail_are_limited_and_told_and_a_token_lets_in_all_the_same() -> None:
    async def story(browser: Browser, provider: InMemory) -> None:
        for _ in range(MOST_FAILURES):
            assert (await there_and_back(browser, provider, code="guessed")).status_code == 403
        asked = len(provider.asked)
        assert (await browser.send("GET", BEGINS)).status_code == 429
        assert (await browser.send("GET", ENDS, params={"state": "x", "code": "y"})).status_code == 429
        assert len(provider.asked) == asked
        assert (await browser.log_in(Role.USER)).status_code == 303

    assert logging_in(story).names().count(NoticeName.ACCESS_LIMITED) == 1


def test_the_log_in_offers_it_and_says_everything_in_french_too() -> None:
    async def story(browser: Browser, provider: InMemory) -> None:
        page = (await browser.send("GET", "/login?next=/plans%3Fq%3D%2526")).text
        assert "Log in with id.example" in page
        assert f'href="{BEGINS}?next=/plans%3Fq%3D%2526"' in page
        french = {"Accept-Language": "fr"}
        assert "Se connecter avec id.example" in (await browser.send("GET", "/login", headers=french)).text
        answer = await browser.send("GET", ENDS, headers=french)
        assert "commencée il y a trop longtemps" in words(answer.text)
        assert ISSUER not in answer.text

    logging_in(story)


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"name": "Anna", "sub": "1"}, "Anna"),
        ({"name": " ", "preferred_username": "anna", "email": "a@b"}, "anna"),
        ({"name": 7, "email": "a@b", "sub": "1"}, "a@b"),
        ({"sub": "1"}, "1"),
        ({"name": "A\nB\x1b[2J", "sub": "1"}, "A B\\x1b[2J"),
        ({"name": "x" * 500}, "x" * 80),
    ],
)
def test_somebody_is_called_on_one_line(claims: dict[str, Any], name: str) -> None:
    assert name_of(claims) == name
