"""What is sent to who has a page open: what changes as it changes, as long as they may see it, and never more than they read."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.applications import Starlette

from reconciler.access.roles import Role
from reconciler.daemon.progress import Progress
from reconciler.store.forgetful import NoMemory
from reconciler.web.boards import Run
from reconciler.web.page.live import BEAT_SECONDS, FRAME_SECONDS, MOST_OF_ONE, MOST_STREAMS, PATIENCE_SECONDS
from reconciler.web.page.shell import COOKIE
from reconciler.web.serving import LASTS
from tests.harness.universe import fleet, instance
from tests.web.asked import TEXT, TOKENS, Asked
from tests.web.visits import Browser, visiting


@dataclass
class Stream:
    """A reader of the stream, who may stop to read."""

    scope: dict[str, Any]
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)
    over: bool = False
    reads: bool = True
    leaving: asyncio.Event = field(default_factory=asyncio.Event)

    async def receive(self) -> dict[str, Any]:
        await self.leaving.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            return
        while not self.reads:
            await asyncio.sleep(3600)
        self.parts.append(message.get("body", b"").decode())
        self.over = not message.get("more_body")

    def events(self, name: str) -> list[str]:
        """Return what was sent of this kind."""
        whole = "".join(self.parts)
        found = re.findall(rf"event: {name}\n((?:data: .*\n)+)\n", whole)
        return ["\n".join(line.removeprefix("data: ") for line in each.splitlines()) for each in found]


@contextlib.asynccontextmanager
async def watching(app: Starlette, browser: Browser, **more: str) -> AsyncIterator[Stream]:
    """Open the stream as a browser's page does, and leave it at the end of the block."""
    cookies = "; ".join(f"{name}={value}" for name, value in {**browser.cookies, **more}.items())
    scope = {
        "type": "http", "method": "GET", "path": "/live", "raw_path": b"/live", "query_string": b"", "root_path": "",
        "headers": [(b"host", b"fleet.example"), (b"cookie", cookies.encode())], "client": ("192.0.2.7", 5000),
        "scheme": "http", "http_version": "1.1", "server": ("fleet.example", 80), "asgi": {"version": "3.0"},
    }  # fmt: skip
    stream = Stream(scope)
    task = asyncio.create_task(app(scope, stream.receive, stream.send))
    await asyncio.sleep(0.01)
    try:
        yield stream
    finally:
        stream.reads = True
        stream.leaving.set()
        async with asyncio.timeout(7200):
            await task


def slow_down(asked: Asked, seconds: float) -> None:
    """Have each request to a host take its time."""
    for host in asked.stage.universe.hosts.values():
        answer = host.respond

        async def respond(request: Any, answer: Any = answer) -> Any:
            await asyncio.sleep(seconds)
            return await answer(request)

        host.respond = respond  # type: ignore[method-assign]


