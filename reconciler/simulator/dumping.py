"""Dumps: a database as one string, and back.

The archive has the members of Odoo's own, so that who looks inside finds the manifest where it is; what stands in
`dump.sql` is this simulator's state and no SQL. Files have sizes here and no content, so they are a member of ours.
"""

from __future__ import annotations

import base64
import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

from . import persistence, seed
from .common_service import version_info
from .errors import Failure
from .operations import postgres_name

if TYPE_CHECKING:
    from .databases import Database
    from .machine import Machine
    from .memory import Worker
    from .wire import Call

_PG_VERSION = "15.0"
_FILES = "filestore.json"


async def dump(host: Machine, _worker: Worker, _call: Call, db_name: str, _format: str) -> str:
    """Return the database and the sizes of its files as a base64 string."""
    database = host.open(db_name)
    await host.pause(1.0)
    members = {
        "dump.sql": persistence.to_json(database, host.version),
        "manifest.json": _manifest(host.version, db_name, database),
        _FILES: host.filestore.get(db_name, {}),
    }
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as members_of:
        for name, content in members.items():
            members_of.writestr(name, json.dumps(content))
    return base64.b64encode(archive.getvalue()).decode()


async def restore(host: Machine, _worker: Worker, _call: Call, db_name: str, data: str, copy: Any = None) -> bool:
    """Make a database of a dump; a copy gets an identity of its own."""
    host.need_postgres()
    db_name = postgres_name(db_name)
    if db_name in host.databases:
        raise Failure("builtins.Exception", "Database already exists")
    await host.pause(2.0)
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(data))) as archive:
        database = persistence.from_json(json.loads(archive.read("dump.sql")), host.version)
        files = json.loads(archive.read(_FILES))
    if copy:
        seed.draw_anew(database, uuid=host.new_uuid(), secret=host.new_uuid(), now=host.now())
    host.databases[db_name] = database
    host.files(db_name).update(files)
    host.reached("restore.done")
    return True


def _manifest(version: str, name: str, database: Database) -> dict[str, Any]:
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
