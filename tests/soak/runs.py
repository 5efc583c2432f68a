"""One soak: hosts in this process, on sockets; the daemon in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from reconciler.simulator import FaultSpec, HostSpec, SimulatedHost
from reconciler.simulator.server import listen
from tests.faults.test_random_runs import FAULTS
from tests.harness import promises
from tests.harness.universe import ENVIRON, MASTER, read
from tests.soak.fleets import Directory
from tests.soak.jumping import SKEW

VERSIONS = {"one": "19.0", "two": "14.0", "three": "19.0"}
CONVERGES_WITHIN = 150.0


@dataclass(frozen=True, slots=True)
class Sample:
    """What the daemon uses at one moment."""

    at: float
    megabytes: float
    files: int
    connections: int
    threads: int


@dataclass
class Soak:
    directory: Path
    seconds: float
    chance: random.Random
    hosts: dict[str, SimulatedHost] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    _story: list[str] = field(default_factory=list)
    _daemon: asyncio.subprocess.Process | None = None
    _may_end_with: set[int] = field(default_factory=lambda: {0})
    _started: float = field(default_factory=time.monotonic)
    rounds: int = 0
    kills: int = 0
    deaths: int = 0
    jumps: int = 0
    edits: int = 0

    async def run(self) -> None:
        """Run rounds until the time is over."""
        ports = {}
        for number, (code, version) in enumerate(VERSIONS.items()):
            spec = HostSpec(code, version, MASTER, workers=2 if number else 0, dbfilter="^%d$", seed=number, speed=0.2)
            self.hosts[code] = SimulatedHost(spec)
            self.hosts[code].add_database("shop")
            ports[code] = (await listen(self.hosts[code], "127.0.0.1", 0)).port
        self.fleet = Directory(self.directory / "fleet", VERSIONS, ports, self.chance)
        self.fleet.write_head()
        foreign = promises.foreign_state(self.hosts)
        self._tell(self.fleet.edit())
        await self._start()
        try:
            while time.monotonic() - self._started < self.seconds:
                await self._round()
                promises.check(self.hosts, read(self.fleet.text()), foreign=foreign)
            await self._stop()
        finally:
            if self._daemon is not None and self._daemon.returncode is None:
                self._daemon.kill()
                await self._daemon.wait()
        self._must_be_flat()

    async def _round(self) -> None:
        self.rounds += 1
        may_kill = time.monotonic() - self._started < self.seconds / 2
        for _ in range(self.chance.randrange(1, 5)):
            self.edits += 1
            self._tell(self.fleet.edit())
        self._watch()
        broken = self.chance.random() < 0.2
        if broken:
            self.fleet.spoil()
        for _ in range(self.chance.randrange(0, 3)):
            self._trouble()
        if self.chance.random() < 0.15:
            self.jumps += 1
            self._jump(self.chance.choice([-7200, -60, 60, 3600, 90_000]))
        await asyncio.sleep(self.chance.uniform(0.2, 4))
        if may_kill and self.chance.random() < 0.5:
            await self._kill(self.chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
        if broken:
            self.fleet.mend()
        await self._end_of_trouble()
        await self._converge()
        self._sample()

    async def _end_of_trouble(self) -> None:
        for host in self.hosts.values():
            host.faults.clear()
            host.start()
        assert self._daemon is not None
        if self._daemon.returncode is not None:
            assert self._daemon.returncode in self._may_end_with, self._log()
            await self._start()

    async def _converge(self) -> None:
        """Wait until a plan of its own process finds nothing to do, twice."""
        give_up = time.monotonic() + CONVERGES_WITHIN
        while time.monotonic() < give_up:
            self._poke()
            await asyncio.sleep(1)
            if await self._plan() == 0:
                return
        raise AssertionError(f"not converged after {CONVERGES_WITHIN:g} s\n{self._planned}\n{self._log()}")

    async def _plan(self) -> int:
        words = ("plan", "--detailed-exitcode", "--fleet", str(self.fleet.root), "--store", self._store)
        process = await asyncio.create_subprocess_exec(
            *self._command(*words),
            env=self._environ(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        self._planned = out.decode()
        assert process.returncode is not None
        return process.returncode

    def _trouble(self) -> None:
        host = self.chance.choice(list(self.hosts.values()))
        if self.chance.random() < 0.3:
            self.deaths += 1
            host.kill()
            self._tell(f"{host.spec.code} dies")
            asyncio.get_running_loop().call_later(self.chance.uniform(0.5, 3), host.start)
            return
        fault = self.chance.choice(FAULTS)
        if ":chance" not in fault and "for=" not in fault:
            fault += f":count={self.chance.randrange(1, 4)}"
        host.faults.add(FaultSpec.parse(f"{fault}:seed={self.rounds}" if ":chance" in fault else fault))
        self._tell(f"{host.spec.code}: {fault}")

    def _watch(self) -> None:
        watching = promises.Watch(self.hosts, read(self.fleet.text()))
        for host in self.hosts.values():
            host.watchers[:] = [watching]

    def _jump(self, seconds: float) -> None:
        self._tell(f"the clock jumps by {seconds:g} s")
        file = self.directory / "skew"
        before = float(file.read_text()) if file.exists() else 0.0
        file.write_text(str(before + seconds))

    async def _start(self) -> None:
        words = ("daemon", "--fleet", str(self.fleet.root), "--store", self._store, "--interval", "10")
        self._may_end_with = {0}
        log = (self.directory / "daemon.log").open("ab")
        with log:
            self._daemon = await asyncio.create_subprocess_exec(
                *self._command(*words, "--listen", "127.0.0.1:0", "--grace", "5"), env=self._environ(), stderr=log
            )

    async def _kill(self, number: signal.Signals) -> None:
        assert self._daemon is not None
        self.kills += 1
        self._may_end_with = {0} if self._hears(number) else {0, -number}
        self._tell(f"{number.name} to the daemon, which may end with {sorted(self._may_end_with)}")
        self._daemon.send_signal(number)
        await asyncio.wait_for(self._daemon.wait(), 30)

    async def _stop(self) -> None:
        assert self._daemon is not None
        self._daemon.terminate()
        assert await asyncio.wait_for(self._daemon.wait(), 30) == 0, self._log()

    def _poke(self) -> None:
        assert self._daemon is not None
        with contextlib.suppress(ProcessLookupError):
            if self._hears(signal.SIGHUP):
                self._daemon.send_signal(signal.SIGHUP)

    def _hears(self, number: signal.Signals) -> bool:
        """Say whether the daemon has a handler for a signal; while it starts it has none, and nothing to end gently."""
        assert self._daemon is not None
        try:
            status = Path(f"/proc/{self._daemon.pid}/status").read_text()
        except FileNotFoundError:
            return False
        caught = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")), "0")
        return bool(int(caught, 16) >> (number - 1) & 1)

    def _sample(self) -> None:
        assert self._daemon is not None
        process = psutil.Process(self._daemon.pid)
        with process.oneshot():
            sample = Sample(
                time.monotonic() - self._started,
                process.memory_info().rss / 1e6,
                process.num_fds(),
                len(process.net_connections()),
                process.num_threads(),
            )
        self.samples.append(sample)

    def _must_be_flat(self) -> None:
        """Compare the third quarter of the time with the last, in which the daemon was not killed."""
        third, last = self._quarters()
        if len(third) < 5 or len(last) < 5:
            return
        for what in ("megabytes", "files", "connections", "threads"):
            before, after = (statistics.median(getattr(s, what) for s in part) for part in (third, last))
            assert after <= before * 1.15 + 3, f"{what} grew from {before:.1f} to {after:.1f}"

    def _quarters(self) -> tuple[list[Sample], list[Sample]]:
        half, rest = self.seconds / 2, self.seconds * 3 / 4
        return [s for s in self.samples if half <= s.at < rest], [s for s in self.samples if s.at >= rest]

    def figures(self) -> str:
        """Say what was gone through and what the daemon used."""
        parts = "\n".join(
            f"{name}: {statistics.median(s.megabytes for s in part):.0f} MB, {statistics.median(s.files for s in part):.0f}"
            f" files, {statistics.median(s.connections for s in part):.0f} connections,"
            f" {statistics.median(s.threads for s in part):.0f} threads"
            for name, part in zip(("third quarter", "last quarter"), self._quarters(), strict=True)
            if part
        )
        return (
            f"{self.rounds} rounds, {self.edits} edits, {self.kills} kills of the daemon, {self.deaths} deaths of hosts,"
            f" {self.jumps} clock jumps: converged after each, no promise broken\n{parts}"
        )

    def story(self) -> str:
        """Tell the last things that happened."""
        return "\n".join(self._story[-60:])

    def _tell(self, what: str) -> None:
        self._story.append(f"{time.monotonic() - self._started:7.1f} {what}")

    def _log(self) -> str:
        return "\n".join((self.directory / "daemon.log").read_text(errors="replace").splitlines()[-60:])

    @property
    def _store(self) -> str:
        return f"sqlite:///{self.directory / 'state.sqlite'}"

    def _command(self, *words: str) -> tuple[str, ...]:
        return (sys.executable, "-m", "tests.soak.jumping", *words)

    def _environ(self) -> dict[str, str]:
        return {**os.environ, **ENVIRON, SKEW: str(self.directory / "skew")}
