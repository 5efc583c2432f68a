"""Login pages are asked for as a visitor does: by their public name, with nothing in hand, and not led astray."""

import asyncio
import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.health.login_pages import PageAnswer
from reconciler.odoo.observe import login_pages
from reconciler.odoo.observe.login_pages import LONGEST_BODY, LoginPages
from reconciler.odoo.protocol import Timeout
from reconciler.odoo.tls import TlsOptions
from reconciler.odoo.transport import PageTransport
from tests.health.certificates import make, needs_openssl
from tests.health.sites import LOGIN_PAGE, Page, Site, redirect, site

PUBLIC = "https://acme.demo.example/web/login"
LOGIN = "GET /web/login"
LIST = "POST /web/database/list"


def ask(pages: dict[str, Page], url: str = PUBLIC) -> tuple[PageAnswer, Site]:
    """Ask for the public name at a site on this machine, as `--server-url` does."""

    async def work() -> tuple[PageAnswer, Site]:
        transport = PageTransport(TlsOptions())
        async with site(pages) as served:
            try:
                return await LoginPages(transport, served.url).fetch(url), served
            finally:
                await transport.aclose()

    return asyncio.run(work())


def databases(*names: str) -> Page:
    return Page(json.dumps({"jsonrpc": "2.0", "id": 1, "result": names}), headers={"Content-Type": "application/json"})


def test_the_login_page_is_known_and_the_site_says_whose_it_is() -> None:
    answer, served = ask({LOGIN: Page(LOGIN_PAGE), LIST: databases("acme")})
    assert answer == PageAnswer("/web/login", 200, title="Odoo", has_login_form=True, databases=("acme",))
    assert served.lines == ["get /web/login http/1.1", "post /web/database/list http/1.1"]


def test_its_public_name_goes_along_and_no_cookie_and_no_credential() -> None:
    with_cookie = Page(LOGIN_PAGE, headers={"Set-Cookie": "session_id=abc; Path=/"})
    _, served = ask({LOGIN: with_cookie, LIST: databases("acme")})
    for head in served.asked:
        assert "host: acme.demo.example\r\n" in head
        assert "cookie:" not in head
        assert "authorization:" not in head


@pytest.mark.parametrize(
    "answered",
    [
        Page(status="404 NOT FOUND"),
        Page("<html>blocked</html>", "403 Forbidden"),
        Page(json.dumps({"jsonrpc": "2.0", "id": 1, "error": {"message": "Access Denied"}})),
        Page(json.dumps({"result": "acme"})),
        Page(json.dumps([1])),
        Page(b"\xff\x00"),
    ],
)
def test_a_site_that_does_not_say_which_databases_it_serves_is_none_the_worse(answered: Page) -> None:
    answer, _ = ask({LOGIN: Page(LOGIN_PAGE), LIST: answered})
    assert (answer.has_login_form, answer.databases) == (True, None)


def test_redirects_within_the_site_are_followed() -> None:
    pages = {
        LOGIN: redirect("/fr/web/login?redirect=%2Fodoo"),
        "GET /fr/web/login": redirect("https://ACME.demo.example/fr/login"),
        "GET /fr/login": Page(LOGIN_PAGE),
    }
    answer, served = ask(pages)
    assert (answer.path, answer.status, answer.has_login_form) == ("/fr/login", 200, True)
    assert served.lines[1] == "get /fr/web/login?redirect=%2fodoo http/1.1"


def test_another_site_is_named_and_not_asked() -> None:
    answer, served = ask({LOGIN: redirect("https://sso.example.org/authorize?client=1", "302 Found")})
    assert answer == PageAnswer("/web/login", 302, leads_to="sso.example.org")
    assert len(served.asked) == 1


@pytest.mark.parametrize(
    ("location", "problem"),
    [
        ("/web/login", "redirects more than 5 times"),
        ("", "redirects to nowhere (HTTP 303)"),
        ("ftp://acme.demo.example/", "redirects to nowhere (HTTP 303)"),
        ("https://[half/", "redirects to nowhere (HTTP 303)"),
    ],
)
def test_a_redirect_without_an_end_or_a_goal_is_said(location: str, problem: str) -> None:
    answer, served = ask({LOGIN: redirect(location)})
    assert answer.problem == problem
    assert len(served.asked) <= 6


