"""Installs modules to the end, which is *no module in any `to …` state*: the wanted one is `installed` well before.

A killed install leaves modules scheduled. 19 then refuses every operation until they are reset, after which those that came
along with the wanted ones would be silently missing; so they are remembered before and asked for by name (14 simply goes on).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from reconciler.core.failures import CutOff, PassingError, ProofFailed, Rejected, UnknownOutcome
from reconciler.core.observed import MARK_PREFIX
from reconciler.odoo import versions
from reconciler.odoo.apply.marks import remove_parameters, write_parameters
from reconciler.odoo.connection import DatabaseSession

_MODEL = "ir.module.module"
_PENDING = ["to install", "to upgrade", "to remove"]
_REMEMBERED = MARK_PREFIX + "pending_modules"
_POLL_SECONDS = 2.0
_SECONDS_AFTER_A_CUT = 60.0
_QUIET_POLLS = 8
"""So many looks in a row without a pending module say that an install, of which nothing was heard, is not running."""


async def install(session: DatabaseSession, wanted: Sequence[str], sleep: Callable[[float], Awaitable[None]]) -> bool:
    """Install what is missing and finish what was left half-way; a fresh look proves it.

    Returns:
        Whether there was anything to do.

    Raises:
        Rejected: the host has no such module.
        RecordLocked: a scheduled action or another operation is in the way; nothing changed.
        ProofFailed: the host answered, and a wanted module is still not installed.
        UnknownOutcome: no answer came, and the operation did not end within its limit.
    """
    left = await _left_half_way(session, sleep)
    states = await _states(session, [*wanted, *left])
    if unknown := sorted(set(wanted) - states.keys()):
        advice = "correct `modules`, or add the module to the host's addons_path and update its list of modules"
        raise Rejected(f"the host has no module {', '.join(unknown)}", database=session.database, advice=advice)
    missing = [record for record, state in states.values() if state != "installed"]
    if missing:
        await _press_install(session, missing, sleep)
        states = await _states(session, [*wanted, *left])
        if lacking := sorted(n for n, (_, state) in states.items() if state != "installed"):
            raise ProofFailed(f"modules {', '.join(lacking)} are not installed", database=session.database)
    if left:
        await remove_parameters(session, [_REMEMBERED])
    return bool(missing)


async def _press_install(
    session: DatabaseSession, records: list[int], sleep: Callable[[float], Awaitable[None]]
) -> None:
    try:
        await session.change_call(
            _MODEL, "button_immediate_install", records, timeout=session.connection.timeouts.modules
        )
    except CutOff:  # the host, or the worker that installed, seems to be gone
        await _wait_for_the_end(session, records, sleep, min(_SECONDS_AFTER_A_CUT, session.connection.timeouts.modules))
    except UnknownOutcome:
        await _wait_for_the_end(session, records, sleep, session.connection.timeouts.modules)
    if pending := await _pending(session):
        raise ProofFailed(f"modules {', '.join(pending)} were left half-way", database=session.database)


async def _wait_for_the_end(
    session: DatabaseSession, records: list[int], sleep: Callable[[float], Awaitable[None]], limit: float
) -> None:
    """An install whose answer was lost goes on on the host: look until it has ended, or certainly is not running."""
    waited, quiet = 0.0, 0
    while waited < limit:
        await sleep(_POLL_SECONDS)
        waited += _POLL_SECONDS
        try:
            pending = await _pending(session)
            asked = await session.read(_MODEL, records, ["state"])
        except PassingError:
            quiet = 0
            continue
        if not pending and all(row["state"] == "installed" for row in asked):
            return
        quiet = 0 if pending else quiet + 1
        if quiet >= _QUIET_POLLS:
            return
    server = session.connection.server
    raise UnknownOutcome(
        "the install of modules did not end within its limit", server=server, database=session.database
    )


async def _left_half_way(session: DatabaseSession, sleep: Callable[[float], Awaitable[None]]) -> list[str]:
    """Wait for an operation that may be running; reset one that was cut short, and name what it would have installed."""
    remembered = await _remembered(session)
    pending = await _pending(session)
    for _ in range(_QUIET_POLLS):
        if not pending:
            return remembered
        await sleep(_POLL_SECONDS)
        pending = await _pending(session)
    left = sorted({*remembered, *(n for n, state in pending.items() if state == "to install")})
    if left:
        await write_parameters(session, {_REMEMBERED: ",".join(left)})
    if versions.has_module_state_reset(await session.connection.known_series()):
        await session.change_call(_MODEL, "button_reset_state")
    return left


async def _remembered(session: DatabaseSession) -> list[str]:
    rows = await session.search_read("ir.config_parameter", [["key", "=", _REMEMBERED]], ["value"])
    return [name for name in str(rows[0]["value"] if rows else "").split(",") if name]


async def _pending(session: DatabaseSession) -> dict[str, str]:
    rows = await session.search_read(_MODEL, [["state", "in", _PENDING]], ["name", "state"])
    return {row["name"]: row["state"] for row in rows}


async def _states(session: DatabaseSession, modules: Sequence[str]) -> dict[str, tuple[int, str]]:
    rows = await session.search_read(_MODEL, [["name", "in", sorted(set(modules))]], ["name", "state"])
    return {row["name"]: (row["id"], row["state"]) for row in rows}
