"""Uninstalls modules with all that depends on them: Odoo does it in one transaction, once their states are committed.

What was cut short is either all there or all gone. Where it is all there, the states that are left are reset and it is pressed
anew: 19 refuses every operation beside them, and up to 18 the next one of whoever goes on with them unasked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime

from reconciler.core.model import module_operations
from reconciler.core.model.failures import HostError, LacksColumn, ProofFailed, Refused, UnknownOutcome
from reconciler.core.model.module_operations import TO_REMOVE
from reconciler.core.model.module_versions import UpgradeNote, note_text
from reconciler.core.model.observed import NOTED_REMOVAL
from reconciler.odoo import module_states, versions
from reconciler.odoo.apply import signals
from reconciler.odoo.apply.marks import remove_parameters, write_parameters
from reconciler.odoo.apply.modules import require_nobody_else, until_ended
from reconciler.odoo.connection import DatabaseSession
from reconciler.odoo.module_states import MODEL

_POLL_SECONDS = 2.0
_QUIET_POLLS = 8
"""So long an uninstall that was found half-way may go on; should it take longer, the reset makes it fail, which undoes it."""


async def uninstall(
    session: DatabaseSession,
    modules: Collection[str],
    note: UpgradeNote,
    now: Callable[[], datetime],
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    """Uninstall what of these modules is installed, with all that depends on it; a fresh look proves it.

    Args:
        session: the database, in which it is noted as long as it lasts.
        modules: what is to go; empty to reset only what was left half-way.
        note: all that may go.
        now: the time of day.
        sleep: waits.

    Raises:
        Refused: somebody else is at work on its modules, or more would go; nothing changed.
        PassingError, LastingError: Odoo refused it, or undid it; nothing changed.
        ProofFailed: the host answered, and modules are still there, or half-way.
        UnknownOutcome: no answer came, and it did not end within its limit.
    """
    await require_nobody_else(session, now())
    await _reset(session, sleep)
    if ids := await _present(session, modules):
        await write_parameters(session, {NOTED_REMOVAL: note_text(note)})
        await require_nobody_else(session, now())  # who begins now finds the note, who has begun is found
        await _require_no_more(session, modules, note.to.keys())
        await _press(session, ids, note.to.keys(), sleep)
    else:  # whoever began it may not have lived to tell the workers
        await signals.tell_once_they_know(session, sleep)
        await signals.until_nobody_asks_for_what_is_gone(session, sleep)
    await remove_parameters(session, [NOTED_REMOVAL])


async def _require_no_more(session: DatabaseSession, modules: Collection[str], noted: Collection[str]) -> None:
    """Find out at the last moment that nothing goes but what is noted: Odoo takes along whatever depends on it by then."""
    states = await module_states.read_states(session)
    going = {*modules, *await module_states.read_dependants(session, modules)} & states.keys()
    if more := sorted(going - set(noted)):
        await remove_parameters(session, [NOTED_REMOVAL])
        what = f"by now {', '.join(more)} would be uninstalled too, which was not shown"
        raise Refused(
            what, server=session.connection.server, database=session.database, advice="look at the plan of now"
        )


async def _press(
    session: DatabaseSession, ids: Sequence[int], going: Collection[str], sleep: Callable[[float], Awaitable[None]]
) -> None:
    async def goes_on() -> bool | None:
        try:
            states = await module_states.read_states(session)
        except LacksColumn:  # a worker asks for what has gone, so that it is done
            return None
        return bool(module_operations.pending(states)) if any(name in states for name in going) else None

    async with signals.told_of_removal(session, sleep) as telling:
        try:
            limit = session.connection.timeouts.modules_seconds
            await session.change_call(MODEL, "button_immediate_uninstall", list(ids), timeout=limit)
        except UnknownOutcome as lost:
            telling.lost = True
            await until_ended(session, lost, sleep, goes_on, "uninstall")
        except HostError:
            if not module_operations.pending(await module_states.read_states(session)):
                await remove_parameters(session, [NOTED_REMOVAL])
            raise
    states = await module_states.read_states(session)
    if left := sorted(name for name in going if name in states):
        raise ProofFailed(f"modules {', '.join(left)} are not uninstalled", database=session.database)


async def _reset(session: DatabaseSession, sleep: Callable[[float], Awaitable[None]]) -> None:
    """Wait for an uninstall of ours that may be running, then put back what it has left scheduled."""
    for _ in range(_QUIET_POLLS):
        if not module_operations.pending(await module_states.read_states(session)):
            return
        await sleep(_POLL_SECONDS)
    if versions.has_module_state_reset(await session.connection.known_series()):
        await session.change_call(MODEL, "button_reset_state")
    elif ids := await session.search(MODEL, [["state", "=", TO_REMOVE]]):
        await session.change_call(MODEL, "button_uninstall_cancel", ids)


async def _present(session: DatabaseSession, modules: Collection[str]) -> Sequence[int]:
    domain = [["name", "in", sorted(modules)], ["state", "not in", ["uninstalled", "uninstallable"]]]
    return await session.search(MODEL, domain) if modules else []
