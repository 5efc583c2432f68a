"""Puts a proven database in the place of the one that bears its name: that becomes trash, and can come back from there.

    the new one is whole and proven, under a building name (or rests in the trash)
    the present one: opened, its own mark read once more  ─▶ out of reach, quiet, noted as replaced ─▶ trash
    the new one  ─▶ through the lock into service

Whatever dies, one of the two is in service after the next pass: the present one, as long as the new one does not bear the
lock, and it comes back from the trash for that; the new one from then on. Never both, since one name is the lock of both.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from reconciler.core.model import names
from reconciler.core.model.failures import HostError, Refused, UnknownOutcome
from reconciler.core.model.names import NameState
from reconciler.core.policies import backups
from reconciler.engine.moves import AtLock, Mover
from reconciler.engine.patience import insist
from reconciler.engine.ports import Database


@dataclass(frozen=True, slots=True)
class Present:
    """The database that bears a name when its replacement begins: the name, and its own uuid, empty where that is lost."""

    name: str
    uuid: str


async def present(mover: Mover, name: str, *, lost: bool = False) -> Present:
    """Open what is to be replaced, before anything is built for that.

    Args:
        mover: moves the databases of this document.
        name: what it is called now.
        lost: whether it is known that nobody can log in to it any more, and by memory that it is the document's.

    Raises:
        HostError: it does not open, or is not the document's.
    """
    if lost and await mover.host.is_half_made(name):
        return Present(name, "")
    _, uuid = await _opened(mover, name)
    return Present(name, uuid)


@contextlib.asynccontextmanager
async def out_of_the_way(
    mover: Mover, was: Present, step: Callable[[str], None], require: AtLock | None = None
) -> AsyncIterator[str]:
    """Turn the database that is replaced to trash while another one is published under its name, in the body.

    If the body fails it comes back; where that fails too, or the process dies, the next pass brings it back.

    Args:
        mover: moves the databases of this document.
        was: what `present` found; nothing happens if another one bears the name by now.
        step: is told what goes on.
        require: raises why it is not replaced after all, when nobody can reach it any more.

    Yields:
        The trash name that it has then.

    Raises:
        HostError: it is not out of the way.
    """
    if not was.uuid:
        step("putting what cannot be opened away")
        trash = await mover.new_trash(names.parse(was.name).target)
        await mover.give_up(was.name, trash)
        yield trash
        return
    database, uuid = await _opened(mover, was.name)
    if uuid != was.uuid:
        raise Refused("another database bears the name by now", server=mover.host.server, database=was.name)
    await database.require_nobody_at_work()  # a rename ends whatever works in it
    trash = await mover.new_trash(names.parse(was.name).target)

    async def quiet(held: Database) -> None:
        step("holding scheduled actions back")
        await insist(held.quiesce, mover.clock)
        if require is not None:
            await require(held)

    try:
        step("taking the present one out of reach")
        await mover.travel(database, trash, quiet, replaced=True)
        yield trash
    except UnknownOutcome:
        raise  # what runs there now is not known; the next pass looks
    except Exception as failed:
        if await _is_back(mover, was, trash) and isinstance(failed, HostError):
            failed.what += "; what was there before is back in its place"
        raise


async def _is_back(mover: Mover, was: Present, trash: str) -> bool:
    """Bring back what was replaced by nothing; tell whether it bears its name now."""
    spec = mover.account.spec

    async def awake(database: Database) -> None:
        if not spec.sleeps:
            await insist(database.wake, mover.clock)

    with contextlib.suppress(HostError, StopIteration):
        listed = await insist(mover.host.listed, mover.clock)
        ways = (trash, names.switching(names.parse(was.name).target), was.name)
        found = next(name for name in ways if name in listed)
        database, uuid = await _opened(mover, found)
        if uuid == was.uuid and found != was.name:
            await insist(lambda: mover.host.forget_name(was.name), mover.clock)
            is_published = names.parse(was.name).state is NameState.PUBLISHED
            await mover.travel(database, was.name, awake if is_published else None)
        return uuid == was.uuid
    return False


async def _opened(mover: Mover, name: str) -> tuple[Database, str]:
    """Open a database of the mover's document; return it with its uuid."""
    spec = mover.account.spec
    database = await insist(lambda: mover.open(name), mover.clock)
    uuid, mark = await insist(database.identity, mover.clock)
    if stranger := backups.not_of(spec.fleet, spec.kind, spec.code, mark, uuid):
        raise Refused(f"it is not replaced: {stranger}", server=mover.host.server, database=name)
    return database, uuid
