"""Carries out `move`: a database goes on on another server."""

from __future__ import annotations

from dataclasses import replace

from reconciler.core.model import names, verbs
from reconciler.core.model.actions import Action
from reconciler.core.model.names import NameState
from reconciler.core.policies import backups
from reconciler.engine.carrying_out.moving import awake
from reconciler.engine.carrying_out.performer import Performer, carries_out
from reconciler.engine.server_moves import KeptSource, ServerMove


@carries_out(verbs.MOVE)
async def move(performer: Performer, action: Action) -> str:
    """Move it, and remember that it is where its text says."""
    world, desired, spec = performer.world, performer.desired, action.spec
    there = replace(action, server=action.origin)
    instance = desired.instances[action.code]
    declared = backups.policy(desired, instance) if _shows_a_backup(action) else None
    target = backups.target_of(desired, declared) if declared is not None else None
    is_published = names.parse(action.becomes).state is NameState.PUBLISHED
    for server in action.servers:
        await world.distrust(spec.kind, spec.code, server)
    said = await ServerMove(
        world,
        performer.mover(there),
        performer.builder(action),
        backups.subject_of(desired, instance, action.origin, names.suspended(spec.target)),
        spec,
        action.becomes,
        awake(performer, action) if is_published else None,
        KeptSource(target, backups.keep_of(declared)) if target is not None else None,
        lambda what: performer.step(action, what),
    ).run(action.database)
    performer.remember_verified(spec)
    return said


def _shows_a_backup(action: Action) -> bool:
    return any(change.field == backups.FIELD for change in action.changes)
