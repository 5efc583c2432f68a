"""Installs modules to the end, which is *no module in any `to …` state*: the wanted one is `installed` well before.

A killed install leaves modules scheduled. 19 then refuses every operation until they are reset, after which those that came
along with the wanted ones would be silently missing; so they are remembered before and asked for by name (14 simply goes on).

Nothing is reset or pressed while somebody else is at work (`core.model.module_operations`), which is looked up at that moment.
In a database that others reach too, an install is noted before it is pressed: what is found half-way later is known as ours.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconciler.core.model import module_operations, names
from reconciler.core.model.failures import (
    CutOff,
    HostError,
    PassingError,
    ProofFailed,
    Refused,
    Rejected,
    UnknownOutcome,
)
from reconciler.core.model.module_operations import INSTALLED, TO_INSTALL, TO_REMOVE, TO_UPGRADE
from reconciler.core.model.module_versions import read_note
from reconciler.core.model.names import NameState
from reconciler.core.model.observed import NOTED_MODULES, NOTED_REMOVAL, NOTED_UPGRADE
from reconciler.odoo import module_states, versions
from reconciler.odoo.apply import signals
from reconciler.odoo.apply.marks import remove_parameters, write_parameters
from reconciler.odoo.connection import DatabaseSession
from reconciler.odoo.module_states import MODEL

_NOTES = (NOTED_UPGRADE, NOTED_REMOVAL)
_POLL_SECONDS = 2.0
_SECONDS_AFTER_A_CUT = 60.0
_QUIET_POLLS = 8
"""So many looks in a row without a pending module say that an install, of which nothing was heard, is not running."""


async def install(
    session: DatabaseSession,
    wanted: Sequence[str],
    now: Callable[[], datetime],
    sleep: Callable[[float], Awaitable[None]],
) -> bool:
    """Install what is missing and finish what was left half-way; a fresh look proves it.

    Returns:
        Whether there was anything to do.

    Raises:
        Rejected: the host has no such module.
        Refused: somebody else is at work on its modules; nothing changed, and waiting a minute would not help.
        RecordLocked: a scheduled action or another operation is in the way; nothing changed.
        ProofFailed: the host answered, and a wanted module is still not installed.
        UnknownOutcome: no answer came, and the operation did not end within its limit.
    """
    return await _Installer(session, now, sleep).install(wanted)


async def require_nobody_else(session: DatabaseSession, now: datetime) -> None:
    """Find out, before something is done to a database, that no module operation of somebody else's is under way.

    Raises:
        Refused: one is.
    """
    await refuse_beside_others(session, await module_states.read_states(session), await _noted(session), now)


@dataclass(frozen=True, slots=True)
class _Installer:
    session: DatabaseSession
    now: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]]

    @property
    def is_own_build(self) -> bool:
        """A building name was drawn by this run, and nobody else knows it: whatever goes on there is ours."""
        return names.parse(self.session.database).state is NameState.BUILDING

    async def install(self, wanted: Sequence[str]) -> bool:
        session = self.session
        left = await self._left_half_way()
        states = await _states(session, [*wanted, *left])
        if not states.keys() >= set(wanted):  # deployed, it may be, after this database, or its template, was made
            await session.change_call(MODEL, "update_list", timeout=session.connection.timeouts.modules_seconds)
            states = await _states(session, [*wanted, *left])
        if unknown := sorted(set(wanted) - states.keys()):
            advice = "correct `modules`, or add the module to the host's addons_path and start Odoo anew"
            raise Rejected(f"the host has no module {', '.join(unknown)}", database=session.database, advice=advice)
        missing = {name: record for name, (record, state) in states.items() if state != INSTALLED}
        if missing:
            await self._press_noted(missing, left)
            states = await _states(session, [*wanted, *left])
            if lacking := sorted(n for n, (_, state) in states.items() if state != INSTALLED):
                raise ProofFailed(f"modules {', '.join(lacking)} are not installed", database=session.database)
        if left or (missing and not self.is_own_build):
            await remove_parameters(session, [NOTED_MODULES])
        return bool(missing)

    async def _left_half_way(self) -> list[str]:
        """Wait for an operation of ours that may be running; reset one that was cut short, and name what it would have brought.

        One that was cut short by somebody else counts as ours once nobody can be at work on it any more.
        """
        session = self.session
        noted = await _noted(session)
        states = await self._checked_states(noted)
        waited, quiet = 0.0, 0
        while (pending := module_operations.pending(states)) and quiet < _QUIET_POLLS:
            await self.sleep(_POLL_SECONDS)
            waited += _POLL_SECONDS
            before, states = states, await self._checked_states(noted)
            quiet = 0 if states != before and waited < session.connection.timeouts.modules_seconds else quiet + 1
        if not pending:
            return noted
        resets = versions.has_module_state_reset(await session.connection.known_series())
        unfinished = (TO_INSTALL,) if resets else (TO_INSTALL, TO_UPGRADE)  # before 19 an install goes on with both
        if left := sorted({*noted, *(name for name in pending if states[name] in unfinished)}):
            await write_parameters(session, {NOTED_MODULES: ",".join(left)})
        if resets:
            await session.change_call(MODEL, "button_reset_state")
        elif doomed := [record for record, state in (await _states(session, pending)).values() if state == TO_REMOVE]:
            # It would go on with these too, and take the customer's records along.
            await session.change_call(MODEL, "button_uninstall_cancel", doomed)
        return left

    async def _checked_states(self, noted: Sequence[str]) -> dict[str, str]:
        states = await module_states.read_states(self.session)
        if not self.is_own_build:
            await refuse_beside_others(self.session, states, noted, self.now())
        return states

    async def _press_noted(self, missing: Mapping[str, int], left: Sequence[str]) -> None:
        """Note the install, press it, and strike the note out again where the host's refusal shows that it never began."""
        session, records = self.session, list(missing.values())
        if self.is_own_build:
            await self._press(records)
            return
        noted = sorted({*missing, *left})
        await write_parameters(session, {NOTED_MODULES: ",".join(noted)})
        try:
            await self._checked_states(noted)
            await self._press(records)
        except UnknownOutcome:
            raise
        except HostError:
            states = await module_states.read_states(session)
            if not left and not any(states.get(name) in (TO_INSTALL, INSTALLED) for name in missing):
                await remove_parameters(session, [NOTED_MODULES])
            raise

    async def _press(self, records: list[int]) -> None:
        session = self.session

        async def goes_on() -> bool | None:
            pending = module_operations.pending(await module_states.read_states(session))
            asked = await session.read(MODEL, records, ["state"])
            return bool(pending) if pending or any(row["state"] != INSTALLED for row in asked) else None

        async with signals.told_to_workers(session, self.sleep) as telling:
            try:
                limit = session.connection.timeouts.modules_seconds
                await session.change_call(MODEL, "button_immediate_install", records, timeout=limit)
            except UnknownOutcome as lost:
                telling.lost = True
                await until_ended(session, lost, self.sleep, goes_on, "install")
        if pending := module_operations.pending(await module_states.read_states(session)):
            raise ProofFailed(f"modules {', '.join(pending)} were left half-way", database=session.database)


