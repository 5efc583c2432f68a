r"""Dumps: a database as a zip, and back.

The archive is as Odoo's own to whoever reads it: `dump.sql` in the shape of pg_dump with rows of the tables that tell what is
in it, manifest, filestore. What this simulator needs to make a database of it again stands there as one more table, of one row.
Files have sizes here and no content, so they are zeros.

A restore does what psql does, as far as it shows: without `\set ON_ERROR_STOP on` a dump that is cut is restored with success
and is empty; with it, it fails and leaves an empty database. What a dump says at its end of scheduled actions and mail servers
is obeyed; where it says nothing, what is due runs as soon as the rows are there.
"""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from typing import TYPE_CHECKING, Any

from . import neutralizing, persistence, seed
from .common_service import version_info
from .databases import SimulatedDatabase
from .errors import Failure, no_database, postgres
from .operations import postgres_name

if TYPE_CHECKING:
    from .machine import Machine
    from .memory import Worker
    from .wire import RpcCall

_PG_VERSION = "15.0"
_HEAD = """\
--
-- PostgreSQL database dump
--

SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);

"""
_TAIL = """\
--
-- PostgreSQL database dump complete
--

"""
_STATE = "simulated_state"
_COLUMNS = {
    "ir.attachment": ("id", "name", "store_fname", "file_size"),
    "ir.config_parameter": ("id", "key", "value"),
    "ir.cron": ("id", "active"),
    "ir.mail_server": ("id", "active"),
    "ir.module.module": ("id", "name", "state", "latest_version"),
    "res.company": ("id", "name"),
    "res.partner": ("id", "name"),
    "res.users": ("id", "login", "active"),
}
_FOUND = re.compile(rf"COPY public\.{_STATE} \(state\) FROM stdin;\n(.*?)\n\\\.\n", re.DOTALL)
_HELD = re.compile(r"WHERE key = '([\w.]+)';\nUPDATE public\.(\w+) SET active = false WHERE active;")
_NOTED = re.compile(r"VALUES \('([\w.]+)', '([^']*)',[^;]*ON CONFLICT \(key\) DO UPDATE")


_STRUCK = re.compile(r"DELETE FROM public\.ir_config_parameter WHERE key = '([\w.]+)';")
_DRAWN = "SET value = md5(random()::text || clock_timestamp()::text)::uuid::text\nWHERE key = 'database.uuid';"


async def dump(host: Machine, _worker: Worker, _call: RpcCall, db_name: str, _format: str) -> str:
    """Return the database and its files as a base64 string."""
    return base64.b64encode(await archive(host, db_name)).decode()


async def archive(host: Machine, name: str) -> bytes:
    """Return the database and its files as Odoo packs them: the files are copied first, the rows are read later."""
    if name not in host.databases:
        raise no_database(name)
    files = dict(host.filestore.get(name, {}))
    await host.pause(1.0)
    database = host.databases.get(name)
    if database is None:
        raise no_database(name)
    if database.stage != "ready":
        raise postgres("UndefinedTable", 'relation "ir_module_module" does not exist\n')
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as members:
        members.writestr("dump.sql", _sql(database, host.version))
        for stored, size in files.items():
            members.writestr(f"filestore/{stored}", bytes(size))
        members.writestr("manifest.json", json.dumps(_manifest(host.version, name, database)))
    return packed.getvalue()


async def restore(host: Machine, _worker: Worker, _call: RpcCall, db_name: str, data: str, copy: Any = None) -> bool:
    """Make a database of a dump; a copy gets an identity of its own."""
    return await unpack(host, db_name, base64.b64decode(data), is_copy=bool(copy))


