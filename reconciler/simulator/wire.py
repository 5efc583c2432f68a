"""Requests and answers as bytes: JSON-RPC and XML-RPC, in the shapes of each version.

Pure encoding and decoding; nothing here waits or knows databases. An answer of None has no `result` key in JSON-RPC
and is a fault in XML-RPC, as in Odoo. A traceback names the exception on its last line and never holds arguments.
"""

from __future__ import annotations

import json
import xmlrpc.client
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.parsers.expat import ExpatError

from .errors import ACCESS_DENIED, ACCESS_ERROR, MISSING_ERROR, USER_ERROR, VALIDATION_ERROR, Failure

if TYPE_CHECKING:
    from .memory import Worker

JSON = "json"
XML = "xml"
XML_TEXT_CODES = "xml-text-codes"

_SERVICES = frozenset({"common", "object", "db"})
_FAULT_CODES = {ACCESS_DENIED: 3, ACCESS_ERROR: 4, USER_ERROR: 2, VALIDATION_ERROR: 2, MISSING_ERROR: 2}


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One HTTP request; `peer` is the address that it came from."""

    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    peer: str = "127.0.0.1"

    def header(self, name: str) -> str:
        """Return a header whatever its case, empty when it is missing."""
        lowered = name.lower()
        return next((value for key, value in self.headers.items() if key.lower() == lowered), "")

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """One HTTP answer; `drip` is the pause between single bytes of the body, in seconds."""

    status: int
    headers: dict[str, str]
    body: bytes
    drip: float = 0.0


@dataclass(slots=True)
class RpcCall:
    """One RPC call as decoded: which service, what, and how its answer is written."""

    service: str
    method: str
    args: list[Any]
    style: str
    request_id: Any = None
    host_header: str = ""
    peer: str = "127.0.0.1"
    faults: dict[str, str] = field(default_factory=dict)
    worker: Worker | None = None

    @property
    def database(self) -> str | None:
        """The database that the call names, for the journal."""
        if self.service == "db":
            takes_master = self.method not in {"db_exist", "list", "list_lang", "server_version", "list_countries"}
            position = 1 if takes_master else 0
            given = self.args[position] if len(self.args) > position else None
        else:
            given = self.args[0] if self.args else None
        return given if isinstance(given, str) and self.method not in {"list_countries", "version"} else None

    @property
    def model_method(self) -> str | None:
        """The model and method of a call to the object service, as in `res.users.write`."""
        if self.service != "object" or len(self.args) < 5:  # noqa: PLR2004 -- database, uid, password, model, method
            return None
        return f"{self.args[3]}.{self.args[4]}"

    @property
    def names(self) -> tuple[str, ...]:
        """What a fault may call it."""
        own = f"{self.service}.{self.method}"
        return (own, f"object.{self.model_method}") if self.model_method else (own,)


def decode(request: HttpRequest) -> RpcCall | None:
    """Return the RPC call of a request, None when it is not one; ValueError when it is garbled."""
    path = request.path
    if request.method != "POST":
        return None
    if path == "/jsonrpc":
        body = json.loads(request.body)
        if not isinstance(body, dict):
            raise ValueError("Invalid JSON-RPC data")
        given = body.get("params") or {}
        service, method, args = str(given.get("service")), str(given.get("method")), list(given.get("args") or [])
        return RpcCall(service, method, args, JSON, body.get("id"), request.header("host"), request.peer)
    style = XML if path.startswith("/xmlrpc/2/") else XML_TEXT_CODES
    if path.startswith("/xmlrpc/") and path.rpartition("/")[2] in _SERVICES:
        try:
            params, called = xmlrpc.client.loads(request.body.decode())
        except (ExpatError, xmlrpc.client.Error) as problem:
            raise ValueError(str(problem)) from None
        return RpcCall(
            path.rpartition("/")[2], called or "", list(params), style, None, request.header("host"), request.peer
        )
    return None


def json_response(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    """Return a JSON answer."""
    body = json.dumps(value, ensure_ascii=False).encode()
    return HttpResponse(status, {"Content-Type": "application/json; charset=utf-8", **(headers or {})}, body)


def html_response(text: str, status: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    """Return a page."""
    return HttpResponse(status, {"Content-Type": "text/html; charset=utf-8", **(headers or {})}, text.encode())


def result(call: RpcCall, value: Any) -> HttpResponse:
    """Render what a call returned."""
    if call.style == JSON:
        return json_result(call.request_id, value)
    try:
        body = xmlrpc.client.dumps((value,), methodresponse=True, allow_none=False)
    except (TypeError, OverflowError) as problem:
        return failure(call, Failure(f"builtins.{type(problem).__name__}", str(problem)), hidden=False)
    return HttpResponse(200, {"Content-Type": "text/xml; charset=utf-8"}, body.encode())


def json_result(request_id: Any, value: Any) -> HttpResponse:
    """Render a JSON-RPC result; None has no `result` key."""
    answer = {"jsonrpc": "2.0", "id": request_id}
    if value is not None:
        answer["result"] = value
    return json_response(answer)


def failure(call: RpcCall, problem: Failure, *, hidden: bool) -> HttpResponse:
    """Render an exception; `hidden` is a 14 that answers JSON-RPC with a page of HTML."""
    if call.style == JSON:
        return server_error() if hidden else json_failure(call.request_id, problem)
    fault = _coded_fault(problem) if call.style == XML else _text_fault(problem)
    return HttpResponse(200, {"Content-Type": "text/xml; charset=utf-8"}, xmlrpc.client.dumps(fault).encode())


def _coded_fault(problem: Failure) -> xmlrpc.client.Fault:
    code = _FAULT_CODES.get(problem.name)
    return xmlrpc.client.Fault(code or 1, problem.message if code else traceback_text(problem))


def _text_fault(problem: Failure) -> xmlrpc.client.Fault:
    short = problem.name.rpartition(".")[2]
    if problem.name == ACCESS_DENIED:
        return xmlrpc.client.Fault("AccessDenied", problem.message)  # type: ignore[arg-type]  # Odoo's old door
    if problem.name in _FAULT_CODES:
        kind = "UserError" if problem.name == VALIDATION_ERROR else short
        return xmlrpc.client.Fault(f"warning -- {kind}\n\n{problem.message}", "")  # type: ignore[arg-type]
    return xmlrpc.client.Fault(problem.message, traceback_text(problem))  # type: ignore[arg-type]


def json_failure(request_id: Any, problem: Failure, code: int = 0, message: str = "Odoo Server Error") -> HttpResponse:
    """Render a JSON-RPC error."""
    data = {
        "name": problem.name,
        "message": problem.message,
        "arguments": problem.arguments,
        "context": {},
        "debug": traceback_text(problem),
    }
    return json_response(
        {"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": message, "data": data}}
    )


def traceback_text(problem: Failure) -> str:
    """Return what Python would print: its last line is the class (without `builtins`) and the message.

    Odoo leaves the frames out for AccessDenied.
    """
    printed = problem.name.removeprefix("builtins.")
    if problem.name == ACCESS_DENIED:
        return f"{printed}: {problem.message}\n"
    return f'Traceback (most recent call last):\n  File "odoo/http.py", line 1, in dispatch\n{printed}: {problem.message}\n'


def server_error() -> HttpResponse:
    """Return the page behind which Odoo 14 hides the failures of `/jsonrpc`."""
    return html_response(
        '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">\n<title>500 Internal Server Error</title>\n'
        "<h1>Internal Server Error</h1>\n<p>The server encountered an internal error and was unable to complete your "
        "request. Either the server is overloaded or there is an error in the application.</p>\n",
        status=500,
    )


def not_found() -> HttpResponse:
    """Return Odoo's page for a path that does not exist."""
    return html_response("<!doctype html>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n", status=404)
