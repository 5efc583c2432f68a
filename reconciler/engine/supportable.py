"""What the engine needs of a database to make ways in by a link: a part of `ports.Database`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from reconciler.core.diffs.support import Visit
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

    async def link_to_first_password(self, visit: Visit, passwords: Collection[Secret], nonce: str) -> Secret:
        """Let whoever gets the answer choose the password of an account that has the first one still; no password changes.

        Args:
            visit: the account, and until when.
            passwords: what its first one may be.
            nonce: tells this link from earlier ones, which are void from now on.

        Returns:
            Odoo's own token, good once and until its end.

        Raises:
            LastingError: there is no such account, somebody has logged in with it, or it has another password; says what to do.
        """
        ...

    async def end_support(self, accounts: Collection[str]) -> None:
        """Take accounts out of use, with all that they could log in with, until none of them is in use."""
        ...
