"""Simulated hosts and a fleet's text; `reconcile` runs one pass of the real tool over them, as one process would.

A `Process` is one run of the reconciler: it can be killed before or after any request, after which nothing of it reaches a
host or the store any more, whatever its code would still like to do.
"""

import asyncio
import random
import string
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from reconciler.core.deciding import Limits, Planned
from reconciler.core.model.failures import ConnectionCut, HostTimeout, HostUnreachable
from reconciler.core.model.inventory import Entry, Inventory, Usage
from reconciler.engine.reconcile import Passed, carry_out, plan
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired, resolve
from reconciler.fleet.diagnostics import has_errors
from reconciler.loading.secrets import SecretResolver
from reconciler.loading.yaml_reader import read_documents
from reconciler.notices.events import Event
from reconciler.odoo.protocol import Answer, NoAnswer, Request, Timeout
from reconciler.simulator import ConnectionDropped, ConnectionRefused, HostSpec, HttpRequest, SimulatedHost
from reconciler.simulator.databases import SimulatedDatabase
from reconciler.simulator.wire import HttpResponse, RpcCall, decode
from reconciler.wiring import Reach, make_world
from tests.harness.virtual_time import EPOCH, VirtualClock

MASTER = "master-of-practice"
KEY = "k" * 40
THEIRS = "their own password"
"""What opens a database that somebody made by hand."""
ENVIRON = {"KEY": KEY, "MASTER": MASTER, "THEIRS": THEIRS, "OTHER_KEY": "o" * 40}

FLEET = """\
kind: fleet
format: 1
code: demo
secret_key: {env: KEY}
"""
SERVER = """\
kind: server
code: {code}
server_url: http://{code}.invalid
odoo_version: "{version}"
master_password: {{env: MASTER}}
state: active
domain: example.com
"""
TEMPLATE = """\
kind: template
code: base
template_db: template_base
servers: [{servers}]
modules: [base, web, mail]
"""
PLAN = "kind: plan\ncode: starter\n"


def instance(code: str, **fields: object) -> str:
    """Write an instance of the template `base`."""
    lines = [f"{name}: {value}" for name, value in fields.items()]
    return "\n".join(["kind: instance", f"code: {code}", "template: base", "plan: starter", *lines]) + "\n"


def fleet(*documents: str, servers: Mapping[str, str] | None = None) -> str:
    """Write a fleet with its servers (code to version), one template, one plan and the documents given."""
    servers = servers or {"one": "19.0"}
    head = [FLEET, *(SERVER.format(code=c, version=v) for c, v in servers.items())]
    return "---\n".join([*head, TEMPLATE.format(servers=", ".join(servers)), PLAN, *documents])


def read(text: str) -> Desired:
    """Resolve a fleet's text, which must be valid."""
    documents, problems = read_documents("fleet.yaml", text.encode())
    desired, more = resolve(documents)
    found = (*problems, *more)
    if desired is None or has_errors(found):
        raise AssertionError("\n".join(map(str, found)))
    return desired


class Killed(BaseException):
    """This process was killed: SIGKILL runs no `except` and no `finally` that could reach anything."""


class DictMemory:
    """A store that outlives processes, as a file does. Every write is durable at once."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str, str], Entry] = {}
        self.states: dict[str, str] = {}
        self.listings: dict[str, tuple[str, ...]] = {}
        self.usage: dict[str, Usage] = {}

    def copy(self) -> "DictMemory":
        copy = DictMemory()
        copy.entries, copy.states, copy.listings = dict(self.entries), dict(self.states), dict(self.listings)
        copy.usage = dict(self.usage)
        return copy

    def inventory(self) -> Inventory:
        return Inventory(dict(self.entries), dict(self.states), dict(self.listings), usage=dict(self.usage))

    def clear(self, kind: str, code: str, server: str) -> None:
        entry = self.entries.get((kind, code, server))
        if entry is not None:
            self.entries[kind, code, server] = Entry(kind, code, server, entry.target, "", entry.verified_at)

    def verified(self, kind: str, code: str, server: str, target: str, digest: str, at: object) -> None:
        self.entries[kind, code, server] = Entry(kind, code, server, target, digest, at)  # type: ignore[arg-type]

    def forget(self, kind: str, code: str, server: str) -> None:
        self.entries.pop((kind, code, server), None)

    def server_state(self, server: str, state: str) -> None:
        self.states[server] = state

    def used(self, code: str, used: Usage) -> None:
        self.usage[code] = used

    def listing(self, server: str, names: object, at: object) -> None:
        self.listings[server] = tuple(names)  # type: ignore[arg-type]


class SeededNonces:
    """Chance from a seed; a token is never given twice."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._given: set[str] = set()

    def token(self, length: int) -> str:
        while True:
            token = "".join(self._random.choices(string.ascii_lowercase + string.digits, k=length))
            if token not in self._given:
                self._given.add(token)
                return token

    def number(self, low: int, high: int) -> int:
        return self._random.randint(low, high)


@dataclass
class Process:
    """One run of the reconciler. `kill_at` counts requests from 1: killed before sending it, or after it was answered."""

    kill_before: int = 0
    kill_after: int = 0
    sent: int = 0
    dead: bool = False
    turn: Callable[[str], Awaitable[None]] | None = None
    meddler: "Meddler | None" = None

    def check(self) -> None:
        if self.dead:
            raise Killed

    def die(self) -> None:
        self.dead = True
        raise Killed


class Meddler:
    """What may lie between a process and the hosts; this one does nothing. It sees the calls, not only their bytes."""

    def reaches(self, code: str, call: RpcCall) -> str:
        """Say which host answers what was sent to `code`."""
        return code

    def before(self, process: Process, call: RpcCall) -> None:
        """Meddle before the call is sent; it may kill the process."""

    def after(self, process: Process, call: RpcCall) -> None:
        """Meddle once the call was answered: kill the process, or raise `ConnectionDropped` in the answer's place."""


