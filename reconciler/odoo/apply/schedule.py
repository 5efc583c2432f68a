"""Holds scheduled actions back and lets exactly those go again.

Odoo runs them in every database that it lists, whatever its name, so what is not in service must be quiet. The ids are
remembered before anything is switched off and added to, never overwritten: doing it twice, or being cut short, loses none.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.core.failures import ProofFailed
from reconciler.core.observed import MARK_PREFIX
from reconciler.odoo.apply.marks import remove_parameters, write_parameters
from reconciler.odoo.connection import DatabaseSession

_PARAMETER = MARK_PREFIX + "quiesced"
_EVERY_ROW = {"active_test": False}


async def quiesce(session: DatabaseSession) -> None:
    """Switch off all active scheduled actions; proven by a fresh look.

    Raises:
        RecordLocked: one of them runs now; nothing was written, try again.
    """
    active = await _active(session)
    held = await _held(session) or []
    await write_parameters(session, {_PARAMETER: ",".join(str(i) for i in sorted({*held, *active}))})
    if active:
        await session.write("ir.cron", active, {"active": False})
    if still := await _active(session):
        raise ProofFailed(f"{len(still)} scheduled actions are still active", database=session.database)


async def wake(session: DatabaseSession) -> None:
    """Switch on exactly those that were held back, then forget them; proven by a fresh look."""
    held = await _held(session)
    if held is None:
        return
    there = await session.search("ir.cron", [["id", "in", held]], context=_EVERY_ROW) if held else []
    if there:
        await session.write("ir.cron", there, {"active": True})
        asleep = sorted(set(there) - set(await _active(session)))
        if asleep:
            raise ProofFailed(f"{len(asleep)} scheduled actions did not wake", database=session.database)
    await remove_parameters(session, [_PARAMETER])


async def _active(session: DatabaseSession) -> Sequence[int]:
    return await session.search("ir.cron", [["active", "=", True]])


async def _held(session: DatabaseSession) -> list[int] | None:
    rows = await session.search_read("ir.config_parameter", [["key", "=", _PARAMETER]], ["value"])
    if not rows:
        return None
    return [int(part) for part in str(rows[0]["value"] or "").split(",") if part.strip().isdigit()]
