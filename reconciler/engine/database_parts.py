"""What the engine needs of a database beside looking and writing, a subject each: the parts of `ports.Database`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from reconciler.core.diffs.support import Visit
from reconciler.core.model.module_versions import UpgradeNote
from reconciler.core.policies.template_versions import Rebuilding
from schemas.secrets import Secret


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


class Rebuildable(Protocol):
    """A template, opened as its admin account, as what is known of its making. Every method may raise a `HostError`."""

    async def altered(self) -> Mapping[str, int]:
        """Count by table the rows that somebody has written since it was built; of what noted no version, nothing.

        Where it was built later than now by its own clock, `template_versions.CLOCK_AHEAD` is among them: nothing tells then.
        Not what this tool writes in place, nor what a look leaves behind: parameters, schedules, sessions, the admin account.
        """
        ...

    async def note_upgraded(self) -> None:
        """Count what the upgrade that is noted has written as part of its making, unless somebody had written before that."""
        ...

    async def note_rebuilding(self, note: Rebuilding) -> None:
        """Note why no new version took its place."""
        ...


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
