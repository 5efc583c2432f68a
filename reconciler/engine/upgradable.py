"""What the engine needs of a database to upgrade and uninstall its modules: a part of `ports.Database`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from reconciler.core.model.module_versions import UpgradeNote


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

    async def dependants(self, modules: Collection[str]) -> Mapping[str, str]:
        """Return all modules, installed or not, that depend on these, each with the module by which it does."""
        ...

    async def uninstall(self, modules: Collection[str], note: UpgradeNote) -> None:
        """Uninstall what of these is installed, and all that depends on it, until nothing is pending; noted while it lasts.

        What an uninstall of ours left half-way is reset before. Refused while somebody else is at work in it.

        Args:
            modules: what is to go.
            note: all that may go; where more depends on it by then, it is refused.
        """
        ...

    async def note_upgrade(self, note: UpgradeNote, *, proven: bool = False) -> None:
        """Note in the database an upgrade that begins, or why it did not succeed; or that it is proven."""
        ...