class Carrier:
    """Carries a process's requests to the simulated hosts, in the place of sockets."""

    def __init__(self, hosts: Mapping[str, SimulatedHost], process: Process) -> None:
        self._hosts, self._process = hosts, process

    async def send(self, request: Request, *, timeout: Timeout, into: BinaryIO | None = None) -> Answer:
        process = self._process
        process.check()
        process.sent += 1
        number = process.sent
        if number == process.kill_before:
            process.die()
        code, _, path = request.url.removeprefix("http://").partition(".invalid")
        if process.turn is not None:
            await process.turn(f"{code}{path}")
            process.check()
        headers = dict(request.headers)
        body = request.body if request.upload is None else b"".join(request.upload.parts())
        asked = HttpRequest("POST", path, headers, body)
        try:
            async with asyncio.timeout(timeout.total):
                answer = await self._answer(code, asked)
        except TimeoutError:
            process.check()
            raise NoAnswer(HostTimeout, "no answer in time", sent=True) from None
        except ConnectionRefused:
            process.check()
            raise NoAnswer(HostUnreachable, "connection refused", sent=False) from None
        except ConnectionDropped:
            process.check()
            raise NoAnswer(ConnectionCut, "connection closed", sent=True) from None
        process.check()
        if number == process.kill_after:
            process.die()
        if into is not None:
            into.write(answer.body)
        return Answer(answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.body)

    async def _answer(self, code: str, asked: HttpRequest) -> HttpResponse:
        meddler = self._process.meddler
        call = decode(asked) if meddler is not None else None
        if meddler is None or call is None:
            return await self._hosts[code].respond(asked)
        meddler.before(self._process, call)
        answer = await self._hosts[meddler.reaches(code, call)].respond(asked)
        meddler.after(self._process, call)
        return answer


class GuardedMemory:
    """The store as one process sees it: a dead process writes nothing."""

    def __init__(self, memory: DictMemory, process: Process) -> None:
        self._memory, self._process = memory, process

    def __getattr__(self, name: str) -> object:
        self._process.check()
        return getattr(self._memory, name)


@dataclass
class Universe:
    """Hosts that live on while processes come and go."""

    hosts: dict[str, SimulatedHost]
    clock: VirtualClock = field(default_factory=VirtualClock)
    memory: DictMemory | None = field(default_factory=DictMemory)
    seed: int = 0
    events: list[Event] = field(default_factory=list)
    _runs: int = 0

    def world(self, desired: Desired, process: Process) -> World:
        """Put a process's ports together."""
        self._runs += 1
        memory = GuardedMemory(self.memory if self.memory is not None else DictMemory(), process)
        reach = Reach(Path("fleet"), ENVIRON)
        carrier = Carrier(self.hosts, process)
        secrets = SecretResolver(desired, ENVIRON, Path("fleet"))
        nonces = SeededNonces(self.seed * 1_000_003 + self._runs)
        carriers = dict.fromkeys(desired.servers, carrier)
        return make_world(desired, reach, carriers, secrets, self.clock, nonces, memory, self.events.append)  # type: ignore[arg-type]

    def take_template_from(self, server: str) -> None:
        """Have a server without the template, as if it had never had it."""
        del self.hosts[server].databases["template_base"]
        assert self.memory is not None
        del self.memory.entries["template", "base", server], self.memory.listings[server]

    def branch(self) -> "Universe":
        """Return a world that stands as this one does and goes its own way; its hosts have just been started."""
        clock = VirtualClock()
        hosts = {code: _host(host.spec, clock) for code, host in self.hosts.items()}
        for code, host in self.hosts.items():
            hosts[code].databases = {name: _copy(database) for name, database in host.databases.items()}
            hosts[code].filestore = {name: dict(files) for name, files in host.filestore.items()}
            hosts[code].random.setstate(host.random.getstate())
            hosts[code].deployed, hosts[code].running = dict(host.deployed), dict(host.running)
        memory = self.memory.copy() if self.memory is not None else None
        return Universe(hosts, clock, memory, self.seed, _runs=self._runs)

    async def plan(self, text: str, limits: Limits | None = None) -> Planned:
        """Show what a pass would do."""
        desired = read(text)
        return await plan(desired, self.world(desired, Process()), limits or Limits())

    async def reconcile(self, text: str, process: Process | None = None, limits: Limits | None = None) -> Passed:
        """Run one whole pass."""
        desired = read(text)
        world = self.world(desired, process or Process())
        planned = await plan(desired, world, limits or Limits())
        return await carry_out(planned, desired, world, limits or Limits())


def universe(
    versions: Mapping[str, str] | None = None,
    *,
    seed: int = 0,
    workers: int = 0,
    store: bool = True,
    speed: float = 0.0,
) -> Universe:
    """Make a universe of simulated hosts (code to version)."""
    clock = VirtualClock()
    hosts = {
        code: _host(HostSpec(code, version, MASTER, workers=workers, dbfilter="^%d$", seed=seed, speed=speed), clock)
        for code, version in (versions or {"one": "19.0"}).items()
    }
    return Universe(hosts, clock, DictMemory() if store else None, seed)


def _host(spec: HostSpec, clock: VirtualClock) -> SimulatedHost:
    return SimulatedHost(spec, now=lambda: clock.now().timestamp())


def _copy(database: SimulatedDatabase) -> SimulatedDatabase:
    copy = database.fork()
    copy.watched, copy.visits, copy.revision = database.watched, list(database.visits), database.revision
    return copy


__all__ = ["EPOCH", "Killed", "Process", "Universe", "fleet", "instance", "read", "universe"]