async def unpack(host: Machine, db_name: str, data: bytes, *, is_copy: bool, is_neutral: bool = False) -> bool:
    """Make a database of an archive; what is due in it runs before it is neutralized."""
    host.need_postgres()
    name = postgres_name(db_name)
    if name in host.databases:
        raise Failure("builtins.Exception", "Database already exists")
    database = host.databases[name] = SimulatedDatabase()
    host.reached("restore.listed")
    await host.pause(0.5)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as members:
            sql = members.read("dump.sql").decode()
            files = {
                each.filename.removeprefix("filestore/"): each.file_size
                for each in members.infolist()
                if each.filename.startswith("filestore/")
            }
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError) as problem:
        raise Failure("zipfile.BadZipFile", str(problem)) from None
    _load(host, database, sql)
    host.reached("restore.rows")
    host.advance()  # whatever is due runs as soon as the rows are there
    await host.pause(1.0)
    if is_copy and database.stage == "ready":
        seed.draw_anew(database, uuid=host.new_uuid(), secret=host.new_uuid(), now=host.now())
    if is_neutral and database.stage == "ready":
        neutralizing.neutralize(database)
    if files:
        nested = name in host.filestore
        host.files(name).update({f"filestore/{stored}" if nested else stored: size for stored, size in files.items()})
    host.reached("restore.done")
    return True


def _load(host: Machine, database: SimulatedDatabase, sql: str) -> None:
    """Do what psql does with a dump."""
    stops = "\\set ON_ERROR_STOP on\nBEGIN;\n" in sql
    found = _FOUND.search(sql)
    if found is None or (stops and not sql.endswith("COMMIT;\n")):
        if stops:
            raise Failure("builtins.Exception", "Couldn't restore database")
        return
    made = persistence.from_json(json.loads(_unescaped(found[1])), host.version)
    for column in ("stage", "tables", "registry_sequence", "cache_sequences", "initialised"):
        setattr(database, column, getattr(made, column))
    database.revision += 1
    for key, table in _HELD.findall(sql):
        _hold(database, key, model_of(table))
    if _DRAWN in sql:
        database.set_parameter("database.uuid", host.new_uuid())
    for key, value in _NOTED.findall(sql):
        database.set_parameter(key, value)
    for key in _STRUCK.findall(sql):
        for row in list(database.matching("ir.config_parameter", key=key)):
            database.delete("ir.config_parameter", row["id"])


def model_of(table: str) -> str:
    """Return the model whose rows a table has."""
    return "ir.mail_server" if table == "ir_mail_server" else table.replace("_", ".")


def _hold(database: SimulatedDatabase, key: str, model: str) -> None:
    active = {row["id"] for row in database.matching(model, active=True)}
    held = {int(each) for each in (database.parameter(key) or "").split(",") if each.isdigit()}
    database.set_parameter(key, ",".join(str(each) for each in sorted(active | held)))
    for each in active:
        database.update(model, each, {"active": False})


def _sql(database: SimulatedDatabase, version: str) -> str:
    parts = [_HEAD]
    for model, columns in _COLUMNS.items():
        rows = [[_field(row.get(column)) for column in columns] for row in database.rows(model).values()]
        parts.append(_copy(model.replace(".", "_"), columns, rows))
    state = json.dumps(persistence.to_json(database, version))
    parts += [_copy(_STATE, ("state",), [[_escaped(state)]]), _TAIL]
    return "".join(parts)


def _copy(table: str, columns: tuple[str, ...], rows: list[list[str]]) -> str:
    lines = "".join("\t".join(row) + "\n" for row in rows)
    return f"COPY public.{table} ({', '.join(columns)}) FROM stdin;\n{lines}\\.\n\n\n"


def _field(value: Any) -> str:
    if value is None or value is False:
        return "f" if value is False else "\\N"
    return "t" if value is True else _escaped(str(value))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"t": "\t", "n": "\n", "r": "\r"}.get(found[1], found[1]), text)


def _manifest(version: str, name: str, database: SimulatedDatabase) -> dict[str, Any]:
    known = version_info(version)
    installed = database.matching("ir.module.module", state="installed")
    return {
        "odoo_dump": "1",
        "db_name": name,
        "version": known["server_version"],
        "version_info": known["server_version_info"],
        "major_version": known["server_serie"],
        "pg_version": _PG_VERSION,
        "modules": {row["name"]: row["latest_version"] for row in installed},
    }
