"""A daemon whose fleet keeps backups in a directory, and what became of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from reconciler.daemon.daemon import Daemon
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired
from reconciler.health.standing import Standing
from reconciler.loading.secrets import SecretResolver
from reconciler.store.forgetful import NoMemory
from reconciler.store.sql_store import Store
from reconciler.targets.directories import Directory
from reconciler.wiring import DeclaredTargets
from tests.backups.stage import TARGETS, Meddled
from tests.daemon.stage import Script, Stage, play
from tests.harness.universe import ENVIRON, Process, Universe, fleet, instance

HOURS = 3600.0


def nothing(_what: str, _place: str) -> None:
    """Meddle with nothing."""


@dataclass
class Keeping:
    """A place for backups, and the fleet's text that asks for them."""

    root: Path
    policy: str = "{verify: false, keep: {last: 100}}"
    before: Callable[[str, str], None] = nothing

    def text(self, *others: str, versions: dict[str, str] | None = None, **fields: object) -> str:
        whole = fleet(instance("acme", server="one", **fields), *others, servers=versions or {"one": "19.0"})
        targets = TARGETS.format(self.root, "")
        return whole.replace("secret_key:", f"{targets}secret_key:", 1).replace(
            "code: starter\n", f"code: starter\nbackup: {self.policy}\n", 1
        )

    def dress(self, world: World, desired: Desired) -> World:
        targets = DeclaredTargets(desired, Path("fleet"), SecretResolver(desired, ENVIRON, Path("fleet")))
        targets._opened["main"] = Meddled(Directory("main", self.root), self._meddle)
        return replace(world, targets=targets)

    def _meddle(self, what: str, place: str) -> None:
        self.before(what, place)

    def taken(self, code: str = "acme") -> list[datetime]:
        """When the backups of an instance were taken."""
        return [datetime.fromisoformat(entry["taken_at"]) for entry in self._entries(code)]

    def proven(self, code: str = "acme") -> list[datetime]:
        """When backups of an instance were proven."""
        proofs = [entry["proven"] for entry in self._entries(code) if entry["proven"]]
        return sorted(datetime.fromisoformat(proof["at"]) for proof in proofs)

    def play(
        self,
        universe: Universe,
        story: Callable[[Stage], Awaitable[None]],
        store: NoMemory | Store | None = None,
        interval: float = HOURS,
    ) -> Stage:
        return play(universe, story, store=store, interval=interval, dress=self.dress)

    def another(self, stage: Stage, store: NoMemory | Store) -> Daemon:
        """A second daemon on the same fleet's text as it comes, with a store that may be the first one's or its own."""
        first, process = stage.daemon, Process()
        return replace(
            first,
            source=Script(),
            _standing=Standing(),
            _pages={},
            _work=None,
            _begun=asyncio.Event(),
            make_world=lambda desired, _root, _memory: self.dress(stage.universe.world(desired, process), desired),
            open_store=lambda _code: store,
            stop=asyncio.Event(),
            abandon=asyncio.Event(),
        )

    def _entries(self, code: str) -> list[dict[str, Any]]:
        files = sorted((self.root / "demo" / "instance" / code).glob("*.json"))
        return [json.loads(file.read_text()) for file in files]


async def until(universe: Universe, moment: datetime) -> None:
    """Wait for a time of day."""
    await asyncio.sleep(max(0.0, (moment - universe.clock.now()).total_seconds()))


def nights(moments: list[datetime]) -> list[str]:
    """Say on which days, and at which full hours."""
    return [f"{moment:%d %H}" for moment in moments]
