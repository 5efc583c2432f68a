"""Deep looks: everything that a spec declares of one database, read afresh with one account.

Nothing here logs in to a database that the core did not ask about, and nothing here writes.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from reconciler.core.diffs.support import accounts
from reconciler.core.model import module_operations
from reconciler.core.model.failures import AccessRefused, LacksColumn, UnexpectedAnswer
from reconciler.core.model.module_versions import read_note
from reconciler.core.model.observed import (
    ASLEEP,
    MARK_PREFIX,
    NOTED_MODULES,
    NOTED_REMOVAL,
    NOTED_UPGRADE,
    REBUILDING,
    RESTORED_FROM,
    SERVER_ACTION_PREFIX,
    SUPPORT,
    UPGRADED,
    Access,
    DatabaseLook,
    Survey,
    mark_of,
)
from reconciler.core.model.settings import ADMIN, LOGIN, SETTINGS
from reconciler.odoo import module_states, shapes, versions
from reconciler.odoo.connection import DatabaseSession

_USERS = "res.users"
_SECOND_FACTORS = "auth_totp"
"""The module that brings them: asked for only of what nobody has marked, since what this fleet keeps it opens by password."""

_WORKED_WITH = ("base.group_system", "base.model_ir_config_parameter")
"""What a server action is made with: asked for in the same call, so that the clones of a template need not ask."""


async def look(
    session: DatabaseSession, login: str, access: Access, modules_asked: Collection[str] = ()
) -> DatabaseLook:
    """Read a database's settings, modules, schedule and mark.

    Args:
        session: opened as the admin account.
        login: what it was opened with.
        access: whether with the declared password or a former one.
        modules_asked: those of which it is asked whether the database knows them at all.
    """
    parameters = await read_parameters(session)
    modules, older, unknown = await module_states.read_standing(session, modules_asked)
    mark, uuid = mark_of(parameters), parameters.get("database.uuid", "")
    found = DatabaseLook(
        database=session.database,
        access=access,
        login=login,
        mark=mark,
        uuid=uuid,
        modules=modules,
        modules_changed=await module_states.read_last_change(session) if module_operations.pending(modules) else None,
        noted_modules=noted_modules(parameters),
        behind=older,
        unknown=unknown,
        upgrading=read_note(parameters.get(NOTED_UPGRADE, ""), uuid),
        upgraded=read_note(parameters.get(UPGRADED, ""), uuid),
        removing=read_note(parameters.get(NOTED_REMOVAL, ""), uuid),
        parameters={k: v for k, v in parameters.items() if not k.startswith(MARK_PREFIX)},
        quiesced_crons=quiesced(parameters),
        asleep=ASLEEP in parameters,
        restored_from=parameters.get(RESTORED_FROM, ""),
        support=accounts(parameters.get(SUPPORT, "")),
        rebuilding=parameters.get(REBUILDING, ""),
    )
    try:
        settings = await _settings(session)
        if older:
            await try_users(session)
    except LacksColumn as error:
        return replace(found, broken=error.what.partition(" LINE ")[0].rpartition("UndefinedColumn: ")[2])
    active = await session.search("ir.cron", [["active", "=", True]])
    admin = (await session.xmlids([ADMIN]))[ADMIN][1]
    has_factors = mark is None and modules.get(_SECOND_FACTORS) == module_operations.INSTALLED
    return replace(
        found,
        login=settings.pop(LOGIN.name) or login,
        settings=settings,
        languages=frozenset(_text(r["code"]) for r in await session.search_read("res.lang", [], ["code"])),
        server_actions=await count_server_actions(session),
        active_crons=tuple(active),
        is_admin=session.uid == admin,
        second_factor=has_factors and bool((await _row(session, _USERS, admin, ["totp_enabled"]))["totp_enabled"]),
    )


async def try_users(session: DatabaseSession) -> None:
    """Read a user as every page does: where newer code asks for a column that is not there, all else may look healthy.

    Raises:
        LacksColumn: nobody can work in it.
    """
    await session.search_read(_USERS, [], ["name"], limit=1)


async def contents(session: DatabaseSession) -> Survey:
    """Read which installed module depends on which, and who works in the database."""
    installed = [["state", "=", module_operations.INSTALLED]]
    modules = {
        row["id"]: (_text(row["name"]), bool(row["auto_install"]))
        for row in await session.search_read(module_states.MODEL, installed, ["name", "auto_install"])
    }
    needs: dict[str, set[str]] = {name: set() for name, _ in modules.values()}
    domain = [["module_id.state", "=", module_operations.INSTALLED]]
    for row in await session.search_read(f"{module_states.MODEL}.dependency", domain, ["name", "module_id"]):
        if row["module_id"] and row["module_id"][0] in modules:
            needs[modules[row["module_id"][0]][0]].add(_text(row["name"]))
    admin = (await session.xmlids([ADMIN]))[ADMIN][1]
    people = await session.search_read(_USERS, [["share", "=", False], ["id", "!=", admin]], ["name", "login"])
    return Survey(
        needs={name: frozenset(found) for name, found in needs.items()},
        by_itself=frozenset(name for name, by_itself in modules.values() if by_itself),
        people=tuple((_text(row["name"]), _text(row["login"])) for row in people),
    )


def look_of(database: str, answer: Mapping[str, Any]) -> DatabaseLook:
    """Tell what was read inside a build, in one run (`apply.furnishing.look`), as a look with the declared password."""
    parameters = {str(key): _text(value) for key, value in answer["parameters"].items()}
    settings = {str(name): _text(value) for name, value in answer["settings"].items()}
    return DatabaseLook(
        database=database,
        access=Access.CURRENT,
        login=settings.pop(LOGIN.name),
        mark=mark_of(parameters),
        uuid=parameters.get("database.uuid", ""),
        settings=settings,
        languages=frozenset(map(_text, answer["languages"])),
        modules={str(name): _text(state) for name, state in answer["modules"].items()},
        noted_modules=noted_modules(parameters),
        parameters={k: v for k, v in parameters.items() if not k.startswith(MARK_PREFIX)},
        active_crons=tuple(shapes.identifiers(answer["crons"])),
        quiesced_crons=quiesced(parameters),
        asleep=ASLEEP in parameters,
        restored_from=parameters.get(RESTORED_FROM, ""),
    )


async def read_parameters(session: DatabaseSession) -> dict[str, str]:
    """Read all system parameters."""
    rows = await session.search_read("ir.config_parameter", [], ["key", "value"])
    return {_text(r["key"]): _text(r["value"]) for r in rows}


async def logins(session: DatabaseSession) -> frozenset[str]:
    """Read the logins of all users: Odoo's own and the portal's template are inactive, and taken all the same."""
    rows = await session.search_read("res.users", [], ["login"], context={"active_test": False})
    return frozenset(_text(r["login"]) for r in rows)


async def count_server_actions(session: DatabaseSession) -> int:
    """Count the server actions of this tool: each should have ended with the run that made it."""
    return len(await session.search("ir.actions.server", [["name", "=like", SERVER_ACTION_PREFIX + "%"]]))


def noted_modules(parameters: dict[str, str]) -> tuple[str, ...]:
    """Read which modules an install of ours, of which no end is noted, was to bring."""
    return tuple(sorted(name for name in parameters.get(NOTED_MODULES, "").split(",") if name))


def quiesced(parameters: dict[str, str]) -> tuple[int, ...] | None:
    """Read the ids of the scheduled actions that were switched off; None when nothing is held back."""
    held = parameters.get(f"{MARK_PREFIX}quiesced")
    if held is None:
        return None
    return tuple(sorted(int(part) for part in held.split(",") if part.strip().isdigit()))


async def file_sizes(
    session: DatabaseSession, *, newest: int | None = None, ids: Collection[str] | None = None
) -> dict[str, str]:
    """Return the real size of each attached file, as Odoo words it, by `id/store_fname`; empty text where it is missing.

    `checksum`, `file_size` and `store_fname` are columns and say nothing of the file; `datas` with `bin_size` looks at it
    without sending it. The domain on `id` also lists what fields of records hold, pictures above all, from 16 on; up to 15
    those are looked for by another way where all files are asked for.
    """
    if newest is not None:  # a sample: few enough for one call
        domain: list[Any] = [["id", ">", 0], *_STORED]
        fields = ["store_fname", "datas"]
        rows = await session.search_read(_FILES, domain, fields, context=_BY_SIZE, order="id desc", limit=newest)
        return {_key(row): _text(row["datas"]) for row in rows}
    if ids is None:
        records = await session.search(_FILES, [["id", ">", 0], *_STORED], order="id desc")
    else:
        records = sorted({int(key.partition("/")[0]) for key in ids})
    sizes: dict[str, str] = {}
    for start in range(0, len(records), _SIZES_AT_A_TIME):
        domain = [["id", "in", records[start : start + _SIZES_AT_A_TIME]], *_STORED]
        rows = await session.search_read(_FILES, domain, ["store_fname", "datas"], context=_BY_SIZE)
        sizes |= {_key(row): _text(row["datas"]) for row in rows}
    if ids is None and versions.hides_field_pictures(await session.connection.known_series()):
        sizes |= await _hidden_sizes(session)
    return sizes


_FILES = "ir.attachment"
_SIZES_AT_A_TIME = 1000
_STORED = (["type", "=", "binary"], ["store_fname", "!=", False])
_BY_SIZE = {"bin_size": True}


def _key(row: Mapping[str, Any]) -> str:
    return f"{row['id']}/{_text(row['store_fname'])}"


async def _hidden_sizes(session: DatabaseSession) -> dict[str, str]:
    """Return the sizes of what fields of records hold: up to 15 no search lists that, but a group of all does."""
    domain = [["res_field", "!=", False], *_STORED]
    answer = await session.read_call(_FILES, "read_group", domain, ["id:array_agg"], [])
    records = sorted(session.connection.checked(_found, answer, f"{_FILES}.read_group", session.database))
    sizes: dict[str, str] = {}
    for start in range(0, len(records), _SIZES_AT_A_TIME):
        rows = await _readable(session, records[start : start + _SIZES_AT_A_TIME])
        sizes |= {_key(row): _text(row["datas"]) for row in rows}
    return sizes


def _found(groups: object) -> list[int]:
    """Expect the one group that all of them are, with their ids; with none in it, it has no ids."""
    rows = [shapes.mapping(group) for group in shapes.sequence(groups)]
    return [number for row in rows for number in shapes.identifiers(row.get("id") or [])]


async def _readable(session: DatabaseSession, records: list[int]) -> list[dict[str, Any]]:
    """Read those of some attachments that the account may read: unlike a search, a read of several fails for a single one."""
    try:
        return await session.read(_FILES, records, ["store_fname", "datas"], context=_BY_SIZE)
    except AccessRefused:
        if len(records) == 1:
            return []
    half = len(records) // 2
    return [*await _readable(session, records[:half]), *await _readable(session, records[half:])]


async def read_files(session: DatabaseSession, ids: Collection[str]) -> dict[str, Mapping[str, object]]:
    """Return what files hold, and their kind, as `ir.attachment.write` takes it; one at a time, for one can be large."""
    files: dict[str, Mapping[str, object]] = {}
    for key in ids:
        for row in await session.read(
            _FILES, [int(key.partition("/")[0])], ["datas", "mimetype"]
        ):  # those of fields too
            files[key] = {"datas": row["datas"], "mimetype": row["mimetype"]}
    return files


async def read_stored(session: DatabaseSession, names: Collection[str]) -> dict[str, bytes]:
    """Return the contents of stored files by their names; of those that are gone meanwhile, or lost, nothing."""
    found: dict[str, bytes] = {}
    for name in names:  # one at a time, for one can be large
        domain = [["id", ">", 0], ["store_fname", "=", name]]
        for row in await session.search_read(_FILES, domain, ["datas"], limit=1):
            if content := _text(row["datas"]):
                found[name] = base64.b64decode(content)
    return found


async def _row(session: DatabaseSession, model: str, record: int, fields: list[str]) -> dict[str, Any]:
    rows = await session.read(model, [record], fields)
    if len(rows) != 1:
        raise UnexpectedAnswer(f"{model} {record} cannot be read", database=session.database)
    return rows[0]


async def _settings(session: DatabaseSession) -> dict[str, str]:
    """Read all settings, and the admin account's login with them: a call for each record, their own and others."""
    asked = (LOGIN, *SETTINGS.values())
    fields = {record: [each.field for each in asked if each.record == record] for record in (s.record for s in asked)}
    references = await session.xmlids([*fields, *_WORKED_WITH])
    if missing := [record for record in fields if record not in references]:
        raise UnexpectedAnswer(f"it has no {' and no '.join(missing)}", database=session.database)
    rows = {record: await _row(session, *references[record], names) for record, names in fields.items()}
    found = {}
    for setting in asked:
        value = rows[setting.record][setting.field]
        if setting.model and value:
            value = (await _row(session, setting.model, value[0], [setting.key]))[setting.key]
        found[setting.name] = _text(value)
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
