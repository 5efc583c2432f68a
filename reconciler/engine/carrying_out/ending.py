"""Carries out `end` and `untrash`: out of service into the trash, and back from there."""

from __future__ import annotations

from reconciler.core.model import names, verbs
from reconciler.core.model.actions import Action
from reconciler.core.policies import backups
from reconciler.engine import backing_up
from reconciler.engine.carrying_out.moving import quietly, switch
from reconciler.engine.carrying_out.performer import Performer, carries_out
from reconciler.engine.patience import insist


@carries_out(verbs.END)
async def end(performer: Performer, action: Action) -> str:
    """Backed up where it shows that, out of reach, quiet, noted as ended, then trash: only what is noted in it is dropped."""
    said = await backed_up_first(performer, action)
    if action.code in performer.desired.instances:  # of a removed document is kept by which text it was applied last
        await performer.world.distrust(action.kind, action.code, action.server)
    trash = names.trash(names.parse(action.database).target, performer.world.clock.now())
    await switch(performer, action, quietly(performer, action), "taking out of reach", trash)
    if action.code in performer.desired.instances:
        performer.remember_verified(action.spec)
    return said


async def backed_up_first(performer: Performer, action: Action, *, thins_out: bool = True) -> str:
    """Make the backup that an action shows, and say which it is; nothing where it shows none.

    It thins older ones out as its policy says, but not where one of those is what comes next.
    """
    if all(change.field != backups.FIELD for change in action.changes):
        return ""
    performer.step(action, "backing up")
    instance = performer.desired.instances[action.code]
    declared = backups.policy(performer.desired, instance)
    target = backups.target_of(performer.desired, declared)
    assert target is not None  # or else the action was blocked
    subject = backups.subject_of(performer.desired, instance, action.server, action.database)
    keep = backups.keep_of(declared) if thins_out else None
    kept = await backing_up.back_up(performer.world, performer.desired.settings.code, subject, target, keep)
    more = f"; older ones were not thinned out: {kept.not_thinned}" if kept.not_thinned else ""
    return f"backed up as {kept.entry.id} in {target}{more}"


@carries_out(verbs.RETURN)
async def untrash(performer: Performer, action: Action) -> None:
    """Back from the trash to where it is suspended: quiet still, and on its way to wherever its text wants it."""
    await performer.world.distrust(action.kind, action.code, action.server)
    await insist(lambda: performer.host(action).forget_name(action.becomes), performer.world.clock)
    await switch(performer, action, None, "bringing it back")
