"""One simulated Odoo host: its durable databases, its workers' memory, its clock and its faults.

`respond` is the whole of what a client sees; a socket server and an in-process transport both call it. Work that
has begun goes on when its client is gone. `kill` is a SIGKILL: memory and running work vanish, and the durable
state stays exactly as it was at that step. All waiting is `asyncio.sleep`, all time the given clock, all chance
drawn from the spec's seed, so that a run can be played again.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
import uuid
from typing import TYPE_CHECKING

from . import catalogue, common_service, creating, crons, db_service, object_service, seed, web, wire, wire_faults
from .databases import EMPTY, Database
from .errors import (
    ConnectionDropped,
    ConnectionRefused,
    Failure,
    HostKilled,
    builtin,
    key_error,
    no_database,
    postgres,
    postgres_down,
)
from .faults import ERRORS, Faults
from .memory import Worker, Workers
from .persistence import Disk
from .specs import Costs, HostSpec, Journalled, Sent

if TYPE_CHECKING:
    from collections.abc import Callable

    from .wire import Call, Request, Response

_PYTHONS_OWN = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
_LONGEST_JOURNAL = 200_000
"""A host that is served for weeks must not grow: the older half of its journal and outbox is let go at this length."""


class SimulatedHost:
    """An Odoo host to practise on."""

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
        self.databases: dict[str, Database] = {}
        self.filestore: dict[str, dict[str, int]] = {}
        self.sessions: dict[str, web.Session] = {}
        self.watchers: list[Callable[[str], None]] = []
        self.on_life: Callable[[bool], None] = lambda _alive: None
        self.alive = True
        self.up_since = now()
        self._incarnation = 0
        self._running: set[asyncio.Future[Response]] = set()
        self._disk = Disk(spec.data_dir / spec.code, spec.version) if spec.data_dir else None
        if self._disk:
            self.databases, self.filestore = self._disk.load()
        self._boot()

    def _boot(self) -> None:
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

    async def pause(self, seconds: float) -> None:
        """Let the time of some work pass, and die here if the host was killed meanwhile."""
        incarnation = self._incarnation
        await asyncio.sleep(seconds * self.spec.speed)
        if incarnation != self._incarnation:
            raise HostKilled
        crons.advance(self)

    def reached(self, step: str) -> None:
        """Make a step durable, tell `on_step`, and die here if that killed the host."""
        incarnation = self._incarnation
        self._save()
        self.on_step(step)
        for watcher in tuple(self.watchers):
            watcher(step)
        if incarnation != self._incarnation:
            raise HostKilled

    def _save(self) -> None:
        if self._disk:
            self._disk.save(self.databases, self.filestore)

    # -- what the services ask -----------------------------------------------------------------------------------

    @property
    def list_db(self) -> bool:
        """Whether database management is enabled."""
        return self.spec.list_db and not self.faults.holds("list_db")

    @property
    def neutralizes(self) -> bool:
        """Whether `duplicate_database` takes the argument that neutralizes."""
        return catalogue.since(self.version, 17)

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

    def open(self, name: str) -> Database:
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
            creating.repair_half(self, name, database)
        return database

    def files(self, name: str) -> dict[str, int]:
        """Return the filestore of a database, made when it is missing."""
        return self.filestore.setdefault(name, {})

    def new_uuid(self) -> str:
        """Draw a uuid from the host's seed."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def send(self, name: str, database: Database, what: str) -> None:
        """Record what reaches the world outside, now."""
        self.record(self.now(), name, database, what)

    def record(self, at: float, name: str, database: Database, what: str) -> None:
        """Record what reached the world outside."""
        self.outbox.append(Sent(at, name, database.uuid, what))
        if len(self.outbox) > _LONGEST_JOURNAL:
            del self.outbox[: _LONGEST_JOURNAL // 2]

    # -- answering -----------------------------------------------------------------------------------------------

    async def respond(self, request: Request) -> Response:
        """Answer one HTTP request; raises ConnectionRefused or ConnectionDropped where no answer comes."""
        if not self.alive or self.faults.holds("down"):
            raise ConnectionRefused
        task = asyncio.ensure_future(self._answer(request))
        self.adopt(task)
        try:
            return await asyncio.shield(task)
        except HostKilled:
            raise ConnectionDropped("during") from None
        except asyncio.CancelledError:
            if task.cancelled() and not self._asked_to_stop():
                raise ConnectionDropped("during") from None
            raise

    def adopt(self, task: asyncio.Future[Response]) -> None:
        """Let work go on until its end or the host's, whoever waits for it."""
        self._running.add(task)
        task.add_done_callback(self._leave)

    def _leave(self, task: asyncio.Future[Response]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # retrieved, for nobody may be waiting any more

    @staticmethod
    def _asked_to_stop() -> bool:
        current = asyncio.current_task()
        return bool(current and current.cancelling())

    async def _answer(self, request: Request) -> Response:
        crons.advance(self)
        try:
            call = wire.decode(request)
        except ValueError as problem:
            return wire.html_response(f"Invalid data: {type(problem).__name__}", status=400)
        worker = self.workers.next()
        if call is not None:
            call.worker = worker
        if call is None:
            self._journal(Journalled(self.now(), "web", request.path, None, None))
            return await wire_faults.around(
                self, ["page." + request.path.lstrip("/")], None, web.answer(self, worker, request)
            )
        self._journal(Journalled(self.now(), call.service, call.method, call.database, call.model_method))
        return await wire_faults.around(self, call.names, call, self._call(worker, call))

    def _journal(self, entry: Journalled) -> None:
        self.calls.append(entry)
        if len(self.calls) > _LONGEST_JOURNAL:
            del self.calls[: _LONGEST_JOURNAL // 2]

    async def _call(self, worker: Worker, call: Call) -> Response:
        try:
            if "error" in call.faults:
                problem = ERRORS[call.faults["error"]]
                raise problem()
            value = await self._service(worker, call)
        except _PYTHONS_OWN as problem:
            # Nonsense in a call ends in whatever Python makes of it, on a real host too.
            failed = builtin(type(problem).__name__, str(problem))
            return self._failure(call, failed)
        except Failure as problem:
            return self._failure(call, problem)
        finally:
            if self.alive:
                self._save()
        return wire.result(call, value)

    def _failure(self, call: Call, problem: Failure) -> Response:
        hidden = not catalogue.since(self.version, 16) and len(self.served(call.host_header)) != 1
        return wire.failure(call, problem, hidden=hidden)

    async def _service(self, worker: Worker, call: Call) -> object:
        if call.service == "common":
            return await common_service.answer(self, worker, call)
        if call.service == "db":
            return await db_service.answer(self, worker, call)
        if call.service == "object":
            return await object_service.execute(self, worker, call)
        raise key_error(call.service)

    # -- for tests -----------------------------------------------------------------------------------------------

    def add_database(
        self, name: str, *, owner: str = "odoo", watched: bool = True, admin_password: str = "admin"
    ) -> Database:
        """Put a finished database on the host that nobody made through it; its `visits` tell who looked inside."""
        database = self.databases[name] = Database(owner=owner, watched=watched)
        database.become(seed.base_database(self.version))
        seed.draw_anew(database, uuid=self.new_uuid(), secret=self.new_uuid(), now=self.now())
        for row in list(database.matching("ir.module.module", state="to install")):
            database.update("ir.module.module", row["id"], {"state": "installed"})
        for action in list(database.rows("ir.cron")):
            database.update("ir.cron", action, {"active": False})
        database.update("res.users", seed.ADMIN, {"password": admin_password})
        self.files(name).update(seed.base_files(self.version))
        self._save()
        return database

    def snapshot(self) -> dict[str, dict[str, object]]:
        """Return the durable state as plain data: for each database its stage, uuid, modules, users and files."""
        return {
            name: {
                "owner": database.owner,
                "stage": database.stage,
                "uuid": database.uuid,
                "modules": database.modules(),
                "logins": {row["login"]: row["password"] for row in database.rows("res.users").values()},
                "parameters": {row["key"]: row["value"] for row in database.rows("ir.config_parameter").values()},
                "files": dict(self.filestore.get(name, {})),
            }
            for name, database in sorted(self.databases.items())
        }
