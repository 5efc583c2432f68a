"""A daemon's rounds over simulated hosts in virtual time, with a follower that remembers what it was told."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from reconciler.core.deciding import Limits, Planned
from reconciler.core.model.actions import Action
from reconciler.core.model.failures import MemoryFailure
from reconciler.core.model.outcomes import Outcome
from reconciler.daemon.concerns import concerned_servers
from reconciler.engine.rounds import Rounds
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired
from tests.harness.universe import Process, Universe, read
from tests.harness.virtual_time import run

INTERVAL = 300.0


@dataclass
class Remembering:
    """Remembers decisions, what was begun with the time, and what ended."""

    now: Callable[[], float]
    decisions: list[Planned] = field(default_factory=list)
    begun: list[tuple[float, Action]] = field(default_factory=list)
    ends: list[tuple[float, Outcome]] = field(default_factory=list)
    broken: list[tuple[str, Exception]] = field(default_factory=list)
    forgotten: list[MemoryFailure] = field(default_factory=list)

    def decided(self, planned: Planned, desired: Desired, fresh: frozenset[str], begun: tuple[Action, ...]) -> None:
        del desired, fresh
        self.decisions.append(planned)
        self.begun += [(self.now(), action) for action in begun]

    def ended(self, server: str, outcomes: tuple[Outcome, ...]) -> None:
        del server
        self.ends += [(self.now(), outcome) for outcome in outcomes]

    def broke(self, server: str, error: Exception) -> None:
        self.broken.append((server, error))

    def forgot(self, failure: MemoryFailure) -> None:
        self.forgotten.append(failure)

    def ids(self) -> list[str]:
        return [action.id for _, action in self.begun]


@dataclass
class Stage:
    """Rounds over a universe. `edit` puts a text in force as the daemon does."""

    universe: Universe
    rounds: Rounds
    follower: Remembering
    stop: asyncio.Event
    process: Process

    def edit(self, text: str) -> None:
        desired = read(text)
        servers = concerned_servers(self.rounds.desired, desired, self.rounds.known)
        self.rounds.adopt(desired, self._world(desired), servers)

    async def converged(self) -> None:
        """Wait until the last decision found nothing to do and nothing runs."""
        while True:
            before = len(self.follower.decisions)
            while len(self.follower.decisions) == before:
                await asyncio.sleep(1)
            if self.follower.decisions[-1].changeset.is_converged and not self.rounds.busy:
                return

    def _world(self, desired: Desired) -> World:
        return replace(self.universe.world(desired, self.process), stop=self.stop)


def play(universe: Universe, text: str, story: Callable[[Stage], Awaitable[None]]) -> Stage:
    """Run rounds over a universe while a story goes on, then stop them."""

    async def main() -> Stage:
        desired, stop, process = read(text), asyncio.Event(), Process()
        follower = Remembering(universe.clock.monotonic)
        world = replace(universe.world(desired, process), stop=stop)
        rounds = Rounds(desired, world, Limits(), INTERVAL, follower)
        stage = Stage(universe, rounds, follower, stop, process)
        async with asyncio.TaskGroup() as group:
            group.create_task(rounds.run())
            await story(stage)
            stop.set()
        return stage

    return run(main())
