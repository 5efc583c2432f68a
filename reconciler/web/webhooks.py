"""What git servers call after a push, so that the daemon fetches at once: GitHub, GitLab, Gitea and Forgejo.

A call is believed when it is signed with the secret, or brings it, as each of them does it. It changes nothing but when the
remote is asked: what is fetched is judged as always.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from reconciler.web.attempts import Attempts
from reconciler.web.doors import address_of, is_same
from reconciler.web.problem_details import RequestRefused
from reconciler.web.routes import HEADERS, read_all
from schemas.secrets import Secret

MOST_BYTES = 1024 * 1024
"""Of a call. One for a larger push is refused, and the poll finds that push."""

APART_SECONDS = 5.0
"""How far apart fetches are that calls ask for: many calls in between make one."""


@dataclass(frozen=True, slots=True)
class Sender:
    """How one kind of git server calls: the header that names the event, the event of a push, and what proves the call."""

    event: str
    push: str
    proof: str
    prefix: str = ""
    is_signed: bool = True

    def is_genuine(self, request: Request, body: bytes, secret: Secret) -> bool:
        """Tell whether whoever sent it has the secret."""
        given = request.headers.get(self.proof, "")
        if not self.is_signed:
            return is_same(given, secret.reveal())
        signed = hmac.digest(secret.reveal().encode(), body, hashlib.sha256).hex()
        return is_same(given, self.prefix + signed)


SENDERS = {
    "github": Sender("x-github-event", "push", "x-hub-signature-256", "sha256="),
    "gitlab": Sender("x-gitlab-event", "Push Hook", "x-gitlab-token", is_signed=False),
    "gitea": Sender("x-gitea-event", "push", "x-gitea-signature"),
}


@dataclass
class Webhooks:
    """Takes the calls.

    Args:
        secret: gives the secret that the git server was given, or None where there is none.
        branch: the branch that is followed.
        fetch: has the remote asked now.
        attempts: counts who shows wrong secrets.
    """

    secret: Callable[[], Secret | None]
    branch: str
    fetch: Callable[[], None]
    attempts: Attempts
    _next: float = field(default=0.0, repr=False)
    _waiting: asyncio.TimerHandle | None = field(default=None, repr=False)

    def routes(self) -> list[Route]:
        """Return one for each kind of git server."""
        return [Route(f"/webhooks/{name}", self._for(sender), methods=["POST"]) for name, sender in SENDERS.items()]

    def _for(self, sender: Sender) -> Callable[[Request], object]:
        async def answer(request: Request) -> Response:
            try:
                return _text(*await self._take(request, sender))
            except RequestRefused as why:
                return _text(why.status, why.detail, dict(why.headers))

        return answer

    async def _take(self, request: Request, sender: Sender) -> tuple[int, str]:
        address = address_of(request)
        self.attempts.check(address)
        secret, body = self.secret(), await read_all(request, MOST_BYTES)
        if secret is None:
            return 503, "the secret that calls are signed with is not to be had here; the daemon's log says why"
        if not sender.is_genuine(request, body, secret):
            self.attempts.failed(address)
            return 401, "this call is not signed with the secret that is kept here"
        if request.headers.get(sender.event) != sender.push:
            return 200, "taken; only a push matters here"
        try:
            ref = json.loads(body)["ref"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return 400, "a push as JSON names its `ref`: choose application/json in the git server"
        if ref != f"refs/heads/{self.branch}":
            return 200, "taken; another branch is followed here"
        self._fetch()
        return 202, "the branch is fetched now"

    def _fetch(self) -> None:
        """Fetch now, or once for all that come within a few seconds."""
        loop = asyncio.get_running_loop()
        if self._waiting is not None:
            return
        if loop.time() >= self._next:
            self._fetch_now()
        else:
            self._waiting = loop.call_at(self._next, self._fetch_now)

    def _fetch_now(self) -> None:
        self._waiting = None
        self._next = asyncio.get_running_loop().time() + APART_SECONDS
        self.fetch()


def _text(status: int, line: str, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(f"{line}\n", status, headers={**HEADERS, **(headers or {})})
