"""What the engine needs of a database to bring its modules to the code of its host: a part of `ports.Database`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from reconciler.core.module_versions import UpgradeNote


class Upgradable(Protocol):
    """A database, opened as its admin account, as what its modules are. Every method may raise a `HostError`."""

    async def code(self) -> Mapping[str, str]:
        """Return the versions of the host's code of all modules that the database knows."""
        ...

    async def upgrade(self, to: Mapping[str, str]) -> None:
        """Upgrade these modules to these versions of the host's code, until nothing is pending and all of them have them."""
        ...

    async def prepare_upgrade(self, modules: Collection[str]) -> Mapping[str, str]:
        """Return which modules are upgraded with these, these included, with the versions of the host's code.

        Refused while somebody else is at work in it, or where its host's workers run different code.
        """
        ...

    async def note_upgrade(self, note: UpgradeNote, *, proven: bool = False) -> None:
        """Note in the database an upgrade that begins, or why it did not succeed; or that it is proven."""
        ...
