"""A host in the test's own process: it answers what the test says, in the test's own order, and keeps what it was asked."""

import asyncio
import json
import xmlrpc.client
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from reconciler.notices.events import CallEvent
from reconciler.odoo.connection import DatabaseSession, HostConnection
from reconciler.odoo.protocol import Answer, NoAnswer, Request, Timeout
from schemas.secrets import Secret
from schemas.server import Timeouts

MASTER = Secret("master-of-the-host")
PASSWORD = Secret("p4ss<word>\"'")
TIMEOUTS = Timeouts(
    connect_seconds=1, read_seconds=5, create_seconds=60, clone_seconds=30, modules_seconds=90, rename_seconds=10
)

Reply = Callable[[Request], Answer] | Answer | NoAnswer | asyncio.Event


def page(title: str, status: int = 200, **headers: str) -> Answer:
    """Answer with a page of HTML."""
    body = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head></html>".encode()
    return Answer(status, {"content-type": "text/html; charset=utf-8", **headers}, body)


def value(result: Any, status: int = 200) -> Callable[[Request], Answer]:
    """Answer with a value, by the door that was asked."""

    def reply(request: Request) -> Answer:
        if "/xmlrpc/" in request.url:
            body = xmlrpc.client.dumps((result,), methodresponse=True, allow_none=True).encode()
            return Answer(status, {"content-type": "text/xml"}, body)
        envelope = {"jsonrpc": "2.0", "id": json.loads(request.body)["id"]}
        return _json(envelope if result is None else {**envelope, "result": result}, status)

    return reply


def fault(name: str, message: str = "", status: int = 200) -> Callable[[Request], Answer]:
    """Answer as Odoo does when it raises: by JSON-RPC with the class, by XML-RPC with a code or a traceback."""
    codes = {"UserError": 2, "ValidationError": 2, "MissingError": 2, "AccessDenied": 3, "AccessError": 4}

    def reply(request: Request) -> Answer:
        if "/xmlrpc/" in request.url:
            code = codes.get(name.removeprefix("odoo.exceptions."), 1)
            trace = (
                f'Traceback (most recent call last):\n  File "odoo/http.py", line 1, in x\n    y()\n{name}: {message}\n'
            )
            sent = xmlrpc.client.Fault(code, message if code > 1 else trace.replace("builtins.", ""))
            return Answer(status, {"content-type": "text/xml"}, xmlrpc.client.dumps(sent).encode())
        detail = {"name": name, "message": message, "arguments": [message], "debug": "Traceback …", "context": {}}
        error = {"code": 0, "message": "Odoo Server Error", "data": detail}
        return _json({"jsonrpc": "2.0", "id": json.loads(request.body)["id"], "error": error}, status)

    return reply


def _json(envelope: object, status: int) -> Answer:
    return Answer(status, {"content-type": "application/json"}, json.dumps(envelope).encode())


@dataclass
class ScriptedHost:
    """Answers in the order given, the last one for ever; an event is an answer that never comes until it is set."""

    replies: list[Reply]
    requests: list[Request] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    events: list[CallEvent] = field(default_factory=list)

    async def send(self, request: Request, *, timeout: Timeout, into: BinaryIO | None = None) -> Answer:
        self.requests.append(request)
        reply = self.replies[min(len(self.requests), len(self.replies)) - 1]
        if isinstance(reply, asyncio.Event):
            await reply.wait()
        if isinstance(reply, NoAnswer):
            raise reply
        if not isinstance(reply, Answer):
            assert callable(reply)
            reply = reply(request)
        if into is not None:
            into.write(reply.body)
        return reply

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def sent(self, number: int = -1) -> dict[str, Any]:
        """Return the parameters of a JSON-RPC request."""
        params = json.loads(self.requests[number].body)["params"]
        assert isinstance(params, dict)
        return params


def scripted(*replies: Reply) -> ScriptedHost:
    return ScriptedHost(list(replies))


def connect(
    host: ScriptedHost, version: str = "19.0", master_password: Callable[[], Secret] = lambda: MASTER
) -> HostConnection:
    return HostConnection(
        server="eu1",
        url="https://odoo.example.com/",
        declared_version=version,
        master_password=master_password,
        transport=host,
        timeouts=TIMEOUTS,
        sleep=host.sleep,
        jitter=lambda: 0.5,
        on_call=host.events.append,
    )


def session(host: ScriptedHost, version: str = "19.0", **context: object) -> DatabaseSession:
    return DatabaseSession(connect(host, version), "acme", 2, PASSWORD, context=context or None)


def run(work: Awaitable[Any]) -> Any:
    """Run one piece of work to its end."""

    async def whole() -> Any:
        return await work

    return asyncio.run(whole())


def failure_of(work: Awaitable[Any]) -> Exception:
    """Run one piece of work and return what it raised."""
    try:
        answer = run(work)
    except Exception as error:  # noqa: BLE001 -- tests look at whatever came
        return error
    raise AssertionError(f"no failure: {answer!r}")
