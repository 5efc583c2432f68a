"""Login pages as a visitor gets them: by their public name, without a cookie and without a credential.

What comes is facts for `health.login_pages` to judge. Redirects are followed within the site only, and few of them.
"""

from __future__ import annotations

import asyncio
import html
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit

from reconciler.health.login_pages import PageAnswer
from reconciler.odoo.cleaning import one_line
from reconciler.odoo.protocol import Answer, NoAnswer, Timeout

if TYPE_CHECKING:
    from reconciler.odoo.transport import PageTransport

LONGEST_BODY = 256 * 1024
"""Bytes that are read of a page; Odoo's own has about 6,000."""

_PATIENCE = Timeout(connect=10, total=15)
_PATIENCE_WITH_QUESTION = 5
_MOST_REDIRECTS = 5
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_OK = 200
_TITLE = re.compile(r"<title[^>]*>(.{0,200}?)</title>", re.IGNORECASE | re.DOTALL)
_LOGIN_FORM = re.compile(r"""<form\b[^>]*\bclass\s*=\s*["'][^"']*\boe_login_form\b""", re.IGNORECASE)
_MASTER_PASSWORD = re.compile(r"""\bname\s*=\s*["']?master_pwd\b""", re.IGNORECASE)
_QUESTION = json.dumps({"jsonrpc": "2.0", "method": "call", "id": 1, "params": {}}).encode()
_LONGEST_NAME = 80


class LoginPages:
    """The login pages of the instances on one server (`engine.ports.Pages`).

    Args:
        visitor: carries the requests.
        address: where all names are asked, in the place of where the system's resolver leads; they go along as Host, and as
            the name that a certificate must bear. Empty for the resolver.
    """

    def __init__(self, visitor: PageTransport, address: str = "") -> None:
        self._visitor, self._address = visitor, address.rstrip("/")

    async def fetch(self, url: str) -> PageAnswer:
        """Get a login page within 15 s, and if it is one, ask its site which databases it serves."""
        try:
            async with asyncio.timeout(_PATIENCE.total):
                place, page = await self._follow(urlsplit(url))
        except NoAnswer as lost:
            return PageAnswer(problem=lost.what)
        except TimeoutError:
            return PageAnswer(problem=f"no whole answer within {_PATIENCE.total:g} s")
        if not (page.has_login_form and page.status == _OK):
            return page
        return replace(page, databases=await self._databases(place))

    async def _follow(self, place: SplitResult) -> tuple[SplitResult, PageAnswer]:
        for _ in range(1 + _MOST_REDIRECTS):
            answer = await self._visit(place)
            if answer.status not in _REDIRECTS:
                return place, _read(answer, place)
            goal = _goal(place, answer.headers.get("location", ""))
            if goal is None or goal.hostname is None:
                return place, PageAnswer(place.path, problem=f"redirects to nowhere (HTTP {answer.status})")
            if goal.hostname != place.hostname:
                site = one_line(goal.hostname, limit=_LONGEST_NAME)
                return place, PageAnswer(place.path, answer.status, leads_to=site)
            place = goal
        return place, PageAnswer(place.path, problem=f"redirects more than {_MOST_REDIRECTS} times")

    async def _databases(self, place: SplitResult) -> tuple[str, ...] | None:
        """Ask what `dbfilter` serves under the name: the page itself does not tell whose it is."""
        try:
            async with asyncio.timeout(_PATIENCE_WITH_QUESTION):
                answer = await self._visit(place._replace(path="/web/database/list", query=""), _QUESTION)
            names = json.loads(answer.body)["result"]
        except (NoAnswer, TimeoutError, ValueError, KeyError, TypeError, RecursionError):
            return None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            return None
        return tuple(sorted(one_line(name, limit=_LONGEST_NAME) for name in names))

    async def _visit(self, place: SplitResult, body: bytes | None = None) -> Answer:
        path = place.path + (f"?{place.query}" if place.query else "")
        url = f"{self._address or f'{place.scheme}://{place.netloc}'}{path}"
        return await self._visitor.visit(url, name=place.netloc, body=body, limit=LONGEST_BODY, timeout=_PATIENCE)


def _read(answer: Answer, place: SplitResult) -> PageAnswer:
    text = answer.body.decode("utf-8", "replace")
    title = _TITLE.search(text)
    return PageAnswer(
        path=place.path,
        status=answer.status,
        title=one_line(html.unescape(title[1]), limit=_LONGEST_NAME) if title else "",
        has_login_form=bool(_LOGIN_FORM.search(text)),
        asks_master_password=bool(_MASTER_PASSWORD.search(text)),
        is_cut=len(answer.body) >= LONGEST_BODY,
    )


def _goal(place: SplitResult, location: str) -> SplitResult | None:
    """Return where a redirect leads, or None if that is no place that can be asked."""
    try:
        goal = urlsplit(urljoin(place.geturl(), location))
    except ValueError:
        return None
    return goal if location and goal.scheme in {"http", "https"} else None
