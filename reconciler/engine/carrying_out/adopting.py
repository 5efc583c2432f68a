"""Carries out `adopt`: a database that this fleet did not make is taken over with all that is in it."""

from __future__ import annotations

from dataclasses import replace

from reconciler.core.diffs import fields
from reconciler.core.model import names, verbs
from reconciler.core.model.actions import Action
from reconciler.core.model.failures import PasswordRefused, ProofFailed, Refused
from reconciler.core.model.observed import Access, DatabaseLook
from reconciler.core.policies import claims
from reconciler.engine.accounts import Account
from reconciler.engine.carrying_out.performer import Performer, carries_out
from reconciler.engine.patience import insist
from reconciler.engine.ports import Database
from reconciler.engine.verifying import require_verified


@carries_out(verbs.ADOPT)
async def adopt(performer: Performer, action: Action) -> None:
    """Take a database over: mark and password are written in one transaction, and proven by a fresh login and a look."""
    spec, account = action.spec, performer.account(action)
    at = {"server": action.server, "database": action.database}
    await performer.world.distrust(spec.kind, spec.code, spec.server)
    performer.step(action, "taking over")
    database = await insist(lambda: _take_over(performer, action, account), performer.world.clock)
    if not await account.host.accepts(action.database, spec.admin_login, account.password()):
        raise ProofFailed("the declared password is not taken", **at)
    look = await insist(database.look, performer.world.clock)
    state = names.parse(action.database).state
    if doubt := claims.doubt(look, spec, None):
        raise ProofFailed(doubt.why, advice=doubt.advice, **at)
    if look.mark is not None and look.mark.digest:  # or else what is left to be done follows
        require_verified(spec, look, state, at)
        performer.remember_verified(spec)


async def _take_over(performer: Performer, action: Action, account: Account) -> Database:
    """Look once more, and take over what is nobody's yet; what was taken over unheard, or by another run, is left."""
    spec, at = account.spec, {"server": action.server, "database": action.database}
    found = await account.find(action.database)
    if found is None:
        shut = claims.doubt(DatabaseLook(action.database, Access.REFUSED), spec, None)
        assert shut is not None  # what refuses all passwords is always doubted
        raise PasswordRefused(shut.why, advice=shut.advice, **at)
    look = await found.database.look()
    if doubt := claims.objection(look, spec, None) or claims.others_work(look, performer.world.clock.now()):
        raise Refused(doubt.why, advice=doubt.advice, **at)
    if look.mark is not None:
        return found.database
    state = names.parse(action.database).state
    differing = fields.differences(spec, look, state)
    is_all, quiet = all(map(fields.is_adopted, differing)), any(c.desired == fields.QUIET for c in differing)
    mark = replace(claims.mark_for(spec, look.uuid, performer.version(action)), in_service=True)
    password = None if found.access is Access.CURRENT else account.password()
    return await found.database.adopt(spec, mark if is_all else replace(mark, digest=""), password, quiet=quiet)
