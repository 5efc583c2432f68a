"""What a pass works with: the ports, chosen in `wiring`, and the limits of one run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from reconciler.core.failures import MemoryFailure
from reconciler.engine.ports import Clock, Host, Memory, Nonces, Pages, Secrets
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
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    abandon: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, write: Callable[[], None]) -> None:
        """Write down something that is true already; if that fails it is said, and looked up again by the next pass."""
        try:
            write()
        except MemoryFailure as failure:
            self.emit(MemoryFailed(str(failure)))
