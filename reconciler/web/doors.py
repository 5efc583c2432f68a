"""Who is let in: by a token in each request, or by a session that was opened with one. Nothing of either is ever logged.

Attempts are limited by the address that they come from. A token that proved good stays good meanwhile, so that whoever guesses
behind the same proxy keeps nobody out who was in.
"""

from __future__ import annotations

import hmac
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address

from starlette.requests import Request

from reconciler.access.tokens import Actor, Token, find, hash_of
from reconciler.web.attempts import Attempts
from reconciler.web.boards import Board, NotYet
from reconciler.web.problem_details import RequestRefused

SESSION_LASTS = timedelta(hours=12)
_MOST_SESSIONS = 1000
_BEARER = {"WWW-Authenticate": 'Bearer realm="odoo-fleet"'}


@dataclass(frozen=True, slots=True)
class PageSession:
    """One log-in on the page. `csrf` is what each of its forms must bring along.

    `person` is who came by a provider: then no token that is kept stands behind it.
    """

    token_hash: str = field(repr=False)
    csrf: str = field(repr=False)
    until: datetime
    person: Token | None = None


@dataclass
class Doorkeeper:
    """Lets in who shows a good token.

    Args:
        board: knows the tokens.
    """

    board: Board
    _proven: set[str] = field(default_factory=set, repr=False)
    _sessions: OrderedDict[str, PageSession] = field(default_factory=OrderedDict, repr=False)
    _attempts: Attempts = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._attempts = Attempts(self.board.limited)

    def by_header(self, request: Request) -> Actor:
        """Return who asks, by the header `Authorization`.

        Raises:
            Refused: there is none, or no good one.
        """
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not text.strip():
            raise RequestRefused(401, "show a token: `Authorization: Bearer TOKEN` (`odoo-fleet token new`)", _BEARER)
        return self.by_token(text.strip(), address_of(request))

    def by_token(self, text: str, address: str) -> Actor:
        """Return whose token a text is.

        Raises:
            Refused: it is none, none any more, or too many were tried.
        """
        tokens = self._tokens()
        self._proven &= {token.hash for token in tokens}
        if hash_of(text) not in self._proven:
            self._attempts.check(address)
        token = find(tokens, text, self.board.now())
        if token is None:
            self._attempts.failed(address)
            why = {**_BEARER, "WWW-Authenticate": f'{_BEARER["WWW-Authenticate"]}, error="invalid_token"'}
            raise RequestRefused(401, "this token is not known, was revoked, or has ended", why)
        self._proven.add(token.hash)
        return Actor(token, address)

    def open_session(self, actor: Actor, *, by_provider: bool = False) -> str:
        """Begin a session, and return what its cookie holds: always a new one, never what a browser brought.

        Args:
            actor: whose.
            by_provider: whether their token is kept nowhere else.
        """
        cookie = secrets.token_urlsafe(32)
        until = self.board.now() + SESSION_LASTS
        self._sessions[hash_of(cookie)] = PageSession(
            actor.token.hash, secrets.token_urlsafe(32), until, actor.token if by_provider else None
        )
        while len(self._sessions) > _MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return cookie

    def by_session(self, cookie: str, address: str) -> tuple[Actor, PageSession] | None:
        """Return who a session belongs to; None if there is none, it has ended, or its token has."""
        session = self._sessions.get(hash_of(cookie)) if cookie else None
        if session is None:
            return None
        now = self.board.now()
        token = session.person or next((t for t in self._tokens() if t.hash == session.token_hash), None)
        if token is None or not token.is_good(now) or now >= session.until:
            self.close_session(cookie)
            return None
        return Actor(token, address), session

    def close_session(self, cookie: str) -> None:
        """End a session."""
        self._sessions.pop(hash_of(cookie), None)

    def _tokens(self) -> Sequence[Token]:
        try:
            return self.board.tokens()
        except NotYet as why:
            raise RequestRefused(503, str(why), {"Retry-After": "2"}) from None


def is_same(given: str, kept: str) -> bool:
    """Compare two texts of which one is secret."""
    return hmac.compare_digest(given.encode("utf-8", "backslashreplace"), kept.encode())


def address_of(request: Request) -> str:
    """Return where a request came from.

    What a proxy says (`X-Forwarded-For`) is believed of a proxy on this machine alone, and of that only what it added itself:
    the last address. Everybody else could write there what they like.
    """
    peer = request.client.host if request.client else ""
    if _is_here(peer):
        told = ",".join(request.headers.getlist("x-forwarded-for")).rpartition(",")[2].strip()
        try:
            return str(ip_address(told))
        except ValueError:
            return peer or "this machine"
    return peer


def is_https(request: Request) -> bool:
    """Tell whether the browser speaks TLS, to us or to a proxy on this machine."""
    if request.client and _is_here(request.client.host):
        return request.headers.get("x-forwarded-proto", request.url.scheme).lower() == "https"
    return request.url.scheme == "https"


def _is_here(peer: str) -> bool:
    try:
        return ip_address(peer.partition("%")[0]).is_loopback
    except ValueError:
        return False
