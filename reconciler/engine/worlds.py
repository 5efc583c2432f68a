"""What a pass works with: the ports, chosen in `wiring`, and the limits of one run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from reconciler.core.model.failures import MemoryFailure
from reconciler.core.model.inventory import Inventory
from reconciler.engine.hooks import Hooks, NoHooks
from reconciler.engine.ports import Aside, Clock, Host, InLine, Memory, Nonces, Pages, Secrets
from reconciler.engine.storage import Targets
from reconciler.notices.events import Event, MemoryFailed


@dataclass(frozen=True, slots=True)
class World:
    """The ports of one run. `emit` is told of every event; `pages` of a server are asked only where there are some.

    `stop` asks for no new actions while running ones end; `abandon`, set after it, gives up waiting for those: what they were
    at is then unknown, and the hosts go on with it by themselves.
    """

    hosts: Mapping[str, Host]
    secrets: Secrets
    clock: Clock
    nonces: Nonces
    memory: Memory
    emit: Callable[[Event], None]
    pages: Mapping[str, Pages] = field(default_factory=dict)
    targets: Targets | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    abandon: asyncio.Event = field(default_factory=asyncio.Event)
    aside: Aside = field(default_factory=InLine)
    hooks: Hooks = field(default_factory=NoHooks)

    async def inventory(self) -> Inventory:
        """Read what is remembered, all that was noted before included (`MemoryFailure`)."""
        return await self.aside.ask(self.memory.inventory)

    async def distrust(self, kind: str, code: str, server: str) -> None:
        """Before the first write to a database: it no longer counts as verified, whatever dies from now on (`MemoryFailure`)."""
        await self.aside.ask(lambda: self.memory.clear(kind, code, server))

    def note(self, write: Callable[[], None]) -> None:
        """Write down something that is true already; if that fails it is said, and looked up again by the next pass."""
        self.aside.tell(write, self._say_failed)

    def _say_failed(self, failure: MemoryFailure) -> None:
        self.emit(MemoryFailed(str(failure)))
