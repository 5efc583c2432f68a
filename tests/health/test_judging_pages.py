"""What came when a login page was asked for, judged and told."""

import pytest

from reconciler.core.model.checks import CheckResult, failures
from reconciler.health.login_pages import (
    PageAnswer,
    PageRecord,
    is_reserved,
    judge_manager,
    judge_page,
    login_url,
    manager_url,
    page_changes,
)
from reconciler.notices.notices import Level, Notice, NoticeName
from tests.core.scenes import desired
from tests.harness.universe import instance
from tests.harness.virtual_time import EPOCH

FLEET = desired(instance("acme", subdomain="www-acme"))
ACME, ONE = FLEET.instances["acme"], FLEET.servers["one"]
LOGIN = PageAnswer("/web/login", 200, title="Odoo", has_login_form=True)
LOST = PageAnswer(problem="no connection: refused")


def test_a_page_is_asked_for_by_its_public_name_where_the_server_declares_a_domain() -> None:
    assert login_url(ACME, ONE) == "https://www-acme.example.com/web/login"
    assert login_url(ACME, ONE.model_copy(update={"domain": None})) == ""


@pytest.mark.parametrize(
    ("scheme", "port", "address"),
    [
        ("https", None, "https://www-acme.example.com"),
        ("https", 443, "https://www-acme.example.com"),
        ("https", 8443, "https://www-acme.example.com:8443"),
        ("http", None, "http://www-acme.example.com"),
        ("http", 80, "http://www-acme.example.com"),
        ("http", 8069, "http://www-acme.example.com:8069"),
    ],
)
def test_customers_are_told_and_asked_where_the_text_says(scheme: str, port: int | None, address: str) -> None:
    server = ONE.model_copy(update={"public_scheme": scheme, "public_port": port})
    assert server.public_address(ACME.subdomain) == address
    assert login_url(ACME, server) == f"{address}/web/login"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (LOGIN, ""),
        (PageAnswer("/web/login", 200, has_login_form=True, databases=("acme",)), ""),
        (PageAnswer("/fr/web/login", 200, has_login_form=True), ""),
        (LOST, "no connection: refused"),
        (PageAnswer("/web/login", 302, leads_to="sso.example.org"), "redirects to another site, sso.example.org"),
        (
            PageAnswer("/web/login", 502, title="502 Bad Gateway"),
            "a proxy answers in Odoo's place: HTTP 502, a page titled “502 Bad Gateway”",
        ),
        (PageAnswer("/web/login", 503), "a proxy answers in Odoo's place: HTTP 503"),
        (
            PageAnswer("/web/login", 500, title="500 Internal Server Error"),
            "HTTP 500, a page titled “500 Internal Server Error”",
        ),
        (PageAnswer("/web/login", 404), "HTTP 404"),
        (
            PageAnswer("/web/database/selector", 200, title="Odoo"),
            "asks which database: the host serves none, or several, under this name (see dbfilter)",
        ),
        (
            PageAnswer("/", 200, title="Welcome to nginx!"),
            "a page titled “Welcome to nginx!”, without Odoo's login form",
        ),
        (PageAnswer("/", 200), "another page, without Odoo's login form"),
        (
            PageAnswer("/web/login", 200, has_login_form=True, databases=("bistro",)),
            "serves bistro under this name instead of acme (see dbfilter)",
        ),
    ],
)
def test_only_the_login_page_of_the_right_database_is_good(answer: PageAnswer, why: str) -> None:
    record = judge_page(ACME, ONE, None, answer, EPOCH, looks=1)
    assert (record.reachable, record.why) == (not why, why)


def _row(*answers: PageAnswer) -> tuple[list[PageRecord], list[tuple[int, Notice]]]:
    records: list[PageRecord] = []
    notices = []
    for number, answer in enumerate(answers):
        before = records[-1] if records else None
        records.append(judge_page(ACME, ONE, before, answer, EPOCH))
        notices += [(number, notice) for notice in page_changes(before, records[-1])]
    return records, notices


def test_two_looks_in_a_row_decide_and_each_change_is_told_once() -> None:
    records, notices = _row(LOGIN, LOST, LOGIN, LOST, LOST, LOST, LOGIN, LOST, LOGIN, LOGIN, LOGIN)
    assert [r.reachable for r in records] == [True] * 4 + [False] * 5 + [True] * 2
    assert [(n, x.name, x.level) for n, x in notices] == [
        (4, NoticeName.LOGIN_PAGE_UNREACHABLE, Level.WARNING),
        (9, NoticeName.LOGIN_PAGE_REACHABLE, Level.INFO),
    ]
    assert notices[0][1].detail == "https://www-acme.example.com/web/login: no connection: refused"
    assert (notices[0][1].kind, notices[0][1].code, notices[0][1].server) == ("instance", "acme", "one")


def test_a_page_of_which_nothing_is_known_is_good_at_once_and_bad_after_two_looks() -> None:
    records, notices = _row(LOST, LOST)
    assert [r.reachable for r in records] == [None, False]
    assert [n for n, _ in notices] == [1]
    assert _row(LOGIN)[0][0].reachable
    assert _row(LOST, LOGIN)[1] == []


@pytest.mark.parametrize(
    ("domain", "reserved"),
    [("demo.example", True), ("eu.example.com", True), ("a.test", True), ("myexample.com", False), ("odoo.be", False)],
)
def test_names_that_nobody_can_own_are_known(domain: str, reserved: bool) -> None:  # noqa: FBT001
    assert is_reserved(domain) is reserved


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (PageAnswer("/web/database/manager", 200, title="Odoo", asks_master_password=True), CheckResult.FAILED),
        (PageAnswer("/web/database/create", 403, asks_master_password=True), CheckResult.FAILED),
        (PageAnswer("/web/database/manager", 404), CheckResult.PASSED),
        (PageAnswer("/web/database/manager", 503, title="Not available"), CheckResult.PASSED),
        (PageAnswer("/web/database/manager", 302, leads_to="www.example.org"), CheckResult.UNKNOWN),
        (PageAnswer("/web/database/manager", 502, title="502 Bad Gateway"), CheckResult.UNKNOWN),
        (PageAnswer("/web/database/manager", 429), CheckResult.UNKNOWN),
        (PageAnswer("/web/database/manager", 200, is_cut=True), CheckResult.UNKNOWN),
        (LOST, CheckResult.UNKNOWN),
    ],
)
def test_forms_for_the_master_password_that_strangers_get_fail_a_check_but_hold_no_activation_up(
    answer: PageAnswer, expected: CheckResult
) -> None:
    url = manager_url(ONE)
    assert url == "https://odoo-fleet-nobody.example.com/web/database/manager"
    found = judge_manager(url, answer)
    assert found.answer is expected
    assert failures([found]) == ()
    assert url in found.seen
