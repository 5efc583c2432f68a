"""Carries out `end-support`: accounts that let the operator in for a while are taken out of use."""

from __future__ import annotations

from reconciler.core.diffs import support
from reconciler.core.model import verbs
from reconciler.core.model.actions import Action
from reconciler.core.model.failures import LastingError
from reconciler.core.policies.backups import not_of
from reconciler.engine.carrying_out.performer import Performer, carries_out


@carries_out(verbs.END_SUPPORT)
async def end(performer: Performer, action: Action) -> None:
    """Take them out of use in the very database that is the document's at this moment."""
    at = {"server": action.server, "database": action.database}
    await performer.world.distrust(action.kind, action.code, action.server)
    opened = await performer.account(action).open(action.database)
    if opened is None:
        raise LastingError("it refuses the declared password and all former ones", **at)
    database, _ = opened
    uuid, mark = await database.identity()
    codes = filter(None, [action.code, performer.former(action)])  # it may be ended before it is renamed
    strange = [not_of(performer.desired.settings.code, action.kind, code, mark, uuid) for code in codes]
    if all(strange):
        raise LastingError(f"nothing is ended in it: {strange[0]}", **at)
    await database.end_support(support.ended_by(action.changes))
