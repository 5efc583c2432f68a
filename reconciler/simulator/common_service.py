"""The `common` service: the version, and logins, which are never answered from memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import authentication, shipped
from .errors import Failure, builtin

if TYPE_CHECKING:
    from .machine import Machine
    from .memory import Worker
    from .wire import RpcCall


def version_info(version: str) -> dict[str, Any]:
    """Return what `common.version` answers."""
    major, minor = shipped.major_of(version), version.partition(".")[2]
    return {
        "server_version": version,
        "server_version_info": [major, int(minor or 0), 0, "final", 0, ""],
        "server_serie": version,
        "protocol_version": 1,
    }


async def answer(host: Machine, worker: Worker, call: RpcCall) -> Any:
    """Answer one call of the common service."""
    if call.method == "version":
        await host.pause(0.01)
        return version_info(host.version)
    if call.method == "about":
        return "See http://openerp.com"
    if call.method in {"login", "authenticate"}:
        return await _login(host, worker, call)
    raise Failure("builtins.Exception", f"Method not found: {call.method}")


async def _login(host: Machine, worker: Worker, call: RpcCall) -> int | bool:
    wanted = 3 if call.method == "login" else 4
    if len(call.args) != wanted:
        raise builtin(
            "TypeError", f"exp_{call.method}() takes {wanted} positional arguments but {len(call.args)} were given"
        )
    name, login, password = (str(argument or "") for argument in call.args[:3])
    database = host.open(name)
    await host.pause(host.costs.login(worker, name))
    database = host.open(name)
    remembered = worker.registry(name, database)
    return authentication.login(host, database, remembered, login, password, call.peer) or False
