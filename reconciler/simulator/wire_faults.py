"""Plays the faults that lie around a piece of work: proxies, lost connections, slow answers, the host's death.

What a client sees here never tells what became of the work: that is the point. The work goes on in its own task
whenever the answer is given before its end.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from . import operations, wire
from .errors import ConnectionDropped, HostKilled
from .faults import AFTER, BEFORE, FaultSpec, parse_time

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

    from .machine import Machine
    from .wire import HttpResponse, RpcCall

_REASONS = {"502": "Bad Gateway", "503": "Service Unavailable", "504": "Gateway Time-out"}


def _proxy_page(status: str) -> HttpResponse:
    reason = f"{status} {_REASONS[status]}"
    return wire.html_response(
        f"<html>\r\n<head><title>{reason}</title></head>\r\n<body>\r\n<center><h1>{reason}</h1></center>\r\n"
        "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n",
        status=int(status),
    )


def _selector_page() -> HttpResponse:
    return wire.html_response("<!DOCTYPE html>\n<html><head><title>Odoo</title></head><body>Odoo</body></html>\n")


async def around(
    host: Machine, names: Iterable[str], call: RpcCall | None, work: Coroutine[object, object, HttpResponse]
) -> HttpResponse:
    """Do the work with what goes wrong around it."""
    struck = host.faults.strike(names)
    if not struck:
        return await work
    try:
        for fault in struck:
            await _before(fault)
    except BaseException:
        work.close()
        raise
    early = next((fault for fault in struck if fault.action in BEFORE), None)
    if early is not None:
        work.close()
        return await _instead(early.action, early.value)
    if call is not None:
        call.faults.update({fault.action: fault.value for fault in struck})
    late = next((fault for fault in struck if fault.action in AFTER), None)
    task = asyncio.ensure_future(_with_death(host, struck, call, work))
    task.add_done_callback(lambda _ended: work.close())  # killed before it began, it never begins
    host.adopt(task)
    if late is not None and late.value:
        await asyncio.sleep(parse_time(late.value))
        return await _instead(late.action.removesuffix("-after"), "")
    answered = await task
    if late is not None:
        return await _instead(late.action.removesuffix("-after"), "")
    return _spoilt(struck, answered)


async def _before(fault: FaultSpec) -> None:
    if fault.action == "latency":
        await asyncio.sleep(parse_time(fault.value))


async def _instead(action: str, value: str) -> HttpResponse:
    """Give the answer of a fault in place of the host's."""
    if action in _REASONS:
        return _proxy_page(action)
    if action == "html":
        return _selector_page()
    if action == "redirect":
        location = value or "/web/database/selector"
        return wire.html_response("<title>Redirecting...</title>\n", status=303, headers={"Location": location})
    if action == "hang":
        await asyncio.Event().wait()
    raise ConnectionDropped("before" if action == "reset-before" else "after")


def _spoilt(struck: list[FaultSpec], answered: HttpResponse) -> HttpResponse:
    for fault in struck:
        if fault.action == "drip":
            return replace(answered, drip=parse_time(fault.value) if fault.value else 0.1)
        if fault.action == "cut":
            raise ConnectionDropped("after", partial=answered.body[: len(answered.body) // 2])
    return answered


async def _with_death(
    host: Machine, struck: list[FaultSpec], call: RpcCall | None, work: Coroutine[object, object, HttpResponse]
) -> HttpResponse:
    """Do the work, killing the host (or only the worker) at a step when that is ordered."""
    fatal = next((fault for fault in struck if fault.action in {"crash", "worker-killed"}), None)
    if fatal is None:
        return await work
    steps = ("", *operations.STEPS.get(_operation(call), ()))
    step = fatal.value or host.random.choice(steps)
    mine = asyncio.current_task()

    def die_there(reached: str) -> None:
        if reached == step and asyncio.current_task() is mine:
            _die(host, call, fatal)

    host.watchers.append(die_there)
    try:
        if step:
            await work
        else:
            work.close()
    finally:
        host.watchers.remove(die_there)
    # The step did not come (a refused call, or one without steps): death comes before the answer.
    _die(host, call, fatal)
    raise HostKilled


def _die(host: Machine, call: RpcCall | None, fatal: FaultSpec) -> None:
    """Kill the host and plan its return; or kill one worker, whose work stops here."""
    if fatal.action == "worker-killed":
        if call is not None and call.worker is not None:
            host.workers.replace(call.worker)
        raise HostKilled
    host.kill()
    if fatal.restart is not None:
        asyncio.get_running_loop().call_later(fatal.restart, host.start)


def _operation(call: RpcCall | None) -> str:
    if call is None or call.service == "common":
        return ""
    if call.service == "db":
        return call.method
    return "install" if (call.model_method or "").endswith("button_immediate_install") else "execute"
