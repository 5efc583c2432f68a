"""Carries out `configure`: what differs is applied, kind of field by kind of field, and proven by a fresh look."""

from __future__ import annotations

from dataclasses import replace

from reconciler.core.diffs import fields
from reconciler.core.model import names, verbs
from reconciler.core.model.actions import Action
from reconciler.core.model.failures import Refused
from reconciler.core.model.names import NameState
from reconciler.core.model.observed import DatabaseLook
from reconciler.core.model.settings import SETTINGS
from reconciler.core.model.specs import DatabaseSpec
from reconciler.core.policies import claims
from reconciler.engine.accounts import Account
from reconciler.engine.carrying_out.performer import Performer, carries_out
from reconciler.engine.neutral import kept_neutral
from reconciler.engine.patience import insist
from reconciler.engine.ports import Database
from reconciler.engine.verifying import require_verified

_ROUNDS = 3
"""How often a configuration is applied when a fresh look still differs (a call whose answer was lost, an edit meanwhile)."""


@carries_out(verbs.CONFIGURE)
async def configure(performer: Performer, action: Action) -> str:
    """Apply what differs by now, in rounds, and write the mark last; what was not shown is said, or refused."""
    spec, account = action.spec, performer.account(action)
    await performer.world.distrust(spec.kind, spec.code, spec.server)
    state = names.parse(action.database).state
    database = await insist(lambda: performer.mover(action).open(action.database), performer.world.clock)
    at = {"server": action.server, "database": action.database}
    look = await insist(database.look, performer.world.clock)
    busy = claims.others_work(look, performer.world.clock.now())
    if (doubt := claims.doubt(look, spec, performer.former(action)) or busy) is not None:
        raise Refused(doubt.why, advice=doubt.advice, **at)
    more = ", ".join(fields.not_shown(action.changes, fields.differences(spec, look, state)))
    if more and performer.exactly:
        raise Refused(f"by now {more} differs otherwise than was saved", advice="save a new plan", **at)
    for _ in range(_ROUNDS):
        if look.mark is None or look.mark.digest:
            await insist(database.clear_digest, performer.world.clock)
        if all(c.field.startswith("mark.") for c in fields.differences(spec, look, state)):
            break
        database = await _apply_fields(performer, action, account, database, look, state)
        look = await insist(database.look, performer.world.clock)
    mark = claims.mark_for(spec, look.uuid, performer.version(action))
    if look.mark is not None and look.mark.owner and not _is_adopted(performer, action):
        mark = replace(mark, owner=look.mark.owner)
    if look.mark is not None and look.mark.protected and not spec.protected:
        mark = replace(mark, protected=False)
    if look.mark is not None and look.mark.in_service:  # a template that was taken over is no build of ours
        mark = replace(mark, in_service=True)
    if look.mark is not None:
        mark = replace(mark, made_of=look.mark.made_of)
    await insist(lambda: database.write_mark(mark), performer.world.clock)
    _, written = await insist(database.identity, performer.world.clock)
    require_verified(spec, replace(look, mark=written), state, at)
    performer.remember_verified(spec)
    return f"{more} had come to differ otherwise than was shown, and is as declared too" if more else ""


async def _apply_fields(
    performer: Performer, action: Action, account: Account, database: Database, look: DatabaseLook, state: NameState
) -> Database:
    """Apply what differs now, kind of field by kind of field."""
    spec, clock = account.spec, performer.world.clock
    changed = {c.field.partition(".")[0] for c in fields.differences(spec, look, state)}
    if "files" in changed and look.mark is not None:
        performer.step(action, "bringing its files along")
        await performer.mover(action).settle(database)
    if "admin_login" in changed:
        password = account.password()
        database = await insist(lambda: database.set_credentials(spec.admin_login, password), clock)
    if changed & {"languages", "parameters", *SETTINGS}:
        performer.step(action, "settings")
        await insist(lambda: database.apply_settings(spec), clock)
    if "server_actions" in changed:
        await insist(database.remove_server_actions, clock)
    if changed & {"modules", "asleep"}:
        performer.step(action, "modules")
        async with kept_neutral(spec, database, clock):
            await insist(lambda: database.install(spec.modules), clock)
            await insist(lambda: database.apply_settings(spec), clock)
        if "asleep" in changed and not spec.neutralize:
            await insist(database.let_go, clock)
    await _set_schedule(performer, spec, database, state, changed)
    return database


async def _set_schedule(
    performer: Performer, spec: DatabaseSpec, database: Database, state: NameState, changed: set[str]
) -> None:
    """Modules bring active scheduled actions, so what must be quiet is made quiet after them as well."""
    quiet = spec.kind == "template" or state is NameState.SUSPENDED
    if quiet and changed & {"schedule", "modules"}:
        await insist(database.quiesce, performer.world.clock)
    elif not quiet and state is NameState.PUBLISHED and "schedule" in changed:
        await insist(database.wake, performer.world.clock)


def _is_adopted(performer: Performer, action: Action) -> bool:
    return action.kind == "instance" and performer.desired.instances[action.code].adopt is not None
