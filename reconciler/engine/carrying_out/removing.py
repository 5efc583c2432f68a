"""Carries out `sweep` and `drop`. What may be dropped is judged in `engine.dropping` alone, at that very moment."""

from __future__ import annotations

from reconciler.core.model import verbs
from reconciler.core.model.actions import Action
from reconciler.core.model.failures import UnknownOutcome
from reconciler.engine import dropping
from reconciler.engine.carrying_out.performer import Performer, carries_out
from reconciler.engine.dropping import Drop


@carries_out(verbs.SWEEP)
async def sweep(performer: Performer, action: Action) -> None:
    """Drop an unfinished build, after a look inside at this very moment."""
    await _drop_by(performer, action, dropping.drop_expired_build)


@carries_out(verbs.DROP)
async def drop(performer: Performer, action: Action) -> None:
    """Drop trash, after a look inside and at the text at this very moment."""
    await _drop_by(performer, action, dropping.drop_trash)


async def _drop_by(performer: Performer, action: Action, drop: Drop) -> None:
    host, name = performer.host(action), action.database
    if name not in await host.listed():
        return
    try:
        await drop(performer.desired, performer.world, host, name)
    except UnknownOutcome:
        await performer.world.clock.sleep(5.0)
    if name in await host.listed():
        raise UnknownOutcome("the host still lists it", server=action.server, database=name)