async def until_ended(
    session: DatabaseSession,
    lost: UnknownOutcome,
    sleep: Callable[[float], Awaitable[None]],
    goes_on: Callable[[], Awaitable[bool | None]],
    what: str,
) -> None:
    """Look until an operation on modules whose answer was lost has ended on the host, or is certainly not running.

    Args:
        session: the database.
        lost: what became of the answer; after a cut the host, or the worker that was at it, seems to be gone.
        sleep: waits between looks.
        goes_on: whether it is seen to be under way; None once it is done.
        what: is done to the modules, as a noun.

    Raises:
        UnknownOutcome: it did not end within its limit.
    """
    limit = session.connection.timeouts.modules_seconds
    waited, quiet = 0.0, 0
    while waited < (min(_SECONDS_AFTER_A_CUT, limit) if isinstance(lost, CutOff) else limit):
        await sleep(_POLL_SECONDS)
        waited += _POLL_SECONDS
        try:
            under_way = await goes_on()
        except PassingError:
            quiet = 0
            continue
        if under_way is None:
            return
        quiet = 0 if under_way else quiet + 1
        if quiet >= _QUIET_POLLS:
            return
    raise UnknownOutcome(
        f"the {what} of modules did not end within its limit",
        server=session.connection.server,
        database=session.database,
    )


async def refuse_beside_others(
    session: DatabaseSession, states: Mapping[str, str], noted: Sequence[str], now: datetime
) -> None:
    """Find out whether the modules that are pending are somebody else's work.

    Raises:
        Refused: they are.
    """
    if not module_operations.pending(states):
        return
    changed = await module_states.read_last_change(session)
    parameters = await _rows(session, "database.uuid", *_NOTES)
    notes = (read_note(parameters.get(key, ""), parameters.get("database.uuid", "")) for key in _NOTES)
    own = [note.to if note else () for note in notes]
    if why := module_operations.of_others(states, noted, changed, now, *own):
        server = session.connection.server
        raise Refused(why, server=server, database=session.database, advice=module_operations.ADVICE)


async def _noted(session: DatabaseSession) -> list[str]:
    rows = await _rows(session, NOTED_MODULES)
    return [name for name in rows.get(NOTED_MODULES, "").split(",") if name]


async def _rows(session: DatabaseSession, *keys: str) -> dict[str, str]:
    rows = await session.search_read("ir.config_parameter", [["key", "in", list(keys)]], ["key", "value"])
    return {str(row["key"]): str(row["value"]) for row in rows}


async def _states(session: DatabaseSession, modules: Sequence[str]) -> dict[str, tuple[int, str]]:
    rows = await session.search_read(MODEL, [["name", "in", sorted(set(modules))]], ["name", "state"])
    return {row["name"]: (row["id"], row["state"]) for row in rows}
