"""Carries out `rename`, `suspend`, `resume`, `discard`: databases that get another name, which says another state."""

from __future__ import annotations

from reconciler.core.model import names, verbs
from reconciler.core.model.actions import Action
from reconciler.engine.building import set_apart
from reconciler.engine.carrying_out.performer import Performer, carries_out
from reconciler.engine.moves import AtLock
from reconciler.engine.patience import insist
from reconciler.engine.ports import Database


@carries_out(verbs.RENAME)
async def rename(performer: Performer, action: Action) -> None:
    """Give a database its new name, in service or out of it as before: out of reach only while it bears the lock."""
    mover = performer.mover(action)
    database = await insist(lambda: mover.open(action.database), performer.world.clock)
    await database.require_nobody_at_work()  # a rename ends whatever works in it
    # The new name may have been another database's. The number stays in this one, however it goes on from here.
    await set_apart(database, performer.world.clock, performer.world.nonces)
    await insist(lambda: mover.host.forget_name(action.becomes), performer.world.clock)
    instance = performer.desired.instances[action.code]
    former = names.parse(action.database).target
    if former not in (instance.code, instance.database_name):  # before it: another pass may finish what this one begins
        _remember_new_name(performer, former, instance.database_name, action.server)
    await mover.travel(database, action.becomes)


@carries_out(verbs.SUSPEND)
async def suspend(performer: Performer, action: Action) -> None:
    """Out of reach first, then quiet, then under its name: every point of a crash is a name that a shallow look sees."""
    await performer.world.distrust(action.kind, action.code, action.server)
    await switch(performer, action, quietly(performer, action), "taking out of reach")


@carries_out(verbs.RESUME)
async def resume(performer: Performer, action: Action) -> None:
    """Back in service; woken while nobody reaches it, unless it is to stay neutralized."""
    await performer.world.distrust(action.kind, action.code, action.server)
    await insist(lambda: performer.host(action).forget_name(action.becomes), performer.world.clock)
    await switch(performer, action, awake(performer, action), "on its way back")


@carries_out(verbs.DISCARD)
async def discard(performer: Performer, action: Action) -> None:
    """Turn a build that cannot go on to trash; the database itself says now that it was never in service."""
    mover = performer.mover(action)
    await mover.discard(await insist(lambda: mover.open(action.database), performer.world.clock))


async def switch(performer: Performer, action: Action, at_lock: AtLock | None, step: str, goal: str = "") -> None:
    """Take a database, in which nobody is at work, through the lock to its new name: `goal`, or what the action shows."""
    mover = performer.mover(action)
    database = await insist(lambda: mover.open(action.database), performer.world.clock)
    await database.require_nobody_at_work()  # a rename ends whatever works in it
    performer.step(action, step)
    await mover.travel(database, goal or action.becomes, at_lock)


def _remember_new_name(performer: Performer, former: str, target: str, server: str) -> None:
    """The former code's database is the new one now: should the rename be reverted in the text, nothing empty is made."""
    now, memory = performer.world.clock.now(), performer.world.memory
    performer.world.note(lambda: memory.verified("instance", former, server, target, "", now))


def quietly(performer: Performer, action: Action) -> AtLock:
    """Return what holds the scheduled actions of a database back while nobody reaches it."""

    async def quiet(database: Database) -> None:
        performer.step(action, "holding scheduled actions back")
        await insist(database.quiesce, performer.world.clock)

    return quiet


def awake(performer: Performer, action: Action) -> AtLock:
    """Return what lets the scheduled actions of a database go again while nobody reaches it."""
    spec = action.spec

    async def wake(database: Database) -> None:
        if not spec.sleeps:
            performer.step(action, "waking scheduled actions")
            await insist(database.wake, performer.world.clock)

    return wake
