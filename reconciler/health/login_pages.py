"""The login pages of instances, as customers reach them: from what came to whether it is the page, with hysteresis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from reconciler.core.model.checks import Check, CheckResult
from reconciler.fleet.addresses import primary_address
from reconciler.notices.notices import Level, Notice, NoticeName
from schemas.instance import Instance
from schemas.server import Server

LOOKS_IN_A_ROW = 2
"""How many looks in a row must agree before a page counts as unreachable, or as reachable again."""

NOBODY = "odoo-fleet-nobody"
"""A subdomain that no database is named after."""

_PATH = "/web/login"
_MANAGER = "/web/database/manager"
_TEST = "master password form"
_CHOICES = ("/web/database/selector", _MANAGER)
# Names that nobody can own (RFC 2606, RFC 6761): practice fleets and tests use them.
_RESERVED = ("example", "test", "invalid", "localhost", "example.com", "example.net", "example.org")
_FROM_PROXIES = frozenset(
    (
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    )
)


_PASSING = (_FROM_PROXIES - {HTTPStatus.SERVICE_UNAVAILABLE}) | {HTTPStatus.INTERNAL_SERVER_ERROR}
"""What is answered for a while, whatever is there at other times; 503 is what proxies answer who close the forms for good."""


@dataclass(frozen=True, slots=True)
class PageAnswer:
    """What came when a login page was asked for.

    Args:
        path: of the page that came, after redirects within the site.
        status: of HTTP; None if no answer came, and then `problem` says why.
        title: of a page of HTML.
        has_login_form: whether Odoo's login form is on it.
        asks_master_password: whether it has a form that takes the host's master password.
        is_cut: whether the page was longer than what was read of it.
        leads_to: the other site to which it redirects, which was not asked.
        databases: those that the site serves under this name; None where it does not say.
    """

    path: str = ""
    status: int | None = None
    problem: str = ""
    title: str = ""
    has_login_form: bool = False
    asks_master_password: bool = False
    is_cut: bool = False
    leads_to: str = ""
    databases: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class PageRecord:
    """One look at an instance's login page. `reachable` is the standing after hysteresis; None while it is undecided."""

    instance: str
    server: str
    url: str
    at: datetime
    reachable: bool | None
    why: str = ""
    failures_in_a_row: int = 0
    successes_in_a_row: int = 0


def login_url(instance: Instance, server: Server) -> str:
    """Return the public address of an instance's login page; nothing where it has none."""
    address = primary_address(instance, server)
    return f"{address}{_PATH}" if address else ""


def manager_url(server: Server) -> str:
    """Return where customers would find Odoo's forms for the master password; nothing where no domain is declared."""
    address = server.public_address(NOBODY)
    return f"{address}{_MANAGER}" if address else ""


def skipped_manager(server: Server, *, elsewhere: bool) -> Check | None:
    """Say why the customers' way to the forms for the master password is not tried, or None where it is.

    Args:
        server: whose customers come by it.
        elsewhere: whether the server is reached in this run at another address than its text says.
    """
    if not server.domain:
        why = "no domain is declared"
    elif is_reserved(server.domain):
        why = f"nobody can own {server.domain}"
    elif elsewhere:
        why = "--server-url leads elsewhere than customers come by"
    else:
        return None
    return Check(_TEST, CheckResult.SKIPPED, f"not tried: {why}", for_activation=False)


def judge_manager(url: str, answer: PageAnswer) -> Check:
    """Judge what a stranger gets where Odoo has its forms for the master password, with which all databases can be dropped."""
    if answer.asks_master_password:
        advice = "close /web/database to the world at the proxy: deploy/proxies has configurations that do"
        return Check(_TEST, CheckResult.FAILED, f"open to everybody at {url}", advice, for_activation=False)
    why = answer.problem
    if answer.leads_to:
        why = f"it redirects to another site, {answer.leads_to}, as it may not for a customer's own name"
    elif answer.is_cut:
        why = "the page is too long to be read whole"
    elif answer.status in _PASSING:
        why = f"HTTP {answer.status}: ask again when it answers"
    if why:
        return Check(_TEST, CheckResult.UNKNOWN, f"{url}: {why}", for_activation=False)
    return Check(_TEST, CheckResult.PASSED, f"not at {url}", for_activation=False)


def is_reserved(domain: str) -> bool:
    """Tell whether a domain is one that nobody can own, so that no resolver knows its names."""
    return any(f".{domain}".endswith(f".{reserved}") for reserved in _RESERVED)


def judge_page(
    instance: Instance,
    server: Server,
    previous: PageRecord | None,
    answer: PageAnswer,
    at: datetime,
    *,
    looks: int = LOOKS_IN_A_ROW,
) -> PageRecord:
    """Judge a look at a login page.

    Args:
        instance: its document.
        server: the one that it is on.
        previous: the judgement before; None for the first.
        answer: what came.
        at: when.
        looks: how many in a row decide; the first good look of all decides by itself.
    """
    why = _fault(answer, instance.database_name)
    failed = 1 + (previous.failures_in_a_row if previous else 0) if why else 0
    succeeded = 0 if why else 1 + (previous.successes_in_a_row if previous else 0)
    was = previous.reachable if previous else None
    decided = failed >= looks or succeeded >= looks or (was is None and not why)
    reachable = not why if decided else was
    url = login_url(instance, server)
    return PageRecord(instance.code, server.code, url, at, reachable, why, failed, succeeded)


def page_changes(before: PageRecord | None, after: PageRecord) -> tuple[Notice, ...]:
    """Say what a person should know of the step from one judgement to the next: nothing if nothing changed."""
    was = before.reachable if before else None
    if after.reachable is False and was is not False:
        name, level, detail = NoticeName.LOGIN_PAGE_UNREACHABLE, Level.WARNING, f"{after.url}: {after.why}"
    elif after.reachable and was is False:
        name, level, detail = NoticeName.LOGIN_PAGE_REACHABLE, Level.INFO, f"{after.url} shows the login page again"
    else:
        return ()
    return (Notice(name, level, detail, kind="instance", code=after.instance, server=after.server),)


def unreachable(pages: Iterable[PageRecord]) -> Mapping[str, int]:
    """Count, by server, the pages that customers do not reach; 0 where pages are looked at and all are well."""
    counts: Counter[str] = Counter()
    for page in pages:
        counts[page.server] += page.reachable is False
    return counts


def _fault(answer: PageAnswer, database: str) -> str:
    """Say why what came is not the login page of the database, or nothing if it is."""
    titled = f"a page titled “{answer.title}”" if answer.title else "another page"
    if answer.leads_to:
        return f"redirects to another site, {answer.leads_to}"
    if answer.status is None:
        return answer.problem
    if answer.status in _FROM_PROXIES or answer.status > HTTPStatus.INTERNAL_SERVER_ERROR:
        return f"a proxy answers in Odoo's place: HTTP {answer.status}" + (f", {titled}" if answer.title else "")
    if answer.status != HTTPStatus.OK:
        return f"HTTP {answer.status}" + (f", {titled}" if answer.title else "")
    if answer.path.rstrip("/").endswith(_CHOICES):
        return "asks which database: the host serves none, or several, under this name (see dbfilter)"
    if not answer.has_login_form:
        return f"{titled}, without Odoo's login form"
    if answer.databases and answer.databases != (database,):
        return f"serves {', '.join(answer.databases[:3])} under this name instead of {database} (see dbfilter)"
    return ""
