"""`duplicate_database`: rows first, then a new identity, and the files last.

The copy is listed at once, with its source's uuid. Files are skipped silently when the target's folder exists. Its
sequence numbers are those of its source, so that workers cannot tell them apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import neutralizing, seed
from .databases import READY, SimulatedDatabase
from .errors import Failure, disk_full, key_error, postgres
from .operations import postgres_name, still_there

if TYPE_CHECKING:
    from .machine import Machine
    from .memory import Worker
    from .wire import RpcCall


async def duplicate(
    host: Machine, worker: Worker, call: RpcCall, db_original_name: str, db_name: str, neutralize_database: Any = None
) -> bool:
    """Answer `duplicate_database`."""
    source_name, name = db_original_name, postgres_name(db_name)
    host.need_postgres()
    async with host.lanes["duplicate_database"]:
        if call.faults.get("disk-full") == "postgres":
            raise disk_full()
        database = _copy_rows(host, source_name, name)
        host.reached("duplicate_database.listed")
        await host.pause(host.costs.duplicate * 0.8)
        still_there(host, name, database)
        if database.stage != READY:
            raise key_error("ir.config_parameter")
        seed.draw_anew(database, uuid=host.new_uuid(), secret=host.new_uuid(), now=host.now())
        if neutralize_database:
            neutralizing.neutralize(database)
        worker.delete(name)
        worker.registry(name, database)
        host.reached("duplicate_database.uuid")
        await _copy_files(host, call, source_name, name)
    return True


def _copy_rows(host: Machine, source_name: str, name: str) -> SimulatedDatabase:
    """End what works in the source and copy it in the same moment: nothing can tidy up in between."""
    source = host.databases.get(source_name)
    if source is not None and source.owner == "odoo":
        source.end_connections()
    host.reached("duplicate_database.connections")
    if name in host.databases:
        raise postgres("DuplicateDatabase", f'database "{name}" already exists\n')
    if source is None:
        raise postgres("InvalidCatalogName", f'template database "{source_name}" does not exist\n')
    if source.owner != "odoo":
        raise postgres("InsufficientPrivilege", f'permission denied to copy database "{source_name}"\n')
    database = host.databases[name] = source.fork()
    return database


async def _copy_files(host: Machine, call: RpcCall, source_name: str, name: str) -> None:
    files = dict(host.filestore.get(source_name, {}))
    skipped = name in host.filestore or not files
    if not skipped:
        host.filestore[name] = _half(files)
    host.reached("duplicate_database.files_partly")
    if "disk-full" in call.faults:
        raise Failure("shutil.Error", "[('…', '…', \"[Errno 28] No space left on device\")]", [[]])
    await host.pause(host.costs.duplicate * 0.2 + 0.0015 * len(files))
    if not skipped and name in host.databases:
        host.filestore[name] = files
    host.reached("duplicate_database.files")


def _half(files: dict[str, int]) -> dict[str, int]:
    """Return the first half of the files, the last of them cut short."""
    names = sorted(files)[: (len(files) + 1) // 2]
    return {name: files[name] // 2 if name == names[-1] else files[name] for name in names}
