"""The `object` service: `execute` and `execute_kw` on the models of one database.

The order of checks is the version's own: 19 compares sequence numbers before it looks at the password, 14 after, so
that an old password can pass once more in each of its workers. A call writes all or nothing.
"""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

from . import authentication, methods, shipped
from .environment import Env
from .errors import access_denied, builtin, cursor_closed
from .faults import parse_time
from .memory import signal_cache, signal_registry

if TYPE_CHECKING:
    from .databases import SimulatedDatabase
    from .machine import Machine
    from .memory import Worker
    from .wire import RpcCall


async def execute(host: Machine, worker: Worker, call: RpcCall) -> Any:
    """Answer one call of the object service."""
    name, uid, password, model, method, args, kwargs = _arguments(host, call)
    database = host.open(name)
    epoch = database.connection_epoch
    await host.pause(host.costs.execute(worker, name, uid, password))
    _still_connected(host, name, database, epoch)
    env = _environment(host, worker, call, name, uid, password)
    if "slow" in call.faults:
        await asyncio.sleep(parse_time(call.faults["slow"]))
        _still_connected(host, name, database, epoch)
    env.context = dict(kwargs.pop("context", None) or {})
    return await run(env, model, method, args, kwargs)


def _still_connected(host: Machine, name: str, database: SimulatedDatabase, epoch: int) -> None:
    if host.open(name) is not database or database.connection_epoch != epoch:
        raise cursor_closed()


def _arguments(host: Machine, call: RpcCall) -> tuple[str, int, str, str, str, list[Any], dict[str, Any]]:
    """Unpack as Odoo does, raising what it raises for too few."""
    if not shipped.since(host.version, 19):
        if len(call.args) < 3:  # noqa: PLR2004 -- database, uid, password
            raise builtin("IndexError", "list index out of range")
    elif len(call.args) < 5:  # noqa: PLR2004 -- and model, method
        raise builtin("ValueError", f"not enough values to unpack (expected at least 5, got {len(call.args)})")
    name, uid, password, *rest = call.args
    if call.method not in {"execute", "execute_kw"}:
        raise builtin("NameError", f"Method not available {call.method}")
    if len(rest) < 2:  # noqa: PLR2004 -- model, method
        raise builtin("TypeError", f"{call.method}() missing 2 required positional arguments: 'obj' and 'method'")
    model, method, *rest = rest
    if call.method == "execute":
        return str(name), int(uid), password, model, method, list(rest), {}
    if not 1 <= len(rest) <= 2:  # noqa: PLR2004 -- args, kw
        raise builtin("TypeError", "execute_kw() takes from 5 to 7 positional arguments")
    kwargs = rest[1] if len(rest) > 1 else None
    return str(name), int(uid), password, model, method, list(rest[0]), dict(kwargs or {})


def _environment(host: Machine, worker: Worker, call: RpcCall, name: str, uid: int, password: str) -> Env:
    database = host.databases[name]
    if not password:
        raise access_denied()
    early = shipped.since(host.version, 19) or host.served(call.host_header) == [name]
    if early:
        worker.check_signaling(name, database)
    authentication.check(host, database, worker.registry(name, database), uid, password, call.peer)
    remembered = worker.check_signaling(name, database)
    return Env(host, name, database, uid, remembered)


def _signal_changes(env: Env) -> None:
    if env.models_changed:
        signal_registry(env.remembered, env.database)
        return
    for cache in env.stale_caches:
        signal_cache(env.remembered, env.database, cache)


async def run(env: Env, model: str, method: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Call a method in an environment: all of its writes are kept, or none."""
    if env.remembered.unsignalled:
        signal_registry(env.remembered, env.database)
    bound = methods.bind(env, model, method, args, kwargs)
    if not methods.find_method(env, model, method).writes:
        result = bound()
        return await result if inspect.isawaitable(result) else result
    before = env.database.savepoint()
    try:
        result = bound()
    except Exception:
        env.database.rollback(before)
        raise
    _signal_changes(env)
    env.world.reached("execute.committed")
    return result
