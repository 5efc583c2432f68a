"""Carries out `upgrade`: backed up where it shows that, noted in the database, upgraded, proven, and only then noted as done.

What stays noted says what became of an upgrade that was not proven: with a reason that it failed, without one that whoever began
it did not live to see its end.
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

from reconciler.core.model import module_operations, names, verbs
from reconciler.core.model.actions import Action
from reconciler.core.model.failures import LastingError, PassingError, ProofFailed, Refused, UnknownOutcome
from reconciler.core.model.module_versions import UpgradeNote
from reconciler.core.model.names import NameState
from reconciler.core.model.observed import DatabaseLook
from reconciler.core.policies import claims, upgrades
from reconciler.engine.carrying_out.ending import backed_up_first
from reconciler.engine.carrying_out.performer import NotBegun, Performer, carries_out
from reconciler.engine.neutral import kept_neutral
from reconciler.engine.patience import insist
from reconciler.engine.ports import Database
from reconciler.health.login_pages import login_url

_EVERYTHING = "base"
"""What all modules depend on: upgraded with all of them where newer code has broken a database and no version tells which."""

_SOON = 5.0
"""Seconds until a login page is asked for once more: a worker may be loading the new models."""


@carries_out(verbs.UPGRADE)
async def upgrade(performer: Performer, action: Action) -> str:
    """Upgrade a database's modules to its host's code, unless too many upgrades of this run have failed by now."""
    if action.may_fail is not None and len(performer.failed_upgrades) > action.may_fail:
        some = ", ".join(sorted(performer.failed_upgrades))
        raise NotBegun(f"the rollout has stopped: the upgrade of {some} failed")
    clock, at = performer.world.clock, {"server": action.server, "database": action.database}
    database = await insist(lambda: performer.mover(action).open(action.database), clock)
    look = await insist(database.look, clock)
    _require_as_shown(performer, action, look, at)
    said = await backed_up_first(performer, action)
    await performer.world.distrust(action.kind, action.code, action.server)
    had_page = await _has_login_page(performer, action)
    to = dict(look.upgrading.to) if look.upgrading and not look.behind else {}
    if wanted := [each.module for each in look.behind] or ([_EVERYTHING] if look.broken else []):
        to = dict(await insist(lambda: database.prepare_upgrade(wanted), clock))
    begun = look.upgrading.tries if look.upgrading and not look.upgrading.why else 0
    note = UpgradeNote(clock.now(), look.uuid, to, begun + 1)
    performer.step(action, "upgrading modules")
    await insist(lambda: database.note_upgrade(note), clock)
    try:
        async with kept_neutral(action.spec, database, clock, broken=bool(look.broken)):
            if wanted or module_operations.pending(look.modules):
                await insist(lambda: database.upgrade(to), clock, (PassingError,))
            await _settle(performer, action, database)
        await _prove(performer, action, database, to, had_page=had_page)
    except UnknownOutcome:
        performer.failed_upgrades.add(action.address)
        raise
    except LastingError as error:
        performer.failed_upgrades.add(action.address)
        failed = replace(note, why=error.what, undone=not isinstance(error, ProofFailed))
        await insist(lambda: database.note_upgrade(failed), clock)
        kept = f"{said}; " if said else ""
        error.advice = f"{kept}{_MENDED.format(action.address)}" + (f" ({error.advice})" if error.advice else "")
        raise
    if action.kind == "template":
        await insist(database.note_upgraded, clock)
    await insist(lambda: database.note_upgrade(replace(note, at=clock.now()), proven=True), clock)
    return said


_MENDED = "once that is mended, `odoo-fleet apply --target {}` tries again"


def _require_as_shown(performer: Performer, action: Action, look: DatabaseLook, at: dict[str, str]) -> None:
    if (doubt := claims.doubt(look, action.spec, performer.former(action))) is not None:
        raise Refused(doubt.why, advice=doubt.advice, **at)
    if (others := claims.others_work(look, performer.world.clock.now())) is not None:
        raise Refused(others.why, advice=others.advice, **at)
    shown = {c for c in action.changes if c.field.startswith(upgrades.MODULE)}
    if performer.exactly and shown != set(upgrades.shown(look.behind)):
        raise Refused("by now other modules are behind than was saved", advice="save a new plan", **at)


async def _settle(performer: Performer, action: Action, database: Database) -> None:
    """Modules bring scheduled actions: what must be quiet is made quiet again."""
    if action.kind == "template" or names.parse(action.database).state is not NameState.PUBLISHED:
        await insist(database.quiesce, performer.world.clock)


async def _prove(
    performer: Performer, action: Action, database: Database, to: dict[str, str], *, had_page: bool
) -> None:
    at = {"server": action.server, "database": action.database}
    look = await insist(database.look, performer.world.clock)
    if look.broken:
        raise ProofFailed(f"nobody can work in it after its upgrade: {look.broken}", **at)
    if half := module_operations.pending(look.modules):
        raise ProofFailed(f"after its upgrade modules {', '.join(half)} are half-way", **at)
    if left := [each for each in look.behind if each.module in to]:
        raise ProofFailed(f"after its upgrade it is still behind: {upgrades.in_words(left)}", **at)
    if not had_page or await _has_login_page(performer, action):
        return
    await performer.world.clock.sleep(_SOON)
    if not await _has_login_page(performer, action):
        raise ProofFailed("its login page, which was there before its upgrade, does not answer any more", **at)


async def _has_login_page(performer: Performer, action: Action) -> bool:
    """Tell whether customers get the login page of a database in service; False where they are not asked to."""
    pages, instance = performer.world.pages.get(action.server), performer.desired.instances.get(action.code)
    if pages is None or action.kind != "instance" or instance is None:
        return False
    if names.parse(action.database).state is not NameState.PUBLISHED:
        return False
    url = login_url(instance, performer.desired.servers[action.server])
    answer = await pages.fetch(url) if url else None
    return answer is not None and answer.has_login_form and answer.status == HTTPStatus.OK
