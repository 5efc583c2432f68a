"""One simulated host, a foreign database on it, and a fleet's text: what each of Odoo's ways to go wrong is shown on.

The tests of this directory run whole passes of the tool and look at what is durable on the host afterwards. Their numbers
are those of "What goes wrong" in the project's notes on real hosts; the contract tests show that real hosts do the same.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from reconciler.core.deciding import Limits
from reconciler.core.model import names
from reconciler.core.model.names import NameState
from reconciler.core.model.outcomes import Outcome, Result
from reconciler.engine.reconcile import Passed
from reconciler.fleet.secrets import derive, parse_key
from reconciler.simulator import FaultSpec, HttpRequest, HttpResponse, SimulatedHost
from reconciler.simulator.databases import SimulatedDatabase
from tests.harness import promises
from tests.harness.universe import KEY, DictMemory, Killed, Process, Universe, fleet, instance, read, universe
from tests.simulator.client import Client

VERSIONS = ("19.0", "14.0")
both = pytest.mark.parametrize("version", VERSIONS)
AFTER_THE_LIMIT = 3 * 3600.0
FOREIGN = ("shop", "Bad Name!")


@dataclass
class Stage:
    """A world of one server, `one`, with foreign databases that nobody may look into."""

    version: str = "19.0"
    workers: int = 0
    speed: float = 0.0
    template: str = ""
    world: Universe = field(init=False)
    requests: list[HttpRequest] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.world = universe({"one": self.version}, workers=self.workers, speed=self.speed, seed=5)
        self.add_foreign(*FOREIGN)

    def add_foreign(self, *names_: str, owner: str = "odoo") -> None:
        """Put databases on the host that nobody may look into, let alone change."""
        for name in names_:
            self.host.add_database(name, owner=owner)
        self._foreign = promises.foreign_state(self.world.hosts)

    @property
    def host(self) -> SimulatedHost:
        return self.world.hosts["one"]

    def text(self, *documents: str) -> str:
        written = fleet(*documents, servers={"one": self.version})
        return written.replace("modules: [base, web, mail]\n", f"modules: [base, web, mail]\n{self.template}", 1)

    async def apply(self, *documents: str, limits: Limits | None = None) -> Passed:
        """Run one pass; at every step of the host's work the promises are checked."""
        watching = promises.Watch(self.world.hosts, read(self.text(*documents)))
        self.host.watchers.append(watching)
        try:
            passed = await self.world.reconcile(self.text(*documents), limits=limits)
        finally:
            if watching in self.host.watchers:
                self.host.watchers.remove(watching)
        promises.check(self.world.hosts, read(self.text(*documents)), foreign=self._foreign)
        return passed

    async def apply_unwatched(self, *documents: str, limits: Limits | None = None) -> Passed:
        """Run one pass on a host where something is spoilt already; foreign databases are untouched all the same."""
        passed = await self.world.reconcile(self.text(*documents), limits=limits)
        assert promises.foreign_state(self.world.hosts) == self._foreign
        return passed

    async def apply_killed(self, at: Callable[[str], bool], *documents: str, limits: Limits | None = None) -> None:
        """Run one pass that is killed as soon as the host's work reaches a step of which `at` is true."""
        process = Process()

        def kill(step: str) -> None:
            process.dead = process.dead or at(step)

        self.host.on_step = kill
        await self.apply_dying(process, *documents, limits=limits)
        self.host.on_step = lambda _step: None

    async def apply_dying(self, process: Process, *documents: str, limits: Limits | None = None) -> None:
        """Run one pass of a process that is killed before its end."""
        try:
            await self.world.reconcile(self.text(*documents), process, limits)
        except Killed:
            pass
        except BaseExceptionGroup as group:
            if group.subgroup(Killed) is None:
                raise
        assert process.dead

    async def applied(self, *documents: str) -> Passed:
        """Run one pass, which has to do all that is declared and leave no file behind and nothing for the next."""
        passed = await self.apply(*documents)
        assert passed.ok, [*told(passed), *passed.after.changeset.blocked]
        assert passed.after.changeset.is_converged, passed.after.changeset
        for name in self.in_service():
            assert self.wrong_files(name) == [], name
        return passed

    async def let_pass(self, days: float) -> None:
        """Let days pass; the host plays what its scheduled actions did when it is next asked anything."""
        await asyncio.sleep(days * 86400)
        await self.client.call("common", "version")

    def forget(self) -> None:
        """Lose the store, so that the next pass looks at everything."""
        self.world.memory = DictMemory()

    def fault(self, text: str) -> None:
        self.host.faults.add(FaultSpec.parse(text))

    def database(self, name: str) -> SimulatedDatabase:
        return self.host.databases[name]

    def in_service(self) -> list[str]:
        """List what is ours and under a final name."""
        final = (NameState.PUBLISHED, NameState.SUSPENDED)
        return [n for n in self.host.listed() if names.parse(n).state in final and n not in FOREIGN]

    def builds(self) -> list[str]:
        return [n for n in self.host.listed() if names.parse(n).state is NameState.BUILDING]

    def wrong_files(self, name: str) -> list[str]:
        """List the attachments whose file is not there or not whole."""
        held = self.host.filestore.get(name, {})
        rows = self.database(name).rows("ir.attachment").values()
        return [r["name"] for r in rows if r.get("store_fname") and held.get(r["store_fname"]) != r["file_size"]]

    def active_crons(self, name: str) -> set[str]:
        return {row["name"] for row in self.database(name).rows("ir.cron").values() if row["active"]}

    def calls(self, what: str) -> int:
        """Count the calls of a method of a service or of a model."""
        return Counter(c.model_method or f"{c.service}.{c.method}" for c in self.host.calls)[what]

    def sent_from(self, *states: NameState) -> list[str]:
        """List what reached the world outside out of databases whose name was in one of these states."""
        return [f"{s.name}: {s.what}" for s in self.host.outbox if names.parse(s.name).state in states]

    def record(self) -> None:
        """Keep the requests from here on, with their bytes."""
        answer = self.host.respond

        async def respond(request: HttpRequest) -> HttpResponse:
            self.requests.append(request)
            return await answer(request)

        self.host.respond = respond  # type: ignore[method-assign]

    def die_at(self, step: str, occurrence: int = 1, back_after: float = 20.0) -> None:
        """Kill the host when it reaches a step; it comes back by itself."""
        reached = 0

        def kill(name: str) -> None:
            nonlocal reached
            reached += name == step
            if name == step and reached == occurrence:
                self.host.kill()
                asyncio.get_running_loop().call_later(back_after, self.host.start)

        self.host.on_step = kill

    @property
    def client(self) -> Client:
        """Someone else who speaks to the host."""
        return Client(self.host)


