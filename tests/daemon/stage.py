"""A daemon over simulated hosts in virtual time, with a source that offers what a story gives it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from reconciler.core.deciding import Limits
from reconciler.daemon import daemon as module
from reconciler.daemon.alerts import Send
from reconciler.daemon.daemon import Daemon
from reconciler.daemon.sources import Offer, Trouble
from reconciler.daemon.systemd import Systemd
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired, resolve
from reconciler.loading.fleet_directory import Loaded
from reconciler.loading.yaml_reader import read_documents
from reconciler.notices.alerting import Message
from reconciler.notices.notices import Notice, NoticeName
from reconciler.store.forgetful import NoMemory
from reconciler.store.sql_store import Store
from schemas.secrets import Secret
from tests.harness.universe import Process, Universe
from tests.harness.virtual_time import run

INTERVAL = 300.0


def load(text: str) -> Loaded:
    """Read a text as `load_fleet` reads a directory."""
    documents, problems = read_documents("fleet.yaml", text.encode())
    desired, more = resolve(documents)
    return Loaded(desired if not problems else None, (*problems, *more), {})


@dataclass
class Script:
    """A source: offers texts when the story says so."""

    offers: asyncio.Queue[Offer | Trouble | None] = field(default_factory=asyncio.Queue)
    taken: list[bool] = field(default_factory=list)
    pokes: int = 0

    def write(self, text: str, revision: str = "", **more: Any) -> None:
        self.offers.put_nowait(Offer(load(text), Path("fleet"), revision, **more))

    def trouble(self, trouble: Trouble | None) -> None:
        self.offers.put_nowait(trouble)

    def poke(self) -> None:
        self.pokes += 1

    async def follow(self, offer: Callable[[Offer], bool], trouble: Callable[[Trouble | None], None]) -> None:
        while True:
            found = await self.offers.get()
            if isinstance(found, Offer):
                self.taken.append(offer(found))
            else:
                trouble(found)


@dataclass
class Stage:
    universe: Universe
    source: Script
    daemon: Daemon
    store: NoMemory | Store
    notices: list[Notice]
    defects: list[Exception]

    def names(self) -> list[NoticeName]:
        return [n.name for n in self.notices]

    async def converged(self) -> None:
        """Wait until a decision later than now finds nothing to do."""
        start = self.universe.clock.now()
        while True:
            await asyncio.sleep(1)
            standing = self.daemon.standing
            if standing.converged_at and standing.converged_at > start and not standing.busy:
                return


async def _nowhere(url: Secret, message: Message) -> None:
    raise AssertionError(f"nobody declared a channel for {message}")


def play(
    universe: Universe,
    story: Callable[[Stage], Awaitable[None]],
    *,
    store: NoMemory | Store | None = None,
    choose: Callable[..., Limits] = lambda _desired: Limits(),
    interval: float = INTERVAL,
    systemd: Systemd | None = None,
    dress: Callable[[World, Desired], World] = lambda world, _desired: world,
    send: Send = _nowhere,
) -> Stage:
    """Run a daemon while a story goes on, then stop it; `dress` gives its worlds ports that a universe does not have.

    One that decides so many times more seldom asks for pauses and tells how it is so many times more seldom as well: a story of
    weeks would be made of that alone.
    """
    kept = store or NoMemory()
    notices: list[Notice] = []
    defects: list[Exception] = []

    async def main() -> Stage:
        source, process = Script(), Process()
        universe.memory = kept  # type: ignore[assignment]
        daemon = Daemon(
            source=source,
            make_world=lambda desired, _root, _memory: dress(universe.world(desired, process), desired),
            open_store=lambda _code: kept,
            clock=universe.clock,
            interval=interval,
            systemd=systemd or Systemd({}),
            listeners=[notices.append],
            on_defect=lambda _server, error: defects.append(error),
            on_pass=lambda _seconds, _result: None,
            choose=choose,
            send=send,
        )
        universe.events = _Told(daemon)
        stage = Stage(universe, source, daemon, kept, notices, defects)
        async with asyncio.TaskGroup() as group:
            group.create_task(daemon.run())
            await story(stage)
            daemon.stop.set()
        return stage

    seldom = max(1.0, interval / INTERVAL)
    with (
        patch.object(module, "PAUSES_SECONDS", module.PAUSES_SECONDS * seldom),
        patch.object(module, "BEAT_SECONDS", module.BEAT_SECONDS * seldom),
    ):
        return run(main())


class _Told(list[Any]):
    """The universe's events, of which the daemon is told as well."""

    def __init__(self, daemon: Daemon) -> None:
        super().__init__()
        self._daemon = daemon

    def append(self, event: Any) -> None:
        super().append(event)
        self._daemon.on_event(event)
