"""The `db` service: making, cloning, renaming and dropping databases, in the steps that Odoo makes.

Each step is durable when `reached` is called with its name, and a host may die there. What Odoo answers is kept as
it is: a creation says true whatever became of the database, a clone copies its files last and skips them silently
when the folder exists, and so does a rename.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import arguments, cloning, creating, dumping, shipped
from .errors import Failure, access_denied, builtin, key_error
from .operations import postgres_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .machine import Machine
    from .memory import Worker
    from .wire import RpcCall

_WITHOUT_MASTER = frozenset({"db_exist", "list", "list_lang", "server_version"})
_ALLOWED_WITHOUT_LIST = frozenset({"db_exist", "list_lang", "list_countries", "server_version"})


async def answer(host: Machine, worker: Worker, call: RpcCall) -> Any:
    """Answer one call of the db service: the master password first, then `list_db`, then the work."""
    run = _METHODS.get(call.method)
    if run is None:
        raise key_error(f"Method not found: {call.method}")
    args = call.args
    if call.method not in _WITHOUT_MASTER:
        if not args:
            raise builtin("IndexError", "list index out of range")
        await host.pause(host.costs.master)
        if args[0] != host.spec.master_password or not args[0]:
            raise access_denied()
        args = args[1:]
    if call.method not in _ALLOWED_WITHOUT_LIST and not host.list_db:
        raise access_denied()
    known = arguments.parameters(run, 3)
    if call.method == "duplicate_database" and not host.neutralizes:
        known = known[:-1]
    arguments.check(f"exp_{call.method}", known, args, {})
    return await run(host, worker, call, *args)


# -- looking -----------------------------------------------------------------------------------------------------


async def _list(host: Machine, _worker: Worker, call: RpcCall, _document: Any = None) -> list[str]:
    await host.pause(0.02)
    host.need_postgres()
    names = host.listed()
    if "empty" in call.faults:
        return []
    if "shrink" in call.faults:
        return names[: max(0, len(names) - int(call.faults["shrink"]))]
    return names


async def _db_exist(host: Machine, _worker: Worker, _call: RpcCall, db_name: str) -> bool:
    await host.pause(0.01)
    return not host.faults.holds("pg-down") and db_name in host.databases


async def _list_lang(_host: Machine, _worker: Worker, _call: RpcCall) -> list[list[str]]:
    return [[row["code"], row["name"]] for row in shipped.languages()]


async def _list_countries(host: Machine, _worker: Worker, _call: RpcCall) -> list[list[str]]:
    known = shipped.countries(host.version)
    return sorted(([row["code"].lower(), row["name"]] for row in known), key=lambda row: row[1])


async def _server_version(host: Machine, _worker: Worker, _call: RpcCall) -> str:
    return host.version


# -- renaming and dropping ---------------------------------------------------------------------------------------


async def _rename(host: Machine, worker: Worker, _call: RpcCall, old: str, new: str) -> bool:
    new = postgres_name(new)
    host.need_postgres()
    worker.delete(old)  # first of all, and whether there is such a database or not
    if old in host.databases:
        host.databases[old].end_connections()
    host.reached("rename.connections")
    await host.pause(host.costs.rename)
    database = host.databases.get(old)
    problem = ""
    if database is None:
        problem = f'database "{old}" does not exist'
    elif new in host.databases:
        problem = f'database "{new}" already exists'
    elif database.owner != "odoo":
        problem = f"must be owner of database {old}"
    if problem or database is None:
        raise Failure("builtins.Exception", f"Couldn't rename database {old} to {new}: {problem}\n")
    database.end_connections()
    host.databases[new] = host.databases.pop(old)
    host.reached("rename.database")
    if old in host.filestore and new not in host.filestore:
        host.filestore[new] = host.filestore.pop(old)
    host.reached("rename.files")
    return True


async def _drop(host: Machine, worker: Worker, _call: RpcCall, db_name: str) -> bool:
    host.need_postgres()
    if db_name not in host.listed():
        return False
    worker.delete(db_name)
    if db_name in host.databases:
        host.databases[db_name].end_connections()
    host.reached("drop.connections")
    await host.pause(host.costs.drop)
    if db_name not in host.databases:
        raise Failure("builtins.Exception", f'Couldn\'t drop database {db_name}: database "{db_name}" does not exist\n')
    del host.databases[db_name]
    host.reached("drop.database")
    host.filestore.pop(db_name, None)
    host.reached("drop.files")
    return True


_METHODS: dict[str, Callable[..., Awaitable[Any]]] = {
    "list": _list,
    "db_exist": _db_exist,
    "list_lang": _list_lang,
    "list_countries": _list_countries,
    "server_version": _server_version,
    "create_database": creating.create,
    "duplicate_database": cloning.duplicate,
    "rename": _rename,
    "drop": _drop,
    "dump": dumping.dump,
    "restore": dumping.restore,
}
