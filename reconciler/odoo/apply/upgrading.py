"""Upgrades modules to the code of their host, by the one way that works also where newer code has broken the database.

A new stored field on partners or companies makes `button_immediate_upgrade` fail for want of the very column that it would make;
to write the states and run Odoo's own wizard for them does not (measured on 14 and 19). A script that fails undoes all of it, and
leaves nothing to be reset. What depends on an upgraded module is upgraded with it, as Odoo's button would.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from reconciler.core.model import module_operations
from reconciler.core.model.failures import HostError, ProofFailed, Refused, UnknownOutcome
from reconciler.core.model.module_operations import INSTALLED, TO_UPGRADE
from reconciler.core.model.module_versions import UpgradeNote, is_newer, note_text
from reconciler.core.model.observed import NOTED_UPGRADE, UPGRADED
from reconciler.odoo import module_states, versions
from reconciler.odoo.apply import signals
from reconciler.odoo.apply.marks import remove_parameters, write_parameters
from reconciler.odoo.apply.modules import require_nobody_else, until_ended
from reconciler.odoo.connection import DatabaseSession
from reconciler.odoo.module_states import MODEL

_WIZARD = "base.module.upgrade"
_ASKED_AT_ONCE = 4
"""So many questions at once meet more than one worker of a host."""

_RESTART = "restart Odoo on that host, so that all of its workers run the same code"


async def upgrade(
    session: DatabaseSession,
    to: Mapping[str, str],
    now: Callable[[], datetime],
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    """Upgrade modules, whatever versions they have; a fresh look proves it.

    Args:
        session: the database, in which the upgrade is noted.
        to: the versions of the host's code by module, with all that depends on them.
        now: the time of day.
        sleep: waits.

    Raises:
        Refused: somebody else is at work on its modules; nothing changed.
        PassingError: something was in the way; nothing changed.
        LastingError: it failed, and Odoo has undone it.
        ProofFailed: the host answered, and a module is not as it should be.
        UnknownOutcome: no answer came, and the operation did not end within its limit.
    """
    await require_nobody_else(session, now())
    ids = [row["id"] for row in (await _rows(session, to)).values()]
    async with signals.told_to_workers(session, sleep) as telling:
        try:
            await _press(session, ids)
        except UnknownOutcome as error:
            telling.lost = True

            async def goes_on() -> bool | None:
                rows = await _rows(session, to)
                return any(row["state"] == TO_UPGRADE for row in rows.values()) if _left(rows, to) else None

            await until_ended(session, error, sleep, goes_on, "upgrade")
        except HostError:
            await _reset(session)
            raise
    if left := _left(await _rows(session, to), to):
        raise ProofFailed(f"modules {', '.join(left)} are not upgraded", database=session.database)


async def prepare(session: DatabaseSession, modules: Collection[str], now: datetime) -> dict[str, str]:
    """Return the installed modules that depend on these, these included, with the versions of the host's code.

    Raises:
        Refused: somebody else is at work on its modules, or the workers of its host run different code.
    """
    await require_nobody_else(session, now)
    dependants = await module_states.read_dependants(session, modules, [INSTALLED, TO_UPGRADE])
    to = await module_states.read_code(session, {*modules, *dependants})
    await _require_one_code(session, to)
    return to


async def note(session: DatabaseSession, what: UpgradeNote, *, proven: bool) -> None:
    """Write down an upgrade that begins, that failed, or that is proven: then the first note goes after the last is there."""
    await write_parameters(session, {UPGRADED if proven else NOTED_UPGRADE: note_text(what)})
    if proven:
        await remove_parameters(session, [NOTED_UPGRADE])


async def _press(session: DatabaseSession, ids: list[int]) -> None:
    await session.write(MODEL, ids, {"state": TO_UPGRADE})
    wizard = await session.change_call(_WIZARD, "create", {})
    await session.change_call(_WIZARD, "upgrade_module", [wizard], timeout=session.connection.timeouts.modules_seconds)


async def _reset(session: DatabaseSession) -> None:
    """Put back what was scheduled and not begun; Odoo does so itself where its upgrade failed."""
    pending = module_operations.pending(await module_states.read_states(session))
    if not pending:
        return
    if versions.has_module_state_reset(await session.connection.known_series()):
        await session.change_call(MODEL, "button_reset_state")
    else:
        ids = await session.search(MODEL, [["name", "in", list(pending)], ["state", "=", TO_UPGRADE]])
        await session.change_call(MODEL, "button_upgrade_cancel", ids)


async def _require_one_code(session: DatabaseSession, to: Mapping[str, str]) -> None:
    """Find out that whichever worker goes on with it has the code that was seen: one that was not restarted remembers its own."""
    answers = await asyncio.gather(*(module_states.read_code(session, to.keys()) for _ in range(_ASKED_AT_ONCE)))
    for answer in answers:
        for module, version in to.items():
            if answer.get(module) != version:
                has = answer.get(module) or "none"
                what = f"a worker of its host runs another version of {module}: {has}, not {version}"
                raise Refused(what, server=session.connection.server, database=session.database, advice=_RESTART)


async def _rows(session: DatabaseSession, to: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    rows = await session.search_read(MODEL, [["name", "in", sorted(to)]], ["name", "state", "latest_version"])
    return {str(row["name"]): row for row in rows}


def _left(rows: Mapping[str, Mapping[str, Any]], to: Mapping[str, str]) -> list[str]:
    """Name the modules that do not have their version, or are half-way to it."""
    return sorted(
        name
        for name, row in rows.items()
        if row["state"] != INSTALLED or is_newer(to[name], str(row["latest_version"] or "0"))
    )
