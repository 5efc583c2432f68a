"""Carries out `replace`: a backup, or what lies in the trash, takes the place of the database that an instance has."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from reconciler.core.diffs import copies, fields
from reconciler.core.model import names, verbs
from reconciler.core.model.actions import Action, Reason
from reconciler.core.model.failures import Refused
from reconciler.core.model.names import NameState
from reconciler.core.model.observed import DatabaseLook
from reconciler.core.policies import backups, claims, replacements
from reconciler.core.policies.backups import BackupSubject
from reconciler.engine import replacing, restoring
from reconciler.engine.building import set_apart
from reconciler.engine.carrying_out.ending import backed_up_first
from reconciler.engine.carrying_out.moving import awake
from reconciler.engine.carrying_out.performer import NotBegun, Performer, carries_out
from reconciler.engine.demands import Demands
from reconciler.engine.moves import Mover
from reconciler.engine.patience import insist
from reconciler.engine.replacing import Present
from reconciler.engine.restoring import RestoreSource
from schemas.backups import RestoreFrom


@carries_out(verbs.REPLACE)
async def replace(performer: Performer, action: Action) -> str:
    """Backed up where it shows that, the new one whole and proven, then the present one trash, then the new one in its place."""
    mover = performer.mover(action)
    present = await replacing.present(mover, action.database, lost=replacements.is_lost(action.changes))
    if trash := replacements.trash_in(action.changes):
        return await _from_trash(performer, action, mover, present, trash)
    if copies.is_copied(performer.desired.instances[action.code]):
        return await _from_source(performer, action, mover, present)
    return await _from_backup(performer, action, mover, present)


async def _from_source(performer: Performer, action: Action, mover: Mover, present: Present) -> str:
    """Copy what the instance is a copy of anew, wherever that rests by now."""
    spec, desired, world = action.spec, performer.desired, performer.world
    by_rhythm = action.reason is Reason.SCHEDULED
    uuid = ""
    if by_rhythm:
        look = await _made_as_copy(performer, action, mover)
        if not copies.is_due(desired.instances[action.code], look, world.clock.now()):
            return "it was made anew meanwhile"
        if copies.put_off(look, world.clock.now()):
            raise NotBegun("another run has begun it meanwhile")
        uuid = copies.made_of_uuid(look)
    source = None if copies.backup_in(action.changes) else await _source_in_service(performer, action)
    kept = await _backup_of_source(performer, action) if source is None else None
    said = await backed_up_first(performer, action)
    await world.distrust(spec.kind, spec.code, spec.server)
    room = replacing.out_of_the_way(mover, present, lambda what: performer.step(action, what))
    if by_rhythm:
        await _note_begun(performer, action, mover)
    builder, former = performer.builder(action), performer.former(action)
    template = performer.template_there(action) if kept is not None or action.origin else None
    demands = Demands(world, template, uuid)
    if source is not None:
        await restoring.copy(world, builder, spec, source, action.becomes, former, room, demands)
    elif kept is not None:
        told = await restoring.build(world, desired, builder, spec, kept, action.becomes, former, room, demands)
        said = f"{told}; {said}" if said else told
    performer.remember_verified(spec)
    return said


async def _source_in_service(performer: Performer, action: Action) -> BackupSubject:
    """Find the database that is copied, wherever it rests by now."""
    desired, server = performer.desired, action.origin or action.server
    source = desired.instances[action.spec.clone_of or ""]
    listed = await insist(performer.world.hosts[server].listed, performer.world.clock)
    forms = (source.database_name, names.suspended(source.database_name))
    found = [form for form in forms if form in listed]
    if len(found) != 1:
        what = f"instance/{source.code}, of which it is a copy, has no database in service there"
        raise Refused(what, server=server, database=action.database)
    return backups.subject_of(desired, source, server, found[0])


async def _backup_of_source(performer: Performer, action: Action) -> RestoreSource:
    """Find the backup that the action shows, and no other."""
    wanted = RestoreFrom(of=action.spec.clone_of, backup=copies.backup_in(action.changes))
    return await restoring.source_of(performer.world, performer.desired, wanted, action.code)


async def _made_as_copy(performer: Performer, action: Action, mover: Mover) -> DatabaseLook:
    """Look at what a rhythm is to replace; raise if it is not neutralized any more, or another database by now."""
    database = await insist(lambda: mover.open(action.database), performer.world.clock)
    look = await insist(database.look, performer.world.clock)
    if not fields.is_neutralized(look):
        raise Refused("it is not neutralized any more", server=action.server, database=action.database)
    if not copies.was_made(performer.desired.instances[action.code], look):
        raise Refused(copies.NO_COPY, server=action.server, database=action.database)
    return look


async def _note_begun(performer: Performer, action: Action, mover: Mover) -> None:
    """Note in the present copy that its refresh begins: if that ends this process or the host, it is not begun again at once."""
    clock = performer.world.clock
    database = await insist(lambda: mover.open(action.database), clock)
    note = copies.tried(await insist(database.look, clock), clock.now())
    await insist(lambda: database.note_restored(note), clock)


async def _from_backup(performer: Performer, action: Action, mover: Mover, present: Present) -> str:
    spec, wanted, world = action.spec, performer.desired.instances[action.code].restore_from, performer.world
    assert wanted is not None  # the command says which
    # Before the present one is backed up: that would be the latest.
    source = await restoring.source_of(world, performer.desired, wanted, spec.code)
    said = await backed_up_first(performer, action, thins_out=False)
    await world.distrust(spec.kind, spec.code, spec.server)
    now: list[str] = []

    @contextlib.asynccontextmanager
    async def room() -> AsyncIterator[None]:
        async with replacing.out_of_the_way(mover, present, lambda what: performer.step(action, what)) as trash:
            now.append(f"what was there is {trash}")
            yield

    builder, former = performer.builder(action), performer.former(action)
    told = await restoring.build(world, performer.desired, builder, spec, source, action.becomes, former, room())
    performer.remember_verified(spec)
    return "; ".join(part for part in (told, *now, said) if part)


async def _from_trash(performer: Performer, action: Action, mover: Mover, present: Present, trash: str) -> str:
    world = performer.world
    database = await insist(lambda: mover.open(trash), world.clock)
    look = await insist(database.look, world.clock)
    doubt = claims.doubt(look, action.spec, None)
    if doubt is not None or look.mark is None or look.mark.ended != trash:
        why = doubt.why if doubt else "nothing in it says that it was put there by this fleet"
        raise Refused(why, server=action.server, database=trash)
    said = await backed_up_first(performer, action)
    await world.distrust(action.kind, action.code, action.server)
    instance = performer.desired.instances[action.code]
    if copies.is_copied(instance) and copies.was_made(instance, look):  # or its rhythm would soon throw it away again
        note = copies.noted(trash, world.clock.now(), copies.made_of_uuid(look))
        await insist(lambda: database.note_restored(note), world.clock)
    await set_apart(database, world.clock, world.nonces)  # workers may remember another one under its name
    is_published = names.parse(action.becomes).state is NameState.PUBLISHED
    async with replacing.out_of_the_way(mover, present, lambda what: performer.step(action, what)) as now:
        performer.step(action, "on its way back")
        await insist(lambda: mover.host.forget_name(action.becomes), world.clock)
        await mover.travel(database, action.becomes, awake(performer, action) if is_published else None)
    return f"what was there is {now}; {said}" if said else f"what was there is {now}"
