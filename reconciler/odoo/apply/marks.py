"""Writes system parameters: the ownership mark, and whatever else is kept as one row each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from reconciler.core.model import names
from reconciler.core.model.failures import Refused
from reconciler.core.model.observed import (
    DIGEST_CLEARED,
    IN_SERVICE_ROW,
    MARK_PREFIX,
    MOVE_ROWS,
    Mark,
    mark_of,
    rows_of,
)
from reconciler.odoo.apply.server_actions import run_once
from reconciler.odoo.apply.settings import BEGIN, PUT
from reconciler.odoo.connection import DatabaseSession

_MODEL = "ir.config_parameter"
_LEAVING = f"{MARK_PREFIX}leaving"


_CODE = f"{BEGIN}rows = given['parameters']\n{PUT}"
_CALLS_OF_A_RUN = 2


async def write_parameters(session: DatabaseSession, wanted: Mapping[str, str]) -> None:
    """Set parameters: those that are missing in one call, those that differ in one each, or all in one run.

    Each call that writes parameters empties the workers' memory of checked passwords, and the next one pays for a new check
    (0.3 s of CPU on 19), so calls are what is saved here.
    """
    rows = await session.search_read(_MODEL, [["key", "in", list(wanted)]], ["key", "value"])
    await _put(session, wanted, {row["key"]: row for row in rows})


async def _put(session: DatabaseSession, wanted: Mapping[str, str], present: Mapping[str, Mapping[str, Any]]) -> None:
    missing = {key: value for key, value in wanted.items() if key not in present}
    differing = {key: wanted[key] for key, row in present.items() if key in wanted and row["value"] != wanted[key]}
    if len(differing) + bool(missing) > _CALLS_OF_A_RUN:
        await run_once(session, "write parameters", _CODE, {"parameters": {**missing, **differing}})
        return
    if missing:
        await session.change_call(_MODEL, "create", [{"key": key, "value": value} for key, value in missing.items()])
    for key, value in differing.items():
        await session.write(_MODEL, [present[key]["id"]], {"value": value})


async def remove_parameters(session: DatabaseSession, keys: list[str]) -> None:
    """Remove parameters that are there."""
    ids = await session.search(_MODEL, [["key", "in", keys]])
    if ids:
        await session.change_call(_MODEL, "unlink", ids)


async def read_mark(session: DatabaseSession) -> tuple[str, Mark | None]:
    """Return the database's uuid and its mark, for what has to be sure at the moment that it acts."""
    domain = ["|", ["key", "=", "database.uuid"], ["key", "=like", MARK_PREFIX + "%"]]
    rows = {row["key"]: str(row["value"]) for row in await session.search_read(_MODEL, domain, ["key", "value"])}
    return rows.get("database.uuid", ""), mark_of(rows)


async def write_mark(session: DatabaseSession, mark: Mark) -> None:
    """Write the mark of a database into that one. A mark that came with the template is removed first: no mixture is ever read.

    Raises:
        Refused: another database bears the name by now, since another run has put one in its place.
    """
    keys = [MARK_PREFIX + field.name for field in dataclasses.fields(Mark)]
    found = await session.search_read(_MODEL, [["key", "in", ["database.uuid", *keys]]], ["key", "value"])
    rows = [row for row in found if row["key"] != "database.uuid"]
    if [row["value"] for row in found if row["key"] == "database.uuid"] != [mark.uuid]:
        server = session.connection.server
        raise Refused("another database bears the name by now", server=server, database=session.database)
    present = {row["key"]: row for row in rows}
    uuid = present.get(MARK_PREFIX + "uuid")
    if uuid is not None and uuid["value"] != mark.uuid:
        await session.change_call(_MODEL, "unlink", [row["id"] for row in rows])
        present = {}
    await _put(session, rows_of(mark), present)


async def clear_digest(session: DatabaseSession) -> None:
    """Note that a change is under way."""
    await write_parameters(session, {MARK_PREFIX + "digest": DIGEST_CLEARED})


async def note_move(session: DatabaseSession, origin: str) -> None:
    """Note the name that the database is leaving, or with an empty text that it has arrived whole.

    What arrives in service is ended no more, nor replaced, nor on its way to or from another server.
    """
    if origin:
        await write_parameters(session, {MARK_PREFIX + "moving_from": origin})
    else:
        is_kept = names.parse(session.database).state in names.KEPT
        struck = ["moving_from"] if is_kept else ["moving_from", "ended", "replaced", *MOVE_ROWS]
        await remove_parameters(session, [MARK_PREFIX + key for key in struck])


async def note_ended(session: DatabaseSession, trash: str, *, replaced: bool = False) -> None:
    """Note that the text ended the database, or that another one takes its place, and the trash name that it gets."""
    rows = ["ended", "replaced"] if replaced else ["ended"]
    await write_parameters(session, {MARK_PREFIX + row: trash for row in rows})


async def note_in_service(session: DatabaseSession) -> None:
    """Note that the database may be a customer's from now on: what was packed of it until now is not all of it any more."""
    rows = await session.search_read(_MODEL, [["key", "in", [*IN_SERVICE_ROW, _LEAVING]]], ["key", "value"])
    await _put(session, IN_SERVICE_ROW, {row["key"]: row for row in rows})
    if left := [row["id"] for row in rows if row["key"] == _LEAVING]:
        await session.change_call(_MODEL, "unlink", left)


async def note_leaving(session: DatabaseSession, build: str) -> None:
    """Note into which build on another server the database is packed from now on, for as long as nobody works in it."""
    await write_parameters(session, {_LEAVING: build})


async def note_moved(session: DatabaseSession, name: str, server: str) -> None:
    """Note under which name the database stays behind, and on which server it goes on."""
    await write_parameters(session, {f"{MARK_PREFIX}moved": name, f"{MARK_PREFIX}moved_to": server})


async def take_identity(session: DatabaseSession, uuid: str) -> None:
    """Give a marked build the uuid of the database that goes on in it; between the two rows it counts as nobody's."""
    await write_parameters(session, {"database.uuid": uuid})
    await write_parameters(session, {f"{MARK_PREFIX}uuid": uuid})
