"""Moves an instance's database to another server: see `core.diffs.server_moves` for the way, and for what each crash leaves.

The source is suspended first, so that nothing is written that does not come along; what was packed is proven on the other
server; then the source stays behind, and only then what was built goes into service. No two of these steps can be exchanged. If
one fails, the source is back in service at once.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from reconciler.core.diffs.server_moves import Moved
from reconciler.core.model import names
from reconciler.core.model.failures import HostError, Refused
from reconciler.core.model.specs import DatabaseSpec
from reconciler.core.policies import backups
from reconciler.core.policies.backups import BackupSubject
from reconciler.engine import backing_up
from reconciler.engine.accounts import Account
from reconciler.engine.building import Builder
from reconciler.engine.moves import AtLock, Mover
from reconciler.engine.patience import insist
from reconciler.engine.ports import Database
from reconciler.engine.restoring import unpacked
from reconciler.engine.worlds import World
from schemas.backups import Keep


@dataclass(frozen=True, slots=True)
class KeptSource:
    """Where what is packed for a move is kept as a backup too, and how many are."""

    target: str
    keep: Keep | None


@dataclass(slots=True)
class ServerMove:
    """One move.

    Args:
        world: the ports.
        mover: moves the databases of the server that it leaves.
        builder: builds on the server where it goes on.
        source: the database as it is packed: suspended.
        spec: what it is to be there.
        becomes: the name that it is to bear there.
        awake: what wakes it again where it was, if the move fails; None where it is to stay suspended.
        backup: where it is kept as a backup too, if it is.
        step: is told what goes on.
    """

    world: World
    mover: Mover
    builder: Builder
    source: BackupSubject
    spec: DatabaseSpec
    becomes: str
    awake: AtLock | None
    backup: KeptSource | None
    step: Callable[[str], None]
    left: list[str] = field(default_factory=list)

    async def run(self, name: str) -> str:
        """Move what bears a name there now; return what is to be known of it.

        Raises:
            HostError: it is not moved, and where that is sure it is back as it was.
            StorageFailure, SecretUnavailable: the same.
        """
        mover, clock = self.mover, self.world.clock
        await self.builder.require_room(self.spec, None)
        if self.backup is not None:
            backing_up.targets_of(self.world).open(self.backup.target)  # while nobody is out of reach yet
        database, uuid = await self._opened(name)
        await database.require_nobody_at_work()  # a rename ends whatever works in it
        if names.parse(name).state in names.IN_SERVICE:
            size = (await insist(database.inside, clock)).bytes
            await mover.host.require_way_to_suspended(name, size)
        try:
            said = await self._carry(database, uuid)
        except (
            Exception
        ) as failed:  # whatever runs on the other server now, it is not in service before it is looked for there
            if await self._is_back(uuid) and isinstance(failed, HostError):
                failed.what += f"; it is back on {self.source.server} as it was"
            raise
        await self._note_arrival()
        return "; ".join(filter(None, [f"what was on {self.source.server} is {self.left[0]} there", said]))

    async def _carry(self, database: Database, uuid: str) -> str:
        mover, world, clock, server = self.mover, self.world, self.world.clock, self.source.server
        if database.name != self.source.database:
            self.step("taking out of reach")
            database = await mover.travel(database, self.source.database, self._quiet)
        await self._quiet(database)
        await insist(database.note_in_service, clock)
        packed_for = f"{self.spec.server} {world.nonces.token(names.NONCE_LENGTH)}"
        await insist(lambda: database.note_leaving(packed_for), clock)
        with tempfile.TemporaryFile() as spool:
            self.step(f"packing on {server}")
            packed = await backing_up.pack(world, self.source, spool)
            said = ""
            if self.backup is not None:
                self.step("keeping a backup")
                fleet, target, keep = self.spec.fleet, self.backup.target, self.backup.keep
                kept = await backing_up.store(world, fleet, self.source, target, keep, packed, spool)
                said = f"backed up as {kept.entry.id} in {target}"
            self.step(f"unpacking on {self.spec.server}")
            origin = f"{self.source.address} on {server}"
            own, spec = Account(world.hosts[self.spec.server], self.spec, world.secrets, clock), self.spec
            async with unpacked(
                world,
                spool,
                packed.archive,
                origin,
                spec,
                [own],
                neutralize=spec.neutralize,
                is_copy=False,
                limit=self.builder.limits.clone,
            ) as build:
                room, moved = self._left_behind(uuid, packed_for), Moved(server, uuid)
                await self.builder.take_in(build, self.spec, self.becomes, None, room, moved)
        return said

    @contextlib.asynccontextmanager
    async def _left_behind(self, uuid: str, packed_for: str) -> AsyncIterator[None]:
        """Have the source stay behind, just before what was built of it goes into service."""
        self.step(f"leaving {self.source.server}")
        database, now = await self._opened(self.source.database)
        if now != uuid:
            raise Refused("another database bears the name by now", server=self.source.server, database=database.name)
        await self.mover.leave(database, packed_for, self.spec.server, self._quiet, self.left)
        yield

    async def _note_arrival(self) -> None:
        """Note in what stayed behind that it was overtaken; if that does not go, its drop asks what is in service."""
        with contextlib.suppress(HostError):
            left = await insist(lambda: self.mover.open(self.left[0]), self.world.clock)
            await insist(lambda: left.note_ended(left.name), self.world.clock)

    async def _is_back(self, uuid: str) -> bool:
        """Bring the source back to where it was to be; tell whether it is there."""
        mover, clock, target = self.mover, self.world.clock, self.spec.target
        final = target if self.awake is not None else names.suspended(target)
        with contextlib.suppress(HostError, StopIteration):
            listed = await insist(mover.host.listed, clock)
            ways = (*self.left, names.switching(target), names.suspended(target), target)
            database, now = await self._opened(next(name for name in ways if name in listed))
            if now != uuid:
                return False
            if database.name != final:
                await insist(lambda: mover.host.forget_name(final), clock)
                await mover.travel(database, final, self.awake)
            return True
        return False

    async def _opened(self, name: str) -> tuple[Database, str]:
        database = await insist(lambda: self.mover.open(name), self.world.clock)
        uuid, mark = await insist(database.identity, self.world.clock)
        spec = self.mover.account.spec
        if stranger := backups.not_of(spec.fleet, spec.kind, spec.code, mark, uuid):
            raise Refused(f"it is not moved: {stranger}", server=self.source.server, database=name)
        return database, uuid

    async def _quiet(self, database: Database) -> None:
        await insist(database.quiesce, self.world.clock)
