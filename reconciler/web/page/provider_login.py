"""Logging in with a provider: the way there, and back. A token is another way in, whatever becomes of this one.

What belongs to one attempt is kept by the browser alone, sealed, for ten minutes. Its cookie is sent along when the provider
leads back, which that of a session is not: so the last step is a page of this site that leads on.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.access.roles import Role
from reconciler.access.tokens import Actor, Token, hash_of
from reconciler.oidc.id_tokens import name_of, role_of
from reconciler.oidc.provider import Attempt, NotProven, Provider, ProviderFailed, Refuses
from reconciler.web.attempts import Attempts
from reconciler.web.doors import SESSION_LASTS, Doorkeeper, address_of, is_https, is_same
from reconciler.web.page.languages import N_
from reconciler.web.page.shell import COOKIE, Shell, Shown, language_of, local_path, set_cookie
from reconciler.web.problem_details import RequestRefused

BEGINS, ENDS = "/login/provider", "/login/provider/callback"
ATTEMPT_COOKIE = "odoo-fleet-login"
ATTEMPT_LASTS = timedelta(minutes=10)
T = TypeVar("T")
_HOST = re.compile(r"[A-Za-z0-9._-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
_NOBODYS_FAULT = frozenset({429, 503})
_STALE = N_("this log-in was begun too long ago, or in another browser: begin it again")
_AWAY = N_("the provider does not answer as it should: try again later, or log in with a token")
_DENIED = N_("the provider did not let you in")
_NO_ROLE = N_("you are in none of the groups that may enter here: ask who runs this fleet")


@dataclass(frozen=True, slots=True)
class ProviderLogin:
    """Lets in whom a provider knows, and who is in a group that has a role.

    Args:
        provider: it.
        roles: of groups.
        told: of what goes wrong, for the daemon's log.
        callback: where it leads back to; where that is not said, to the address that a browser asks.
    """

    provider: Provider
    roles: Mapping[str, Role]
    told: Callable[[str], None]
    callback: str = ""

    @property
    def name(self) -> str:
        """What the provider is called."""
        return self.provider.name

    def routes(self, shell: Shell, door: Doorkeeper) -> list[Route]:
        """Return what serves it."""
        return _Way(self, shell, door, Attempts(door.board.limited, "log-ins")).routes()


@dataclass(frozen=True)
class _Way:
    """The way to a provider and back."""

    login: ProviderLogin
    shell: Shell
    door: Doorkeeper
    attempts: Attempts
    _seal: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def routes(self) -> list[Route]:
        return [Route(BEGINS, self._begin, methods=["GET"]), Route(ENDS, self._end, methods=["GET"])]

    async def _begin(self, request: Request) -> Response:
        leads_to = local_path(request.query_params.get("next", "/"))
        try:
            self.attempts.check(address_of(request))
            attempt = Attempt.begin(self.login.callback or _way_back(request))
            place = await self._asking(self.login.provider.address(attempt))
        except RequestRefused as refused:
            return self.shell.login_form(request, leads_to, refused)
        answer = self.shell.redirect(place)
        self._keep(answer, request, self._sealed(attempt, leads_to, self.door.board.now() + ATTEMPT_LASTS))
        return answer

    async def _end(self, request: Request) -> Response:
        attempt, leads_to = self._opened(request.cookies.get(ATTEMPT_COOKIE, "")) or (None, "/")
        address = address_of(request)
        try:
            self.attempts.check(address)
            person = await self._person(request.query_params, attempt)
        except RequestRefused as refused:
            if refused.status not in _NOBODYS_FAULT:
                self.attempts.failed(address)
            answer = self.shell.login_form(request, leads_to, refused)
        else:
            self.door.close_session(request.cookies.get(COOKIE, ""))
            title = language_of(request).say("Logged in")
            answer = self.shell.html(request, Shown("entering.html", {"title": title, "leads_to": leads_to}))
            set_cookie(answer, request, self.door.open_session(Actor(person, address), by_provider=True))
        self._keep(answer, request, "")
        return answer

    async def _person(self, given: Mapping[str, str], attempt: Attempt | None) -> Token:
        """Return who logged in as the holder of a token that is kept nowhere: their session alone bears it."""
        if attempt is None or not is_same(given.get("state", ""), attempt.state):
            raise RequestRefused(400, _STALE)
        if given.get("iss", self.login.provider.issuer) != self.login.provider.issuer or not given.get("code"):
            self._tell(f"it answered {given.get('error', 'nothing')[:100]!r}")
            raise RequestRefused(403, _DENIED)
        claims = await self._asking(self.login.provider.claims(attempt, given["code"]))
        role, name = role_of(claims, self.login.provider.claim, self.login.roles), name_of(claims)
        if role is None:
            self._tell(f"{name} is in no group that has a role")
            raise RequestRefused(403, _NO_ROLE)
        now = self.door.board.now()
        known_as = hash_of(json.dumps([self.login.provider.issuer, claims["sub"]]))
        return Token(known_as, role, name, now, self.login.provider.issuer, now + SESSION_LASTS)

    async def _asking(self, asked: Awaitable[T]) -> T:
        """Await what the provider is asked; what the log is told of a failure is more than who might be an attacker reads."""
        try:
            return await asked
        except ProviderFailed as why:
            self._tell(str(why))
            raise RequestRefused(503, _AWAY, {"Retry-After": "30"}) from None
        except (Refuses, NotProven) as why:
            self._tell(str(why))
            raise RequestRefused(403, _DENIED) from None

    def _tell(self, why: str) -> None:
        self.login.told(f"{self.login.provider.name}: {why}")

    def _keep(self, answer: Response, request: Request, value: str) -> None:
        seconds = int(ATTEMPT_LASTS.total_seconds()) if value else 0
        secure = is_https(request)
        answer.set_cookie(ATTEMPT_COOKIE, value, seconds, path=BEGINS, secure=secure, httponly=True, samesite="lax")

    def _sealed(self, attempt: Attempt, leads_to: str, until: datetime) -> str:
        text = json.dumps([asdict(attempt), leads_to, until.timestamp()]).encode()
        return base64.urlsafe_b64encode(hmac.digest(self._seal, text, "sha256") + text).decode()

    def _opened(self, cookie: str) -> tuple[Attempt, str] | None:
        try:
            whole = base64.urlsafe_b64decode(cookie.encode())
        except (ValueError, binascii.Error):
            return None
        seal, text = whole[:32], whole[32:]
        if not hmac.compare_digest(seal, hmac.digest(self._seal, text, "sha256")):
            return None
        attempt, leads_to, until = json.loads(text)
        if self.door.board.now().timestamp() >= until:
            return None
        return Attempt(**attempt), leads_to


def _way_back(request: Request) -> str:
    """Return where the provider leads back to: there must be exactly this address in what it knows of us."""
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        raise RequestRefused(400, "the header Host is no host")
    return f"{'https' if is_https(request) else 'http'}://{host}{ENDS}"