def test_the_choice_of_databases_is_where_odoo_leads_who_serves_none_or_several() -> None:
    answer, _ = ask(
        {LOGIN: redirect("/web/database/selector"), "GET /web/database/selector": Page("<title>Odoo</title>")}
    )
    assert (answer.path, answer.status, answer.has_login_form) == ("/web/database/selector", 200, False)


def test_another_page_is_known_by_its_title_in_clean_text() -> None:
    answer, served = ask({LOGIN: Page("<html><title>\n Welcome\x1b[31m to <b>&amp; nginx! \u202e</title></html>")})
    assert answer.title == "Welcome [31m to <b>& nginx!"
    assert len(served.asked) == 1


def test_an_error_of_a_proxy_comes_with_its_status() -> None:
    answer, _ = ask({LOGIN: Page("<title>502 Bad Gateway</title>", "502 Bad Gateway")})
    assert (answer.status, answer.title) == (502, "502 Bad Gateway")


def test_of_a_huge_page_only_the_beginning_is_read() -> None:
    answer, _ = ask({LOGIN: Page(LOGIN_PAGE + " " * 20 * LONGEST_BODY)})
    assert answer.has_login_form
    late, _ = ask({LOGIN: Page(" " * LONGEST_BODY + LOGIN_PAGE)})
    assert (late.status, late.has_login_form) == (200, False)


def test_a_packed_page_is_unpacked_up_to_the_limit() -> None:
    bomb = gzip.compress(LOGIN_PAGE.encode() + b" " * 400 * 1024 * 1024, compresslevel=1)
    answer, _ = ask({LOGIN: Page(bomb, headers={"Content-Encoding": "gzip"})})
    assert answer.has_login_form


def test_nobody_and_no_name_are_said_as_such() -> None:
    async def work() -> list[PageAnswer]:
        transport = PageTransport(TlsOptions())
        try:
            nobody = await LoginPages(transport, "http://127.0.0.1:9").fetch(PUBLIC)
            return [nobody, await LoginPages(transport).fetch("https://acme.no-such-name.invalid/web/login")]
        finally:
            await transport.aclose()

    for answer in asyncio.run(work()):
        assert answer.status is None
        assert answer.problem.startswith("no connection: ")


def test_a_page_that_takes_too_long_is_given_up_but_not_for_the_question_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(login_pages, "_PATIENCE", Timeout(connect=0.3, total=0.3))
    late, _ = ask({LOGIN: Page(LOGIN_PAGE, seconds=5)})
    assert late == PageAnswer(problem="no whole answer within 0.3 s")
    monkeypatch.setattr(login_pages, "_PATIENCE", Timeout(connect=20, total=20))  # also on a machine that is busy
    monkeypatch.setattr(login_pages, "_PATIENCE_WITH_QUESTION", 0.3)
    unanswered, _ = ask({LOGIN: Page(LOGIN_PAGE), LIST: Page(seconds=5)})
    assert (unanswered.has_login_form, unanswered.databases) == (True, None)


@needs_openssl
@pytest.mark.parametrize(
    ("certified", "problem"),
    [("acme.demo.example", ""), ("other.example", "the certificate is not accepted: Hostname mismatch")],
)
def test_the_certificate_must_be_of_the_public_name_also_where_it_is_asked_elsewhere(
    tmp_path: Path, certified: str, problem: str
) -> None:
    now = datetime.now(UTC)
    made = make(tmp_path, now - timedelta(days=1), now + timedelta(days=9), certified)

    async def work() -> PageAnswer:
        transport = PageTransport(TlsOptions(ca_file=made.file))
        async with site({LOGIN: Page(LOGIN_PAGE)}, made.server_side) as served:
            try:
                return await LoginPages(transport, served.url).fetch(PUBLIC)
            finally:
                await transport.aclose()

    answer = asyncio.run(work())
    assert answer.problem.startswith(problem)
    assert answer.has_login_form is not bool(problem)


def test_an_authority_file_that_has_gone_is_said(tmp_path: Path) -> None:
    answer = asyncio.run(LoginPages(PageTransport(TlsOptions(ca_file=tmp_path / "gone.pem"))).fetch(PUBLIC))
    assert "gone.pem cannot be read" in answer.problem


def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    answer, _ = ask({LOGIN: Page(LOGIN_PAGE)})
    assert answer.has_login_form
