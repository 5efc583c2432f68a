"""What all pages have in common: a session, a role, forms that prove whence they come, headers, and how HTML is made.

Invariant: whatever a host, a file or a person wrote is text in HTML, never markup; no page takes anything from another host, nor
may another site show one in a frame or send one of its forms.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from reconciler.access.roles import Role
from reconciler.access.tokens import Actor
from reconciler.reports.escapes import visible
from reconciler.reports.status import subjects
from reconciler.version import __version__
from reconciler.web.boards import Board, NotYet, StoreSilent
from reconciler.web.doors import Doorkeeper, PageSession, address_of, is_https, is_same
from reconciler.web.page import languages
from reconciler.web.page.languages import LANGUAGES, Language
from reconciler.web.page.words import PageWords
from reconciler.web.problem_details import RequestRefused
from reconciler.web.routes import read_all, require

COOKIE = "odoo-fleet-session"
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Cache-Control": "no-store",
    "Connection": "close",
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True)
class PageVisit:
    """One request of somebody who is logged in."""

    board: Board
    actor: Actor
    session: PageSession
    path: Mapping[str, str]
    request: Request
    language: Language
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> PageWords:
        """How values are written for who asks."""
        return PageWords(self.language)

    def say(self, message: str, **given: Any) -> str:
        """Say a sentence of the page's own in the language of who asks."""
        return self.language.say(message, **given)


@dataclass(frozen=True, slots=True)
class Shown:
    """A page: its template, what goes into it, and its status."""

    template: str
    given: Mapping[str, Any]
    status: int = 200


@dataclass(frozen=True, slots=True)
class GoTo:
    """Another page, to which a form leads when it is done; `told` names the sentence that is said there."""

    path: str
    told: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One page, or what one of its forms does (POST)."""

    method: str
    path: str
    role: Role
    serve: Callable[[PageVisit], Awaitable[Shown | GoTo]]


STATIC = {
    each.name: each.read_bytes() for each in files("reconciler.web.page").joinpath("static").iterdir() if each.is_file()
}
ASSET = hashlib.sha256(b"".join(STATIC[name] for name in sorted(STATIC))).hexdigest()[:8]
"""Stands in the addresses of what browsers may keep: another one is asked for when something of it changes."""


class Shell:
    """Serves pages to who is logged in.

    Args:
        board: the daemon.
        door: lets in.
        provider: what is called who else knows people; nothing if nobody does.
    """

    def __init__(self, board: Board, door: Doorkeeper, provider: str = "") -> None:
        self._board, self._door, self._provider = board, door, provider
        self._templates = {code: templates(language) for code, language in LANGUAGES.items()}

    def route(self, page: Page) -> Route:
        """Make a route of a page: nobody sees it without a session whose role is enough."""

        async def serve(request: Request) -> Response:
            try:
                return await self._serve(page, request)
            except RequestRefused as refused:
                return self.refusal(request, refused)
            except (NotYet, StoreSilent) as why:
                return self.refusal(request, RequestRefused(503, str(why), {"Retry-After": "5"}))

        return Route(page.path, serve, methods=[page.method], name=f"{page.method} {page.path}")

    async def _serve(self, page: Page, request: Request) -> Response:
        if page.method == "POST":
            check_origin(request)
        known = self._door.by_session(request.cookies.get(COOKIE, ""), address_of(request))
        if known is None:
            asked = _address(request) if page.method == "GET" else "/"
            return self.redirect(f"/login?next={quote(asked, safe='/')}")
        actor, session = known
        require(page.role, actor)
        form: Mapping[str, str] = {}
        if page.method == "POST":
            form = await read_form(request)
            if not is_same(form.get("csrf", ""), session.csrf):
                raise RequestRefused(
                    403, "this form is not of this session: go back, load the page again, and send it anew"
                )
        visit = PageVisit(self._board, actor, session, request.path_params, request, language_of(request), form)
        request.state.seen = self._board.version()  # what changes while it is made is news for it
        found = await page.serve(visit)
        if isinstance(found, GoTo):
            told = f"{'&' if '?' in found.path else '?'}told={found.told}" if found.told else ""
            return self.redirect(f"{found.path}{told}")
        return self.html(request, found, actor, session)

    def refusal(self, request: Request, refused: RequestRefused) -> Response:
        """Say why there is no page, to who is logged in with the way to the others."""
        known = None
        if refused.status != 503:  # noqa: PLR2004 -- then nobody can be known
            known = self._door.by_session(request.cookies.get(COOKIE, ""), address_of(request))
        actor, session = known or (None, None)
        shown = Shown(
            "problem.html", {"problem": refused, "title": language_of(request).say("Not possible")}, refused.status
        )
        answer = self.html(request, shown, actor, session)
        answer.headers.update(refused.headers)
        return answer

    def login_form(self, request: Request, leads_to: str, refused: RequestRefused | None = None) -> Response:
        """Show the ways in, and why somebody was not let in."""
        given = {
            "title": language_of(request).say("Log in"),
            "why": refused.detail if refused else "",
            "next": leads_to,
            "provider": self._provider,
        }
        answer = self.html(request, Shown("login.html", given, refused.status if refused else 200))
        if refused and "Retry-After" in refused.headers:
            answer.headers["Retry-After"] = refused.headers["Retry-After"]
        return answer

    def fragment(self, template: str, language: str, given: Mapping[str, Any]) -> str:
        """Make the HTML of a part of a page, in a language."""
        return self._templates[language].get_template(template).render(given)

    def html(
        self, request: Request, shown: Shown, actor: Actor | None = None, session: PageSession | None = None
    ) -> Response:
        """Make the HTML of a page."""
        language = language_of(request)
        around = {
            "language": language,
            "languages": [*LANGUAGES.values()],
            "actor": actor,
            "csrf": session.csrf if session else "",
            "may_operate": actor is not None and actor.role.may(Role.MANAGER),
            "may_approve": actor is not None and actor.role.may(Role.ADMIN),
            "may_order": actor is not None and actor.role.may(Role.MANAGER) and self._board.takes_orders(),
            "path": request.url.path,
            "address": _address(request),
            "standing": self._board.standing(),
            "now": self._board.now(),
            "seen": getattr(request.state, "seen", ""),
            "runs": self._board.runs(),
            "subjects": [*subjects()],
            "told": request.query_params.get("told", ""),
            "version": __version__,
            "asset": ASSET,
        }
        text = self._templates[language.code].get_template(shown.template).render({**around, **shown.given})
        return HTMLResponse(text, shown.status, {**HEADERS, "Content-Language": language.code})

    @staticmethod
    def redirect(path: str) -> Response:
        """Lead to another page, which the browser asks for by GET."""
        return RedirectResponse(path, 303, HEADERS)


@functools.cache
def templates(language: Language) -> jinja2.Environment:
    """Return the templates for a language, which are compiled once per process."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("reconciler.web.page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_plain,
    )
    made.filters |= PageWords(language).filters()
    made.globals |= {"_": language.markup, "ngettext": language.markup_of}
    return made


