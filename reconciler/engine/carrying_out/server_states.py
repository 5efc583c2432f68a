"""Carries out what becomes of a server: `activate`, `set-maintenance`, `disable`."""

from __future__ import annotations

from reconciler.core.model import checks, verbs
from reconciler.core.model.actions import Action
from reconciler.core.model.failures import LastingError
from reconciler.engine.carrying_out.performer import Performer, carries_out


@carries_out(verbs.ACTIVATE)
async def activate(performer: Performer, action: Action) -> None:
    """Put a server to use, if all that is asked of one holds."""
    found = checks.failures(await performer.host(action).check())
    if found:
        text = "; ".join(f"{c.name}: {c.seen}" for c in found)
        raise LastingError(text, server=action.server, advice=next((c.advice for c in found if c.advice), ""))
    _remember_state(performer, action)


@carries_out(verbs.MAINTAIN, verbs.DISABLE)
async def note_state(performer: Performer, action: Action) -> None:
    """Remember the declared state; nothing is done to the host."""
    _remember_state(performer, action)


def _remember_state(performer: Performer, action: Action) -> None:
    state = performer.desired.servers[action.server].state
    performer.world.note(lambda: performer.world.memory.server_state(action.server, state))
