"""Holds scheduled actions back and lets exactly those go again.

Odoo runs them in every database that it lists, whatever its name, so what is not in service must be quiet. The ids are
remembered before anything is switched off and added to, never overwritten: doing it twice, or being cut short, loses none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.core.model.failures import ProofFailed
from reconciler.core.model.observed import HELD_MAIL_SERVERS, MARK_PREFIX
from reconciler.fleet.counting import count
from reconciler.odoo.connection import DatabaseSession

_MODEL = "ir.config_parameter"
_PARAMETER = MARK_PREFIX + "quiesced"
_EVERY_ROW = {"active_test": False}

HOLD = """\
if given['quiet']:
    jobs = clean['ir.cron'].search([('active', '=', True)])
    held = set([int(part) for part in values.get('odoo_fleet.quiesced', '').split(',') if part])
    rows['odoo_fleet.quiesced'] = ','.join([str(job) for job in sorted(held.union(jobs.ids))])
    if jobs:
        jobs.write({'active': False})
"""
"""The same as `quiesce`, as a part of what is done in one transaction: its note is among the parameters that follow."""


async def quiesce(session: DatabaseSession) -> None:
    """Switch off all active scheduled actions; proven by a fresh look.

    Raises:
        RecordLocked: one of them runs now; nothing was written, try again.
    """
    active = await _active(session)
    if not active:
        return
    await _remember(session, active)
    await session.write("ir.cron", active, {"active": False})
    if still := await _active(session):
        raise ProofFailed(f"still active: {count(len(still), 'scheduled action')}", database=session.database)


async def wake(session: DatabaseSession) -> None:
    """Switch on exactly those that were held back, then forget them; proven by a fresh look.

    Mail servers that a restore switched off go first, so that what runs can send.
    """
    held = {HELD_MAIL_SERVERS: "ir.mail_server", _PARAMETER: "ir.cron"}
    rows = await session.search_read(_MODEL, [["key", "in", list(held)]], ["key", "value"])
    there = {row["key"]: row for row in rows}
    for key, model in held.items():
        if (row := there.get(key)) is not None:
            await _wake(session, model, _ids(row))
            await session.change_call(_MODEL, "unlink", [row["id"]])


async def _wake(session: DatabaseSession, model: str, held: Sequence[int]) -> None:
    there = await session.search(model, [["id", "in", list(held)]], context=_EVERY_ROW) if held else []
    if there:
        await session.write(model, there, {"active": True})
        awake = await session.search(model, [["id", "in", there], ["active", "=", True]])
        if asleep := sorted(set(there) - set(awake)):
            raise ProofFailed(f"did not wake: {count(len(asleep), 'row')} of {model}", database=session.database)


async def _active(session: DatabaseSession) -> Sequence[int]:
    return await session.search("ir.cron", [["active", "=", True]])


async def _remember(session: DatabaseSession, active: Sequence[int]) -> None:
    row = await _row(session)
    held = ",".join(str(i) for i in sorted({*_ids(row), *active}))
    if row is None:
        await session.create(_MODEL, {"key": _PARAMETER, "value": held})
    elif row["value"] != held:
        await session.write(_MODEL, [row["id"]], {"value": held})


async def _row(session: DatabaseSession) -> dict[str, Any] | None:
    rows = await session.search_read(_MODEL, [["key", "=", _PARAMETER]], ["value"])
    return rows[0] if rows else None


def _ids(row: dict[str, Any] | None) -> list[int]:
    text = "" if row is None else str(row["value"] or "")
    return [int(part) for part in text.split(",") if part.strip().isdigit()]
