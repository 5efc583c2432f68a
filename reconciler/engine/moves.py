"""Renames with proof: the new name is listed, the old one is not, and the files came along.

A host moves the database first and its files second, and skips the files silently where the new name's folder exists. So
a move is noted in the database before and struck out after its proof; a database that still bears the note is put right by
the next pass. Nothing here decides where a database goes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from reconciler.core import names
from reconciler.core.failures import (
    HostError,
    NoSuchDatabase,
    PassingError,
    PasswordRefused,
    ProofFailed,
    UnknownOutcome,
)
from reconciler.core.names import NameState
from reconciler.engine.accounts import Account
from reconciler.engine.patience import insist
from reconciler.engine.ports import Clock, Database, Host, Nonces

SAMPLE = 200
"""Newest files compared: a folder moves whole or not at all, so that a sample tells."""

_LOOKS = 15
_BETWEEN_LOOKS = 2.0


@dataclass(frozen=True, slots=True)
class Mover:
    """Moves databases of one host."""

    host: Host
    account: Account
    clock: Clock
    nonces: Nonces

    async def move(self, database: Database, new: str, *, noted: bool = False) -> Database:
        """Rename and prove it; put the files right where they stayed behind. Returns the database under its new name.

        Args:
            database: open under the name that it bears.
            new: the name that it gets.
            noted: whether the mark notes the move already.

        Raises:
            DatabaseExists: someone else got the name first; the database still bears its old one.
            ProofFailed: the files could not be brought along; the database was put back under its old name.
            UnknownOutcome: the host does not say which name the database bears now.
        """
        if not noted:
            await self._finish_earlier(database)
        before = await insist(lambda: database.file_sizes(SAMPLE), self.clock)
        if not noted:
            await insist(lambda: database.note_move(database.name), self.clock)
        await self._rename(database.name, new)
        moved = database.renamed(new)
        if not await self._is_whole(moved, before):
            await self._bring_files(database, new, before)
        await insist(lambda: moved.note_move(""), self.clock)
        return moved

    async def _finish_earlier(self, database: Database) -> None:
        """Put an earlier move right before its note is overwritten: its files may still wait under the name before."""
        _, mark = await insist(database.identity, self.clock)
        if mark is not None and mark.moving_from:
            sizes = await insist(database.file_sizes, self.clock)
            await self.finish(database, mark.moving_from, sum(not size for size in sizes.values()))

    async def finish(self, database: Database, origin: str, missing: int) -> None:
        """Put right a move that was cut short: `missing` files of the database are not where its name says."""
        if missing:
            name = database.name
            former = database.renamed(origin)
            await self._go_back(name, origin)
            before = await insist(lambda: former.file_sizes(SAMPLE), self.clock)
            await self._rename(origin, name)
            found = sum(not size for size in before.values()) < missing  # else they were missing before the move
            if found and not await self._is_whole(database, before):
                await self._bring_files(former, name, before)
        await insist(lambda: database.note_move(""), self.clock)

    async def open(self, name: str) -> Database:
        """Open the database under a name, whatever generation its password is of."""
        opened = await self.account.open(name)
        if opened is None:
            raise PasswordRefused(
                "its admin account refuses the declared password", server=self.host.server, database=name
            )
        return opened[0]

    async def _is_whole(self, database: Database, before: Mapping[str, str]) -> bool:
        return await insist(lambda: database.file_sizes(SAMPLE), self.clock) == before

    async def _bring_files(self, database: Database, new: str, before: Mapping[str, str]) -> None:
        """Undo the rename of a database (given under its old name) and do it again.

        Files that wait in the old name's folder (a host killed between its two halves) are found again there. A stale
        folder of the new name is carried off by renaming the database to a building name that nobody used.
        """
        old = database.name
        if names.parse(old).state is NameState.BUILDING:
            aside = names.building(names.parse(old).target, self.clock.now(), self.nonces.token(names.NONCE_LENGTH))
            await self._go_back(new, aside)
            await self._go_back(aside, old)
        else:
            await self._go_back(new, old)
        if not await self._is_whole(database, before):
            raise ProofFailed("its files did not come along and are not where it was before", **self._at(old))
        await self._rename(old, new)
        if not await self._is_whole(database.renamed(new), before):
            await self._go_back(new, old)
            raise ProofFailed(
                f"the host has a folder of files named {new} that keeps the database's own from moving",
                advice=f"remove filestore/{new} on the host",
                **self._at(old),
            )

    async def _go_back(self, name: str, origin: str) -> None:
        if names.parse(origin).state is NameState.BUILDING:
            await self._send_rename(name, origin, lambda: self.host.return_to_build(name, origin))
        else:
            await self._rename(name, origin)

    async def _rename(self, old: str, new: str) -> None:
        await self._send_rename(old, new, lambda: self.host.rename(old, new))

    async def _send_rename(self, old: str, new: str, send: Callable[[], Awaitable[None]]) -> None:
        """Send once; believe the list, not the answer."""
        try:
            await send()
        except UnknownOutcome as lost:
            await self._await_name(old, new, lost)
            return
        listed = await insist(self.host.listed, self.clock)
        if new not in listed or old in listed:
            raise ProofFailed(f"the host says that it renamed {old} to {new}, its list does not", **self._at(old))

    async def _await_name(self, old: str, new: str, lost: HostError) -> None:
        for _ in range(_LOOKS):
            await self.clock.sleep(_BETWEEN_LOOKS)
            try:
                listed = await self.host.listed()
            except PassingError:
                continue
            if new in listed and old not in listed:
                return
            if new not in listed and old not in listed:
                raise NoSuchDatabase(f"neither {old} nor {new} is listed", **self._at(old))
        raise UnknownOutcome(f"whether {old} was renamed to {new}: {lost.what}", **self._at(old))

    def _at(self, database: str) -> dict[str, str]:
        return {"server": self.host.server, "database": database}
