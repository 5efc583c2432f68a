"""Carries out `create`, `clone`, `copy`, `restore`: databases that come to be."""

from __future__ import annotations

from reconciler.core.diffs import copies, fields
from reconciler.core.model import verbs
from reconciler.core.model.actions import Action
from reconciler.core.policies import backups, template_versions
from reconciler.engine import restoring
from reconciler.engine.carrying_out.performer import Performer, carries_out
from reconciler.engine.demands import Demands
from schemas.backups import RestoreFrom


@carries_out(verbs.CREATE)
async def create(performer: Performer, action: Action) -> None:
    """Create a template's database."""
    spec = action.spec
    await performer.builder(action).create_template(spec)
    performer.remember_verified(spec)
    performer.remember_version(spec, template_versions.version(spec))


@carries_out(verbs.CLONE)
async def clone(performer: Performer, action: Action) -> str:
    """Clone an instance's database from its template, and say what it is to lack that no module is."""
    spec = action.spec
    origin = performer.template_there(action)
    source = await performer.source(action, origin)
    await performer.world.distrust(spec.kind, spec.code, spec.server)
    await performer.builder(action).clone_instance(spec, origin, source, action.becomes, performer.former(action))
    performer.remember_verified(spec)
    performer.remember_version(spec, source.made_of)
    unknown = fields.unknown(spec, source.unknown, source.modules)
    return "; ".join(f"{each.field}: {each.observed} → {each.desired}" for each in unknown)


@carries_out(verbs.COPY)
async def copy(performer: Performer, action: Action) -> None:
    """Build an instance as a copy of another one, neutralized unless its text says otherwise, and publish it."""
    spec, desired = action.spec, performer.desired
    server = action.origin or action.server
    source = backups.subject_of(desired, desired.instances[spec.clone_of or ""], server, action.database)
    await performer.world.distrust(spec.kind, spec.code, spec.server)
    builder, former = performer.builder(action), performer.former(action)
    await builder.require_room(spec, former)
    demands = Demands(performer.world, performer.template_there(action)) if action.origin else None
    await restoring.copy(performer.world, builder, spec, source, action.becomes, former, None, demands)
    performer.remember_verified(spec)


@carries_out(verbs.RESTORE)
async def restore(performer: Performer, action: Action) -> str:
    """Build an instance's database from a backup, and say which one it was."""
    spec, instance, demands = action.spec, performer.desired.instances[action.code], None
    if (wanted := instance.restore_from) is None:  # a copy, of what the action shows
        wanted = RestoreFrom(of=instance.clone_of, backup=copies.backup_in(action.changes))
        demands = Demands(performer.world, performer.template_there(action))
    await performer.world.distrust(spec.kind, spec.code, spec.server)
    builder, former = performer.builder(action), performer.former(action)
    await builder.require_room(spec, former)
    performer.step(action, "looking for the backup")
    source = await restoring.source_of(performer.world, performer.desired, wanted, spec.code)
    told = await restoring.build(
        performer.world, performer.desired, builder, spec, source, action.becomes, former, None, demands
    )
    performer.remember_verified(spec)
    return told
