"""What changes on the page, as it changes: server-sent events to whoever has a page open, as long as their session lasts.

What runs is drawn once for all who watch, twice a second at most. Nothing waits in a queue: who reads slowly gets what is so when
they have read, and who does not read at all is cut off. Nothing is drawn while nobody watches. Where drawing fails, all who watch
are cut, so that their pages renew themselves and ask anew: a stream whose beats go on while nothing is drawn looks sound.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from reconciler.access.tokens import hash_of
from reconciler.web.boards import Board
from reconciler.web.doors import Doorkeeper, address_of
from reconciler.web.page.languages import LANGUAGES
from reconciler.web.page.shell import COOKIE, HEADERS, Shell, language_of
from reconciler.web.problem_details import RequestRefused
from reconciler.web.serving import LASTS

PATH = "/live"
MOST_STREAMS = 24
"""For all together; and each takes a connection of those that there are."""

MOST_OF_ONE = 4
"""For a session: browsers open six connections to a site, and pages want some as well."""

FRAME_SECONDS = 0.5
BEAT_SECONDS = 4.0
"""How long nothing is sent at most: a proxy that waits five seconds does not cut it, and a session that has ended is noticed."""

PATIENCE_SECONDS = 20.0
_RETRY = b"retry: 3000\n\n"
_HEADERS = {
    **HEADERS,
    "Content-Type": "text/event-stream; charset=utf-8",
    "X-Accel-Buffering": "no",  # nginx would keep it until there is more
}


@dataclass(frozen=True, slots=True)
class Frame:
    """What is shown at one moment: what runs in each language, and the version of everything else."""

    version: int = -1
    drawn: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Live:
    """Tells who watches what changes.

    Args:
        board: the daemon.
        door: knows sessions.
        shell: draws.
    """

    board: Board
    door: Doorkeeper
    shell: Shell
    _watching: Counter[str] = field(default_factory=Counter)
    _frame: Frame = field(default_factory=Frame)
    _drawn: asyncio.Event = field(default_factory=asyncio.Event)
    _drawing: asyncio.Task[None] | None = None

    def route(self) -> Route:
        """Return what serves it."""
        return Route(PATH, self._serve, methods=["GET"])

    async def _serve(self, request: Request) -> Response:
        cookie = request.cookies.get(COOKIE, "")
        try:
            if self.door.by_session(cookie, address_of(request)) is None:
                return PlainTextResponse("log in\n", 401, HEADERS)
        except RequestRefused as refused:
            return PlainTextResponse(f"{refused.detail}\n", refused.status, HEADERS)
        if self._watching.total() >= MOST_STREAMS or self._watching[hash_of(cookie)] >= MOST_OF_ONE:
            return PlainTextResponse("too many watch: the page renews itself all the same\n", 429, HEADERS)
        return _Stream(self, request, cookie)

    async def watch(self, stream: _Stream, cookie: str) -> None:
        """Count a stream, and draw as long as there is any."""
        who = hash_of(cookie)
        self._watching[who] += 1
        if self._drawing is None or self._drawing.done():
            self._drawing, self._frame = asyncio.create_task(self._draw()), Frame()
        try:
            await stream.flow(self._drawing)
        finally:
            self._watching[who] -= 1
            self._watching += Counter()  # forgets whom nobody is left of
            if not self._watching and self._drawing is not None:
                self._drawing.cancel()
                self._drawing, self._frame = None, Frame()

    @property
    def frame(self) -> Frame:
        """What is shown now."""
        return self._frame

    def another(self) -> Coroutine[Any, Any, object]:
        """Return what waits for another frame than at this call."""
        return self._drawn.wait()

    async def _draw(self) -> None:
        while True:
            change = asyncio.ensure_future(self.board.change())
            try:
                drawn = {
                    code: self.shell.fragment("progress.html", code, {"runs": self.board.runs()}) for code in LANGUAGES
                }
                self._frame = Frame(self.board.version(), drawn)
                self._drawn.set()
                self._drawn = asyncio.Event()
                await asyncio.sleep(FRAME_SECONDS)
                await change
            finally:
                change.cancel()


class _Stream(Response):
    """One answer that goes on until its reader leaves, does not read, or is logged out."""

    def __init__(self, live: Live, request: Request, cookie: str) -> None:
        super().__init__(None, 200, _HEADERS)
        self._live, self._request, self._cookie = live, request, cookie
        self._language = language_of(request).code
        self._sent = Frame()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._send, self._receive = send, receive
        headers = [(name, value) for name, value in self.raw_headers if name != b"content-length"]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        scope[LASTS] = True
        try:
            await self._live.watch(self, self._cookie)
        finally:
            del scope[LASTS]
        await send({"type": "http.response.body", "body": b""})

    async def flow(self, drawing: asyncio.Task[None]) -> None:
        """Send what changes; raises what drawing failed of."""
        leaving = asyncio.ensure_future(self._left())
        try:
            await self._write(_RETRY)
            while not leaving.done() and self._is_known():
                another = asyncio.ensure_future(self._live.another())
                if text := self._news():
                    await self._write(text)
                    self._sent = self._live.frame
                ended, _ = await asyncio.wait(
                    {leaving, another, drawing}, timeout=BEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                another.cancel()
                if drawing.done():
                    drawing.result()
                if not ended:
                    await self._write(b":\n\n")
        except TimeoutError:
            return
        finally:
            leaving.cancel()

    def _is_known(self) -> bool:
        try:
            return self._live.door.by_session(self._cookie, address_of(self._request)) is not None
        except RequestRefused:
            return False

    def _news(self) -> bytes:
        """Return what the reader does not have yet."""
        frame, sent, said = self._live.frame, self._sent, b""
        drawn = frame.drawn.get(self._language)
        if drawn is not None and drawn != sent.drawn.get(self._language):
            said += b"event: progress\n" + b"".join(b"data: %b\n" % line.encode() for line in drawn.split("\n")) + b"\n"
        if frame.version not in (sent.version, -1):
            said += b"event: version\ndata: %d\n\n" % frame.version
        return said

    async def _write(self, text: bytes) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._send({"type": "http.response.body", "body": text, "more_body": True})

    async def _left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
