"""One simulated Odoo host: what a client sees of it.

`respond` is the whole of that; a socket server and an in-process transport both call it. Work that has begun goes on when its
client is gone.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from email.utils import formatdate
from typing import TYPE_CHECKING

from . import common_service, creating, crons, db_service, object_service, seed, shipped, web, wire, wire_faults
from .databases import SimulatedDatabase
from .errors import ConnectionDropped, ConnectionRefused, Failure, HostKilled, builtin, key_error
from .faults import ERRORS
from .host_specs import Journalled
from .machine import Machine

if TYPE_CHECKING:
    from .memory import Worker
    from .wire import HttpRequest, HttpResponse, RpcCall

_PYTHONS_OWN = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class SimulatedHost(Machine):
    """An Odoo host to practise on."""

    def advance(self) -> None:
        """Run the scheduled actions that have come due."""
        crons.advance(self)

    def repair_half(self, name: str, database: SimulatedDatabase) -> None:
        """Do what the first login does to a database whose create was cut short."""
        creating.repair_half(self, name, database)

    # -- answering -----------------------------------------------------------------------------------------------

    async def respond(self, request: HttpRequest) -> HttpResponse:
        """Answer one HTTP request; raises ConnectionRefused or ConnectionDropped where no answer comes."""
        if not self.alive or self.faults.holds("down"):
            raise ConnectionRefused
        task = asyncio.ensure_future(self._answer(request))
        self.adopt(task)
        try:
            answered = await asyncio.shield(task)
        except HostKilled:
            raise ConnectionDropped("during") from None
        except asyncio.CancelledError:
            if task.cancelled() and not self._asked_to_stop():
                raise ConnectionDropped("during") from None
            raise
        return replace(answered, headers={"Date": formatdate(self.now(), usegmt=True), **answered.headers})

    @staticmethod
    def _asked_to_stop() -> bool:
        current = asyncio.current_task()
        return bool(current and current.cancelling())

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        self.advance()
        try:
            call = wire.decode(request)
        except ValueError as problem:
            return wire.html_response(f"Invalid data: {type(problem).__name__}", status=400)
        worker = self.workers.next()
        if call is not None:
            call.worker = worker
        if call is None:
            self.journal(Journalled(self.now(), "web", request.path, None, None))
            return await wire_faults.around(
                self, ["page." + request.path.lstrip("/")], None, web.answer(self, worker, request)
            )
        self.journal(Journalled(self.now(), call.service, call.method, call.database, call.model_method))
        return await wire_faults.around(self, call.names, call, self._call(worker, call))

    async def _call(self, worker: Worker, call: RpcCall) -> HttpResponse:
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
                self.save()
        return wire.result(call, value)

    def _failure(self, call: RpcCall, problem: Failure) -> HttpResponse:
        hidden = not shipped.since(self.version, 16) and len(self.served(call.host_header)) != 1
        return wire.failure(call, problem, hidden=hidden)

    async def _service(self, worker: Worker, call: RpcCall) -> object:
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
    ) -> SimulatedDatabase:
        """Put a finished database on the host that nobody made through it; its `visits` tell who looked inside."""
        database = self.databases[name] = SimulatedDatabase(owner=owner, watched=watched)
        database.become(seed.base_database(self.version))
        seed.draw_anew(database, uuid=self.new_uuid(), secret=self.new_uuid(), now=self.now())
        for row in list(database.matching("ir.module.module", state="to install")):
            database.update("ir.module.module", row["id"], {"state": "installed"})
        for action in list(database.rows("ir.cron")):
            database.update("ir.cron", action, {"active": False})
        database.update("res.users", seed.ADMIN, {"password": admin_password})
        self.files(name).update(seed.base_files(self.version))
        self.save()
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
