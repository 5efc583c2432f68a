"""Somebody with a browser that knows no JavaScript: follows links, fills forms in, keeps cookies."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import httpx
from starlette.applications import Starlette

from reconciler.access.roles import Role
from reconciler.daemon.boards import DaemonBoard
from reconciler.daemon.views import DaemonView
from reconciler.store.forgetful import NoMemory
from reconciler.store.sql_store import Store
from reconciler.telemetry.metrics import Metrics
from reconciler.web.app import make_app
from reconciler.web.doors import Doorkeeper
from reconciler.web.page.entrance import OtherWay
from reconciler.web.page.pages import page_routes
from tests.daemon.stage import Stage
from tests.harness.universe import Universe
from tests.web.asked import TEXT, TEXTS, Asked, asking

HOST = "fleet.example"


@dataclass
class Browser:
    """One browser."""

    app: Starlette
    address: str = "192.0.2.7"
    cookies: dict[str, str] = field(default_factory=dict)
    answers: list[httpx.Response] = field(default_factory=list)

    async def send(self, method: str, path: str, **given: Any) -> httpx.Response:
        """Send one request, keep the cookies that come back, and follow nothing."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=(self.address, 5000))
        headers = given.pop("headers", {})
        if self.cookies:
            headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items()), **headers}
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
            answer = await client.request(method, path, headers=headers, **given)
        for name, value in answer.cookies.items():
            self.cookies[name] = value
        self.answers.append(answer)
        return answer

    async def open(self, path: str) -> str:
        """Open a page, which must be there."""
        answer = await self.send("GET", path)
        assert answer.status_code == 200, (path, answer.status_code, answer.headers.get("location"), answer.text[:2000])
        return answer.text

    async def log_in(self, role: Role = Role.MANAGER, **more: str) -> httpx.Response:
        return await self.send("POST", "/login", data={"token": TEXTS[role], **more})

    async def press(self, path: str, form: str, **given: str) -> httpx.Response:
        """Send a form of a page: its hidden fields, and what is filled in."""
        page = await self.open(path)
        found = re.search(rf'<form method="post" action="{form}">(.*?)</form>', page, re.DOTALL)
        assert found, f"{path} has no form {form}"
        hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', found[1])
        return await self.send("POST", form, data={**{name: unescape(value) for name, value in hidden}, **given})


def visiting(
    story: Callable[[Browser, Asked], Awaitable[None]],
    *,
    text: str = TEXT,
    hosts: Universe | None = None,
    store: NoMemory | Store | None = None,
    begin: Callable[[Stage], Awaitable[None]] | None = None,
    other: Callable[[DaemonBoard], OtherWay | None] = lambda _: None,
) -> Stage:
    """Run a daemon until it has converged, and a story of somebody at its page."""

    async def main(asked: Asked) -> None:
        board: DaemonBoard = asked.board
        app = make_app(DaemonView(asked.stage.daemon, Metrics()), page_routes(board, Doorkeeper(board), other(board)))
        await story(Browser(app), asked)

    return asking(main, text=text, hosts=hosts, store=store, begin=begin)
