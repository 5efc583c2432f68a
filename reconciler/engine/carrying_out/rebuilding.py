"""Carries out `rebuild`: a new version of a template is built and proven beside it, and takes its place in one swap."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping

from reconciler.core.model import verbs
from reconciler.core.model.actions import Action, Reason
from reconciler.core.model.failures import HostError, LastingError, Refused, UnknownOutcome
from reconciler.core.policies import template_versions
from reconciler.core.policies.template_versions import CLOCK_AHEAD, Rebuilding
from reconciler.engine import replacing
from reconciler.engine.carrying_out.performer import Performer, carries_out
from reconciler.engine.patience import insist
from reconciler.engine.ports import Database
from reconciler.fleet.counting import count

_SHOWN = 3
_KEPT = "edits of its text are written into it from now on; `odoo-fleet refresh {}` builds it anew all the same"


@carries_out(verbs.REBUILD)
async def rebuild(performer: Performer, action: Action) -> str:
    """Build the template anew while the present one serves; that becomes trash only if nobody has written in it meanwhile."""
    spec, clock = action.spec, performer.world.clock
    mover, at = performer.mover(action), {"server": action.server, "database": action.database}
    present = await replacing.present(mover, action.database)
    database = await insist(lambda: mover.open(action.database), clock)
    is_by_command = action.reason is Reason.DECLARED
    _, mark = await insist(database.identity, clock)
    if mark is not None and mark.made_of == template_versions.version(spec) and not is_by_command:
        return "another run has built it meanwhile"

    async def require_unaltered(held: Database) -> None:
        if not is_by_command and (found := await insist(held.altered, clock)):
            what = _in_words(found)
            await insist(lambda: held.note_rebuilding(Rebuilding(altered=what)), clock)
            raise Refused(f"{what}; nothing was replaced", advice=_KEPT.format(action.address), **at)

    await require_unaltered(database)
    await performer.world.distrust(spec.kind, spec.code, spec.server)
    now: list[str] = []

    @contextlib.asynccontextmanager
    async def room() -> AsyncIterator[None]:
        performer.forget_source(spec)
        way = replacing.out_of_the_way(mover, present, lambda what: performer.step(action, what), require_unaltered)
        async with way as trash:
            now.append(f"what was there is {trash}")
            yield

    try:
        await performer.builder(action).create_template(spec, room())
    except (LastingError, UnknownOutcome) as failed:
        await _note(performer, action, failed)
        raise
    performer.forget_source(spec)
    performer.remember_verified(spec)
    performer.remember_version(spec, template_versions.version(spec))
    return "; ".join(now)


async def _note(performer: Performer, action: Action, failed: HostError) -> None:
    """Note in the template that is still there that this version could not be built: it is not tried over and over."""
    clock, version = performer.world.clock, template_versions.version(action.spec)
    with contextlib.suppress(HostError):
        database = await performer.mover(action).open(action.database)
        look = await database.look()
        if not template_versions.read(look.rebuilding).altered:
            note = Rebuilding(failed=version, at=clock.now(), why=failed.what)
            await insist(lambda: database.note_rebuilding(note), clock)


def _in_words(found: Mapping[str, int]) -> str:
    if CLOCK_AHEAD in found:
        return "whether anybody has written in it cannot be told: its host's clock was wrong when it was built"
    most = sorted(found.items(), key=lambda each: (-each[1], each[0]))
    shown = [f"{count(number, 'row')} of {table}" for table, number in most[:_SHOWN]]
    more = f" and {count(len(most) - _SHOWN, 'more table')}" if len(most) > _SHOWN else ""
    return f"it was changed since it was built: {', '.join(shown)}{more}"