def told(passed: Passed) -> list[str]:
    return [f"{o.action.id}: {o.result}: {o.detail}" for o in passed.outcomes if o.detail]


def outcome(passed: Passed, action: str) -> Outcome:
    """Return the end of one action, named without its server."""
    (found,) = [o for o in passed.outcomes if o.action.id == f"{action} on one"]
    return found


def failed(passed: Passed, action: str) -> str:
    found = outcome(passed, action)
    assert found.result is Result.FAILED, found
    return found.detail


def unknown(passed: Passed, action: str) -> str:
    found = outcome(passed, action)
    assert found.result is Result.UNKNOWN, found
    return found.detail


def password(address: str, generation: int = 1, what: str = "admin_password") -> str:
    """Derive a password as the fleet declares it."""
    kind, _, code = address.partition("/")
    return derive(parse_key(KEY), kind, code, what, generation).reveal()


def generation(number: int) -> dict[str, Any]:
    """Write the field that declares a generation."""
    return {"admin_password": f"{{derived: {{generation: {number}}}}}"}


ACME = instance("acme", server="one")
__all__ = [
    "ACME",
    "AFTER_THE_LIMIT",
    "FOREIGN",
    "VERSIONS",
    "Stage",
    "both",
    "failed",
    "generation",
    "instance",
    "outcome",
    "password",
    "told",
    "unknown",
]