def test_a_pass_is_shown_as_it_goes_on_and_nothing_waits_for_who_watches() -> None:
    text = fleet(
        *(instance(f"c{number:02}", server="one") for number in range(8)), servers={"one": "19.0", "two": "19.0"}
    )

    async def story(browser: Browser, asked: Asked) -> None:
        await browser.log_in(Role.USER)
        async with watching(browser.app, browser) as stream:
            assert (stream.status, stream.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
            assert (stream.headers["x-accel-buffering"], stream.headers["cache-control"]) == ("no", "no-store")
            assert "default-src 'none'" in stream.headers["content-security-policy"]
            first = stream.events("version")
            slow_down(asked, 0.1)
            asked.stage.source.write(text, "b" * 40)
            async with asyncio.timeout(3600):
                while "c07" not in asked.stage.universe.hosts["one"].databases:
                    await asyncio.sleep(1)
            await asked.stage.converged()
            await asyncio.sleep(5)
            shown = stream.events("progress")
            ended = [int(number) for each in shown for number in re.findall(r'<progress max="8" value="(\d)"', each)]
            assert ended == sorted(ended)
            assert len(set(ended)) > 3, "it goes on before one's eyes"
            assert any("clone" in each and "instance/c0" in each for each in shown)
            assert shown[-1].strip() == "", "and is over"
            assert stream.events("version")[-1] != first[-1]
            assert not any("master" in each or "derived" in each for each in stream.parts)

    visiting(story, text=text.replace("c0", "d0").replace("code: c", "code: d"))


def test_what_changes_is_told_within_a_second_and_what_does_not_is_not() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        await browser.log_in()
        async with watching(browser.app, browser) as stream:
            assert len(stream.events("version")) == 1
            await asyncio.sleep(4 * asked.stage.daemon.interval)
            assert len(stream.events("version")) == 1, "looks that find nothing new are no news"
            await browser.press("/instances/beta", "/pause")
            await asyncio.sleep(FRAME_SECONDS)
            assert len(stream.events("version")) == 2
            await asyncio.sleep(10)
            page = await browser.open("/")
            assert f'data-version="{stream.events("version")[-1]}"' in page

    visiting(story)


def test_it_ends_with_the_session_and_nothing_is_sent_after_it() -> None:
    memory = NoMemory()

    async def story(browser: Browser, asked: Asked) -> None:
        for end in ("logout", "token"):
            await browser.log_in()
            async with watching(browser.app, browser) as stream:
                if end == "logout":
                    await browser.send("POST", "/logout")
                else:
                    memory.revoke_token(TOKENS[Role.MANAGER].hash)
                    await asyncio.sleep(2)
                sent = len(stream.events("version"))
                asked.board.daemon.progress.renew()
                await asyncio.sleep(BEAT_SECONDS + 1)
                assert (stream.over, len(stream.events("version"))) == (True, sent), end
                assert LASTS not in stream.scope

    visiting(story, store=memory)


def test_without_a_session_there_is_nothing() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        for cookies in ({}, {COOKIE: "forged"}):
            async with watching(browser.app, browser, **cookies) as stream:
                assert (stream.status, LASTS in stream.scope) == (401, False)
        assert (await browser.send("POST", "/live")).status_code == 405

    visiting(story)


def test_only_so_many_watch_of_one_session_and_in_all() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        await browser.log_in()
        async with contextlib.AsyncExitStack() as stack:
            streams = [await stack.enter_async_context(watching(browser.app, browser)) for _ in range(MOST_OF_ONE + 1)]
            assert [each.status for each in streams] == [200] * MOST_OF_ONE + [429]
            for _ in range(MOST_STREAMS // MOST_OF_ONE):
                other = Browser(browser.app)
                await other.log_in()
                streams += [await stack.enter_async_context(watching(browser.app, other)) for _ in range(MOST_OF_ONE)]
            assert [each.status for each in streams].count(200) == MOST_STREAMS
            await browser.open("/")
        async with watching(browser.app, browser) as stream:
            assert stream.status == 200, "those who left make room"

    visiting(story)


def test_who_does_not_read_holds_up_nobody_and_is_cut() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        await browser.log_in()
        progress = asked.board.daemon.progress
        async with watching(browser.app, browser) as idle, watching(browser.app, browser) as reader:
            idle.reads = False
            sent = len(idle.parts)
            for _ in range(1000):
                progress.renew()
                await asyncio.sleep(0.01)
            await asyncio.sleep(1)
            told = reader.events("version")
            assert told[-1] == str(progress.version)
            assert len(told) < 10 / FRAME_SECONDS + 5, "a thousand changes in ten seconds are some twenty frames"
            assert len(idle.parts) == sent
            await asyncio.sleep(PATIENCE_SECONDS)
            assert LASTS not in idle.scope, "from now on it is a connection like any other, which lasts too long"

    visiting(story)


def test_nothing_is_drawn_while_nobody_watches() -> None:
    drawn: list[int] = []

    async def story(browser: Browser, asked: Asked) -> None:
        await browser.log_in()
        board = asked.board
        runs = Progress.runs

        def count(self: Progress) -> tuple[Run, ...]:
            drawn.append(1)
            return runs(self)

        Progress.runs = count  # type: ignore[method-assign]
        try:
            async with watching(browser.app, browser):
                await asyncio.sleep(1)
            assert drawn
            drawn.clear()
            for _ in range(20):
                board.daemon.progress.renew()
                await asyncio.sleep(1)
            assert drawn == []
        finally:
            Progress.runs = runs  # type: ignore[method-assign]

    visiting(story)


def test_a_drawing_that_fails_cuts_who_watches_and_begins_anew_for_who_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    broken: list[int] = []
    runs = Progress.runs

    def breaking(self: Progress) -> tuple[Run, ...]:
        if broken:
            raise ArithmeticError("what runs cannot be told")
        return runs(self)

    monkeypatch.setattr(Progress, "runs", breaking)

    async def fall(browser: Browser, progress: Progress) -> None:
        async with watching(browser.app, browser) as one, watching(browser.app, browser) as other:
            broken.append(1)
            progress.renew()
            await asyncio.sleep(1)
            broken.clear()
            assert not {LASTS} & {*one.scope, *other.scope}, "pages that were cut ask anew, and renew themselves"
            async with watching(browser.app, browser) as stream:
                progress.renew()
                await asyncio.sleep(1)
                assert stream.events("version")[-1] == str(progress.version)

    async def story(browser: Browser, asked: Asked) -> None:
        await browser.log_in()
        with pytest.raises(ArithmeticError):  # told as that of any other page
            await fall(browser, asked.board.daemon.progress)

    visiting(story)


def test_what_runs_is_shown_without_scripts_too() -> None:
    async def story(browser: Browser, asked: Asked) -> None:
        await browser.log_in()
        asked.stage.source.write(TEXT.replace("code: acme", "code: delta").replace("acme.", "delta."), "b" * 40)
        pages: list[str] = []
        slow_down(asked, 0.1)
        for _ in range(400):
            if asked.board.runs():
                pages = [await browser.open("/"), await browser.open("/passes")]
                break
            await asyncio.sleep(0.05)
        assert pages
        assert all("Under way" in page and "<progress max=" in page for page in pages)

    visiting(story)
