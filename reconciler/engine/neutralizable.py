"""What the engine needs of a database to make it harmless, and to keep it so while it changes: a part of `ports.Database`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Neutralizable(Protocol):
    """A database, opened as its admin account, as what of it reaches the outside. Every method may raise a `HostError`."""

    async def neutralize(self) -> None:
        """Switch off what reaches the outside, beyond what `Host.restore` did, and forget what was held back: all or nothing."""
        ...

    async def still_live(self) -> Sequence[str]:
        """Say, by a fresh look, what of it is not neutralized, for people; nothing if all of it is."""
        ...

    async def keep_asleep(self) -> None:
        """See to it that no scheduled action is switched on, whoever makes one, and note that; harmless when done twice."""
        ...

    async def let_go(self) -> None:
        """Let scheduled actions be switched on again; harmless when done twice."""
        ...
