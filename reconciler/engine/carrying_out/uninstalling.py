"""Carries out `uninstall`: backed up where it shows that, and nothing goes that it does not show."""

from __future__ import annotations

from reconciler.core.diffs import uninstalls
from reconciler.core.model import module_operations, names, verbs
from reconciler.core.model.actions import Action
from reconciler.core.model.failures import PassingError, ProofFailed, Refused
from reconciler.core.model.module_versions import UpgradeNote
from reconciler.core.model.names import NameState
from reconciler.core.policies import claims
from reconciler.engine.carrying_out.ending import backed_up_first
from reconciler.engine.carrying_out.performer import Performer, carries_out
from reconciler.engine.patience import insist


@carries_out(verbs.UNINSTALL)
async def uninstall(performer: Performer, action: Action) -> str:
    """Uninstall what the text names, with all that depends on it, unless by now something goes along that was not shown."""
    clock, spec = performer.world.clock, action.spec
    at = {"server": action.server, "database": action.database}
    database = await insist(lambda: performer.mover(action).open(action.database), clock)
    look = await insist(database.look, clock)
    busy = claims.others_work(look, clock.now())
    if (doubt := claims.doubt(look, spec, performer.former(action)) or busy) is not None:
        raise Refused(doubt.why, advice=doubt.advice, **at)
    absent = [name for name in spec.modules_absent if name in look.modules]
    going = uninstalls.names_shown(action.changes)
    said = await backed_up_first(performer, action)
    await performer.world.distrust(action.kind, action.code, action.server)
    performer.step(action, "uninstalling modules")
    note = UpgradeNote(clock.now(), look.uuid, dict.fromkeys(sorted(going), ""))
    await insist(lambda: database.uninstall(absent, note), clock, (PassingError,))
    if names.parse(action.database).state is not NameState.PUBLISHED:
        await insist(database.quiesce, clock)
    look = await insist(database.look, clock)
    if left := sorted(name for name in going if name in look.modules):
        raise ProofFailed(f"modules {', '.join(left)} are there again", **at)
    if half := module_operations.pending(look.modules):
        raise ProofFailed(f"modules {', '.join(half)} are half-way", **at)
    return said
