"""Writes system parameters: the ownership mark, and whatever else is kept as one row each."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.observed import MARK_PREFIX, Mark
from reconciler.odoo.connection import DatabaseSession

DIGEST_CLEARED = "pending"
"""As `observe.databases` reads it; the two sides do not import each other."""

_MODEL = "ir.config_parameter"


async def write_parameters(session: DatabaseSession, wanted: Mapping[str, str]) -> None:
    """Set parameters: those that are missing in one call, those that differ in one each.

    Each call that writes parameters empties the workers' memory of checked passwords, and the next one pays for a new check
    (0.3 s of CPU on 19), so calls are what is saved here.
    """
    rows = await session.search_read(_MODEL, [["key", "in", list(wanted)]], ["key", "value"])
    present = {row["key"]: row for row in rows}
    missing = [{"key": key, "value": value} for key, value in wanted.items() if key not in present]
    if missing:
        await session.change_call(_MODEL, "create", missing)
    for key, row in present.items():
        if row["value"] != wanted[key]:
            await session.write(_MODEL, [row["id"]], {"value": wanted[key]})


async def remove_parameters(session: DatabaseSession, keys: list[str]) -> None:
    """Remove parameters that are there."""
    ids = await session.search(_MODEL, [["key", "in", keys]])
    if ids:
        await session.change_call(_MODEL, "unlink", ids)


async def write_mark(session: DatabaseSession, mark: Mark) -> None:
    """Write the mark. A mark that came with the template is removed first, so that no mixture of both is ever read."""
    rows = {
        "fleet": mark.fleet,
        "kind": mark.kind,
        "code": mark.code,
        "name": mark.name,
        "uuid": mark.uuid,
        "template": mark.template,
        "version": mark.version,
        "digest": mark.digest or DIGEST_CLEARED,
    }
    if mark.moving_from:
        rows["moving_from"] = mark.moving_from
    uuid = await session.search_read(_MODEL, [["key", "=", MARK_PREFIX + "uuid"]], ["value"])
    if uuid and uuid[0]["value"] != mark.uuid:
        await remove_parameters(session, [MARK_PREFIX + key for key in (*rows, "moving_from")])
    await write_parameters(session, {MARK_PREFIX + key: value for key, value in rows.items()})


async def clear_digest(session: DatabaseSession) -> None:
    """Note that a change is under way."""
    await write_parameters(session, {MARK_PREFIX + "digest": DIGEST_CLEARED})


async def note_move(session: DatabaseSession, origin: str) -> None:
    """Note the name that the database is leaving, or with an empty text that it has arrived whole."""
    if origin:
        await write_parameters(session, {MARK_PREFIX + "moving_from": origin})
    else:
        await remove_parameters(session, [MARK_PREFIX + "moving_from"])
