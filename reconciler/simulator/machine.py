"""What is behind the answers of a simulated host. Services and pages work on it and know nothing of how they are reached.

`kill` is a SIGKILL: memory and running work vanish, and the durable state stays exactly as it was at that step. All waiting is
`asyncio.sleep`, all time the given clock, all chance drawn from the spec's seed, so that a run can be played again.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import re
import time
import uuid
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from . import shipped
from .databases import EMPTY, SimulatedDatabase
from .errors import HostKilled, key_error, no_database, postgres, postgres_down
from .faults import Faults
from .host_specs import Code, Costs, HostSpec, Journalled, Sent
from .memory import Workers
from .persistence import Disk

if TYPE_CHECKING:
    from collections.abc import Callable

    from .memory import LoginSession
    from .wire import HttpResponse

_LONGEST_JOURNAL = 200_000
"""A host that is served for weeks must not grow: the older half of its journal and outbox is let go at this length."""


class Machine(ABC):
    """What is behind the answers of a simulated host: durable databases, workers' memory, clock, faults, life and death."""

    def __init__(self, spec: HostSpec, *, now: Callable[[], float] = time.time) -> None:
        self.spec = spec
        self.version = spec.version
        self.now = now
        self.random = random.Random(spec.seed)
        self.costs = Costs(spec.version)
        self.faults = Faults(spec.code, now)
        self.outbox: list[Sent] = []
        self.calls: list[Journalled] = []
        self.on_step: Callable[[str], None] = lambda _step: None
        self.databases: dict[str, SimulatedDatabase] = {}
        self.filestore: dict[str, dict[str, int]] = {}
        self.sessions: dict[str, LoginSession] = {}
        self.deployed: dict[str, Code] = {}
        self.running: dict[str, Code] = {}
        self.watchers: list[Callable[[str], None]] = []
        self.on_life: Callable[[bool], None] = lambda _alive: None
        self.alive = True
        self.up_since = now()
        self._incarnation = 0
        self._running: dict[
            asyncio.Future[HttpResponse], None
        ] = {}  # in the order of their beginning, whatever their addresses
        self._disk = Disk(spec.data_dir / spec.code, spec.version) if spec.data_dir else None
        if self._disk:
            self.databases, self.filestore = self._disk.load()
        self._boot()

    def _boot(self) -> None:
        self.running = dict(self.deployed)
        self.workers = Workers(self.spec.workers, self.random)
        cloning = asyncio.Semaphore(2)
        creating = asyncio.Semaphore(2 if self.spec.workers else 1)
        self.lanes = {"create_database": creating, "duplicate_database": cloning}

    # -- life and death ------------------------------------------------------------------------------------------

    def kill(self) -> None:
        """Die as by SIGKILL: refuse connections until `start`, with running work stopped where it is."""
        self.alive = False
        self._incarnation += 1
        for task in tuple(self._running):
            task.cancel()
        self._running.clear()
        for database in self.databases.values():
            database.creating = database.installing = False
            database.cron_busy_until = 0.0
            database.end_connections()
        self.on_life(False)  # noqa: FBT003 -- the state, as its parameter says

    def start(self) -> None:
        """Come up again with an empty memory over the same databases."""
        if not self.alive:
            self.alive = True
            self.up_since = self.now()
            self._boot()
            self.on_life(True)  # noqa: FBT003

    def deploy(self, module: str, code: Code) -> None:
        """Put code on the disk: what runs goes on with what it has read, until the host is started again."""
        self.deployed[module] = code

    async def pause(self, seconds: float) -> None:
        """Let the time of some work pass, and die here if the host was killed meanwhile."""
        incarnation = self._incarnation
        await asyncio.sleep(seconds * self.spec.speed)
        if incarnation != self._incarnation:
            raise HostKilled
        self.advance()

    def reached(self, step: str) -> None:
        """Make a step durable, tell `on_step`, and die here if that killed the host."""
        incarnation = self._incarnation
        self.save()
        self.on_step(step)
        for watcher in tuple(self.watchers):
            watcher(step)
        if incarnation != self._incarnation:
            raise HostKilled

    def save(self) -> None:
        """Make what there is durable."""
        if self._disk:
            self._disk.save(self.databases, self.filestore)

    @abstractmethod
    def advance(self) -> None:
        """Run the scheduled actions that have come due."""

    @abstractmethod
    def repair_half(self, name: str, database: SimulatedDatabase) -> None:
        """Do what the first login does to a database whose create was cut short."""

    # -- what the services ask -----------------------------------------------------------------------------------

    @property
    def list_db(self) -> bool:
        """Whether database management is enabled."""
        return self.spec.list_db and not self.faults.holds("list_db")

    @property
    def neutralizes(self) -> bool:
        """Whether `duplicate_database` and the page for restores neutralize what they make."""
        return shipped.since(self.version, 17)

    def listed(self) -> list[str]:
        """Return the databases that Odoo's role owns, sorted, or the names that it was configured to give."""
        if self.spec.db_name and self.spec.dbfilter is None:
            return sorted(self.spec.db_name)
        return sorted(name for name, database in self.databases.items() if database.owner == "odoo")

    def served(self, host_header: str) -> list[str]:
        """Return the databases that web pages serve under this Host, by `dbfilter`."""
        names = self.listed()
        if self.spec.dbfilter is None:
            return names
        host = host_header.partition(":")[0].removeprefix("www.")
        pattern = self.spec.dbfilter.replace("%h", re.escape(host)).replace("%d", re.escape(host.partition(".")[0]))
        return [name for name in names if re.match(pattern, name)]

    def need_postgres(self) -> None:
        """Raise what everything raises while PostgreSQL is down."""
        if self.faults.holds("pg-down"):
            raise postgres_down()

    def open(self, name: str) -> SimulatedDatabase:
        """Return a database that can be worked in, or raise what connecting to it and loading it raises."""
        self.need_postgres()
        database = self.databases.get(name)
        if database is None:
            raise no_database(name)
        if database.watched or database.owner != "odoo":
            database.visits.append(f"{self.now():.3f}")
        if database.owner != "odoo":
            raise postgres("InsufficientPrivilege", "permission denied for schema public\n")
        if database.stage == EMPTY:
            if not database.initialised or database.creating:
                raise key_error("res.users")
            self.repair_half(name, database)
        return database

    def files(self, name: str) -> dict[str, int]:
        """Return the filestore of a database, made when it is missing."""
        return self.filestore.setdefault(name, {})

    def new_uuid(self) -> str:
        """Draw a uuid from the host's seed: never that of another host, though its seed be the same."""
        drawn = uuid.UUID(int=self.random.getrandbits(128)).hex
        return str(uuid.UUID(bytes=hashlib.md5(f"{self.spec.code} {drawn}".encode()).digest(), version=4))

    def send(self, name: str, database: SimulatedDatabase, what: str) -> None:
        """Record what reaches the world outside, now."""
        self.record(self.now(), name, database, what)

    def record(self, at: float, name: str, database: SimulatedDatabase, what: str) -> None:
        """Record what reached the world outside."""
        self.outbox.append(Sent(at, name, database.uuid, what))
        if len(self.outbox) > _LONGEST_JOURNAL:
            del self.outbox[: _LONGEST_JOURNAL // 2]

    def adopt(self, task: asyncio.Future[HttpResponse]) -> None:
        """Let work go on until its end or the host's, whoever waits for it."""
        self._running[task] = None
        task.add_done_callback(self._leave)

    def _leave(self, task: asyncio.Future[HttpResponse]) -> None:
        self._running.pop(task, None)
        if not task.cancelled():
            task.exception()  # retrieved, for nobody may be waiting any more

    def journal(self, entry: Journalled) -> None:
        """Note a request."""
        self.calls.append(entry)
        if len(self.calls) > _LONGEST_JOURNAL:
            del self.calls[: _LONGEST_JOURNAL // 2]
