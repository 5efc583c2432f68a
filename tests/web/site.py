"""A view that says what it is told to, served on a real socket for as long as a test needs it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from reconciler.health.standing import Standing
from reconciler.web.app import make_app
from reconciler.web.serving import serve


@dataclass
class Told:
    """A view."""

    picture: Standing = field(default_factory=Standing)
    text: bytes = b"# HELP one One.\n# TYPE one gauge\none 1.0\n"
    why_not_alive: str = ""
    why_not_ready: str = ""
    broken: BaseException | None = None
    names: frozenset[str] = frozenset()

    def standing(self) -> Standing:
        return self.picture

    def metrics(self) -> bytes:
        if self.broken:
            raise self.broken
        return self.text

    def alive(self) -> str:
        return self.why_not_alive

    def ready(self) -> str:
        return self.why_not_ready

    def serves(self, name: str) -> bool:
        return name in self.names


@dataclass
class Site:
    """A view that is served."""

    view: Told
    host: str
    port: int
    stop: asyncio.Event
    task: asyncio.Task[None]
    failures: list[BaseException]

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    async def ask(self, path: str, method: str = "GET", **given: bytes) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            return await client.request(method, self.url + path, content=given.get("content"))

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self.host, self.port)


@contextlib.asynccontextmanager
async def served(view: Told, host: str = "127.0.0.1", port: int = 0, patience: float = 30) -> AsyncIterator[Site]:
    """Serve a view until the block ends, and then see the server end by itself."""
    stop = asyncio.Event()
    begun: asyncio.Future[tuple[str, int]] = asyncio.get_running_loop().create_future()
    failures: list[BaseException] = []
    task = asyncio.create_task(
        serve(
            make_app(view),
            host,
            port,
            stop,
            lambda host, port: begun.set_result((host, port)),
            failures.append,
            patience=patience,
        )
    )
    either: list[asyncio.Future[Any]] = [begun, task]
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if not begun.done():
        await task
    try:
        yield Site(view, *begun.result(), stop, task, failures)
    finally:
        stop.set()
        await task