def language_of(request: Request) -> Language:
    """Return the language of who asks: what they chose, or what their browser wants."""
    return languages.choose(request.cookies.get(languages.COOKIE, ""), request.headers.get("accept-language", ""))


def check_origin(request: Request) -> None:
    """Refuse a form that another site sends: browsers say whence they send one.

    Raises:
        Refused: it is of another site.
    """
    site, origin = request.headers.get("sec-fetch-site", ""), request.headers.get("origin", "")
    is_elsewhere = bool(origin) and origin.partition("://")[2].lower() != request.headers.get("host", "").lower()
    if site in {"cross-site", "same-site"} or is_elsewhere:
        raise RequestRefused(
            403, "this form was sent by another site; if that is your proxy, have it pass on the header Host"
        )


async def read_form(request: Request) -> Mapping[str, str]:
    """Read what a form sends.

    Raises:
        Refused: it is none.
    """
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise RequestRefused(415, "this is no form")
    try:
        text = (await read_all(request)).decode()
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=50))
    except ValueError:
        raise RequestRefused(400, "this form cannot be read") from None


def local_path(text: str) -> str:
    """Return an address of this site to lead to; whatever might lead elsewhere leads to the first page."""
    is_local = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable() and "\\" not in text
    return text if is_local and not urlsplit(text).netloc else "/"


def set_cookie(answer: Response, request: Request, value: str, name: str = COOKIE, seconds: int | None = None) -> None:
    """Give a browser its session, or what else it keeps; over TLS it never sends it without."""
    answer.set_cookie(name, value, seconds, path="/", secure=is_https(request), httponly=True, samesite="strict")


def _address(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _plain(value: Any) -> Any:
    """Show control characters and direction marks as escapes, as everywhere; what is markup is made here."""
    return visible(value) if type(value) is str else value


def back_to(visit: PageVisit, told: str) -> GoTo:
    """Lead back to the page on which a button was pressed; `told` names the sentence that is said there."""
    path, _, query = local_path(visit.form.get("back", "/")).partition("?")
    kept = "&".join(each for each in query.split("&") if each and not each.startswith("told="))
    return GoTo(f"{path}?{kept}" if kept else path, told)
