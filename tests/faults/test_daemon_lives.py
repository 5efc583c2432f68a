"""Seeded random lives of a daemon: edits, broken texts, faults, hosts that die, kills and restarts, clock jumps, pauses.

No promise is broken at any moment, and when the trouble ends the fleet converges. A failing seed is printed; replay it with
`ODOO_FLEET_SEED=N pytest tests/faults/test_daemon_lives.py`.
"""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.deciding import Limits
from reconciler.core.model.failures import HostError
from reconciler.daemon.daemon import Daemon
from reconciler.daemon.systemd import Systemd
from reconciler.store.opening import open_store
from tests.daemon.stage import Script
from tests.faults.test_random_runs import Life
from tests.harness import promises
from tests.harness.universe import GuardedMemory, Killed, Process, read
from tests.harness.virtual_time import run

BLOCKS = 10
RUNS = max(20, int(os.environ.get("ODOO_FLEET_RUNS", "60")) // 10)
ONE_SEED = os.environ.get("ODOO_FLEET_SEED")
INTERVAL = 120.0

BROKEN = ("kind: fleet\ncode: [", "", "kind: instance\ncode: acme\ntemplate: nowhere\nplan: nothing\n")


@dataclass
class DaemonLife(Life):
    """One random life of a daemon that is killed and started again; the store and the hosts live on."""

    store: Any = None
    daemon: Daemon | None = None
    source: Script = field(default_factory=Script)
    process: Process = field(default_factory=Process)
    defects: list[Exception] = field(default_factory=list)
    running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start a daemon, as a process of its own."""
        self.process, self.source = Process(), Script()
        if self.chance.random() < 0.4:
            self.process.kill_after = self.chance.randrange(1, 400)
        elif self.chance.random() < 0.4:
            self.process.kill_before = self.chance.randrange(1, 400)
        process = self.process
        guarded: Any = GuardedMemory(self.store, process)
        self.world.memory = self.store
        self.daemon = Daemon(
            source=self.source,
            make_world=lambda desired, _root, _memory: self.world.world(desired, process),
            open_store=lambda _code: guarded,
            clock=self.world.clock,
            interval=INTERVAL,
            systemd=Systemd({}),
            listeners=[],
            on_defect=lambda _server, error: self.defects.append(error),
            on_pass=lambda _seconds, _result: None,
            choose=lambda _desired: Limits(),
        )
        self.running = asyncio.create_task(self.daemon.run())
        self.source.write(self.text())
        self.story.append(f"started, to be killed at {process.kill_after or process.kill_before or 'no request'}")

    async def end(self, *, gently: bool) -> None:
        """Stop the daemon, or kill it where it stands."""
        assert self.running is not None
        assert self.daemon is not None
        if gently:
            self.daemon.stop.set()
        else:
            self.process.dead = True
            self.running.cancel()
        self.story.append("stopped" if gently else "killed")
        await asyncio.wait([self.running])
        self.reap()

    def reap(self) -> None:
        """Let nothing out of a daemon that ended but its own death."""
        assert self.running is not None
        error = None if self.running.cancelled() else self.running.exception()
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if error is not None and not isinstance(error, Killed):
            raise error

    async def live(self) -> None:
        self.edit()
        self.start()
        for _ in range(self.chance.randrange(4, 10)):
            for _ in range(self.chance.randrange(0, 3)):
                self.edit()
            self.watch()
            match self.chance.randrange(5):
                case 0:
                    self.source.write(self.chance.choice(BROKEN))
                case 1:
                    self.store.pause("server", "one", "practice", self.world.clock.now())
                case _:
                    self.store.resume("server", "one")
                    self.source.write(self.text())
            for _ in range(self.chance.randrange(0, 3)):
                self.trouble()
            await asyncio.sleep(self.chance.choice([0.1, 3, 60, 1000]))
            assert self.running is not None
            if self.running.done():
                self.reap()
                self.start()
            elif self.chance.random() < 0.3:
                await self.end(gently=self.chance.random() < 0.5)
                self.start()
        await self.settle()

    async def settle(self) -> None:
        assert self.running is not None
        if not self.running.done():
            await self.end(gently=False)
        for host in self.world.hosts.values():
            host.faults.clear()
            host.start()
        self.store.resume("server", "one")
        self.bring_home()
        self.watch()
        self.process = Process()
        self.start()
        self.process.kill_after = self.process.kill_before = 0
        assert self.daemon is not None
        for _ in range(200):
            await asyncio.sleep(60)
            self.customers.sure()  # a daemon takes whatever a host raises for a defect, and goes on
            standing = self.daemon.standing
            if standing.converged_at and standing.converged_at == standing.decided_at and not standing.busy:
                break
        else:
            planned = await self.world.plan(self.text())
            raise AssertionError(f"not converged: {planned.changeset}")
        self.customers.everything_is_there(read(self.text()))
        promises.check(self.world.hosts, read(self.text()), foreign=self.foreign)
        await self.end(gently=True)
        assert [e for e in self.defects if not isinstance(e, HostError)] == []


def seeds(block: int) -> Iterator[int]:
    return iter(range(block, RUNS, BLOCKS))


@pytest.mark.parametrize("block", range(BLOCKS))
def test_a_random_life_of_a_daemon_breaks_no_promise_and_ends_converged(block: int, tmp_path: Path) -> None:
    for seed in [int(ONE_SEED)] if ONE_SEED else seeds(block):
        with open_store(f"sqlite:///{tmp_path / f'{seed}.sqlite'}", "demo") as store:
            life = DaemonLife(seed, store=store)
            try:
                run(life.whole())
            except BaseException as error:
                error.add_note(f"seed {seed} on {life.version}:\n  " + "\n  ".join(life.story))
                raise
