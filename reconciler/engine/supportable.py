"""What the engine needs of a database to let the operator in for a while: a part of `ports.Database`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from reconciler.core.support import Visit
from schemas.secrets import Secret


class Supportable(Protocol):
    """A database, opened as its admin account. Every method may raise a `HostError`."""

    async def open_support(self, visit: Visit) -> Secret:
        """Make an account with the rights of the admin account, of which nobody knows a password, and note it.

        Returns:
            What lets whoever has it choose its password, once and until its end: Odoo's own token.

        Raises:
            LastingError: it has no module that takes such tokens.
        """
        ...

    async def end_support(self, accounts: Collection[str]) -> None:
        """Take accounts out of use, with all that they could log in with, until none of them is in use."""
        ...
