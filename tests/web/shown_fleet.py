"""Pages of the sample fleet at one moment of virtual time: the same data and the same clock, so the same pages each time."""

from __future__ import annotations

import asyncio
import math
import re
import tempfile
from collections.abc import Callable, Coroutine, Iterable, Mapping
from pathlib import Path
from typing import Any

from reconciler.access.roles import Role
from reconciler.engine.ports import Clock
from reconciler.simulator import ConnectionRefused, HttpRequest
from reconciler.simulator.wire import HttpResponse
from reconciler.store.opening import open_store
from tests.harness.universe import universe
from tests.web.asked import Asked
from tests.web.visits import Browser, visiting

SAMPLE = Path(__file__).parents[2] / "fleet"
PAGE = Path(__file__).parents[2] / "reconciler/web/page/static"
Respond = Callable[[HttpRequest], Coroutine[Any, Any, HttpResponse]]
HOSTS = {"legacy-1": "14.0", "prod-1": "19.0", "prod-2": "19.0"}
EDITS = (
    ("kind: instance\ncode: taverna\n", "kind: instance\ncode: taverna\nstate: suspended\n"),
    ("kind: instance\ncode: toy-box\n", "kind: instance\ncode: toy-shop\nrenamed_from: toy-box\n"),
    ("kind: instance\ncode: cafe-central\n", "kind: instance\ncode: cafe-central\nmodules: [crm]\n"),
    ("company: Acme SA\n", "company: Acme Group SA\n"),
)
"""What somebody has just written into the text."""


def sample() -> str:
    """Return the sample fleet as one text, with addresses and secrets of simulated hosts."""
    text = "---\n".join(file.read_text() for file in sorted(SAMPLE.rglob("*.yaml")))
    for port, code in ((18069, "prod-1"), (18070, "prod-2"), (18071, "legacy-1")):
        text = text.replace(f"http://127.0.0.1:{port}", f"http://{code}.invalid")
    text = text.replace("{file: demo-secrets/fleet-key}", "{env: KEY}")
    return re.sub(r"\{file: \S*master-password\}", "{env: MASTER}", text)


def edited() -> str:
    text = sample()
    for old, new in EDITS:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def pages(paths: Iterable[str]) -> Mapping[str, str]:
    """Return each page on the second day: a server is away, something is paused, and edits are being carried out."""
    found: dict[str, str] = {}

    async def story(browser: Browser, asked: Asked) -> None:
        hosts = asked.stage.universe.hosts
        clock = asked.stage.universe.clock
        for host in hosts.values():
            host.respond = _in_a_working_day(host.respond, clock, host is hosts["prod-1"])  # type: ignore[assignment, method-assign]
        await asyncio.sleep(86_400)
        await browser.log_in(Role.MANAGER)
        await browser.press("/instances/green-market-test", "/pause", reason="a demonstration")
        hosts["legacy-1"].kill()
        await asyncio.sleep(3000)
        for host in hosts.values():
            host.respond = _later(host.respond, 0.9)  # type: ignore[assignment, method-assign]
        asked.stage.source.write(edited(), "9c41e07b" * 5)
        await asyncio.sleep(75)
        for path in paths:
            found[path] = (await browser.send("GET", path)).text

    with tempfile.TemporaryDirectory() as place, open_store(f"sqlite:///{place}/state.sqlite", "demo") as store:
        visiting(story, text=sample(), hosts=universe(HOSTS), store=store)
    return found


def _in_a_working_day(respond: Respond, clock: Clock, breaks: bool) -> Respond:  # noqa: FBT001
    """Let a host take the longer the more people work on it, and one that breaks be away for half an hour."""

    async def answer(request: HttpRequest) -> HttpResponse:
        now = clock.now()
        hours = now.hour + now.minute / 60
        if breaks and 6.2 < hours < 6.7:
            raise ConnectionRefused
        work = max(0.0, math.sin(math.pi * (hours - 6) / 14))
        await asyncio.sleep(0.03 + 0.16 * work + 0.02 * math.sin(11 * hours) ** 2)
        return await respond(request)

    return answer


def _later(respond: Respond, seconds: float) -> Respond:
    async def answer(request: HttpRequest) -> HttpResponse:
        await asyncio.sleep(seconds)
        return await respond(request)

    return answer
