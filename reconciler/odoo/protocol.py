"""The wire: one call to Odoo as bytes, and the bytes that came back as a value.

No I/O. `encode` is the one place that reveals a secret. What `decode` returns is Odoo's own answer to this very call; what
Odoo raised is a `Fault`; everything else (a proxy, a redirect, a page, another call's answer) is `NoAnswer`, so that nobody
takes a stranger's words for Odoo's. No text leaves this module uncleaned: faults and pages become one printable line from
which the secrets that its host knows are struck out.

Both doors give the same Python values: text, numbers, booleans, None, lists and dicts with text keys.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import Enum
from http import HTTPStatus
from typing import BinaryIO, Protocol
from urllib.parse import urlsplit

from reconciler.core.model.failures import (
    ConnectionCut,
    HostError,
    NotOdoo,
    ProxyFailure,
    Redirected,
    Refused,
    UnexpectedAnswer,
)
from reconciler.odoo import xml_rpc
from reconciler.odoo.cleaning import one_line
from schemas.secrets import Secret

# Odoo itself gives none of these; nor anything above 500.
LOOK = "it may have been done or still be under way: look, do not send it again"
"""What to do where the answer to what changes something was lost."""

_FROM_PROXIES = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_HTML = re.compile(r"\s*<(!doctype\s+)?html", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>(.{0,200}?)</title>", re.IGNORECASE | re.DOTALL)

# Position of the database's name in the arguments; the other calls concern the host.
_DATABASE_ARGUMENT = {
    ("object", "execute_kw"): 0,
    ("common", "login"): 0,
    ("common", "authenticate"): 0,
    ("db", "db_exist"): 0,
    ("db", "create_database"): 1,
    ("db", "duplicate_database"): 1,
    ("db", "rename"): 1,
    ("db", "drop"): 1,
    ("db", "dump"): 1,
    ("db", "restore"): 1,
}


BEGINNING = 256 * 1024
"""Bytes that are returned of an answer that goes into a file: enough for any page of Odoo's."""


class Door(Enum):
    """The two ways in. They take the same calls; which one tells its failures depends on the version (`versions`)."""

    JSON = "/jsonrpc"
    XML = "/xmlrpc/2"


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked of Odoo. Arguments may hold `Secret`s at any depth and are never shown.

    The service `web` stands for Odoo's JSON routes below /web, asked as by a browser that wants the site `host`.
    """

    service: str
    method: str
    args: tuple[object, ...] = field(default=(), repr=False)
    host: str = ""

    @property
    def database(self) -> str:
        """The database concerned, or nothing where the call concerns the host."""
        position = _DATABASE_ARGUMENT.get((self.service, self.method))
        if position is None or position >= len(self.args):
            return ""
        return str(self.args[position])

    @property
    def operation(self) -> str:
        """`db.rename`, or `res.users.write` for a method of a model."""
        if (self.service, self.method) == ("object", "execute_kw"):
            return ".".join(str(part) for part in self.args[3:5])
        return f"{self.service}.{self.method}"

    @property
    def secrets(self) -> frozenset[str]:
        """The values that no message about this call may hold."""
        return frozenset(secret.reveal() for secret in _secrets(self.args) if secret)


@dataclass(frozen=True, slots=True)
class Upload:
    """A body that is too large to be held: its length, and its parts, made anew by each call."""

    length: int
    parts: Callable[[], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP POST. `fresh` asks for a connection that nothing else has used or will use; `upload` goes in `body`'s place."""

    url: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    fresh: bool = False
    upload: Upload | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Timeout:
    """Seconds until a connection must stand, and until the whole answer must be there."""

    connect: float
    total: float


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole HTTP answer. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Transport(Protocol):
    """What carries a request to a host, once, without retries or redirects. It may be cancelled at any moment."""

    async def send(self, request: Request, *, timeout: Timeout, into: BinaryIO | None = None) -> Answer:
        """Return the whole answer, or raise `NoAnswer`.

        With a file to write it into, of any length, only the beginning is returned (`BEGINNING` bytes).
        """
        ...


class Fault(Exception):
    """Odoo's own error: the class path of the exception that it raised, and its message in one clean line."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message


class NoAnswer(Exception):
    """No answer of Odoo's came.

    Args:
        failure: what this means for a call that only reads.
        what: one clean line.
        sent: whether the host may have begun to act. Only False is certain.
        advice: what the person at the other end can do.
        cut: whether it looks as if the host, or the worker that was asked, is gone, and its work with it.
    """

    def __init__(
        self, failure: type[HostError], what: str, *, sent: bool = True, advice: str = "", cut: bool = False
    ) -> None:
        super().__init__(what)
        self.cut = cut or failure is ConnectionCut
        self.failure = failure
        self.what = what
        self.sent = sent
        self.advice = advice


def encode(call: Call, door: Door, *, base: str, number: int, fresh: bool = False) -> Request:
    """Put a call on the wire.

    Raises:
        NoAnswer: the arguments have no form on this door (NaN, a control character, too large a number); nothing was sent.
    """
    try:
        args = [_plain(arg) for arg in call.args]
        if call.service == "web":
            return _json_request(f"{base}/web/{call.method}", {}, number, fresh=fresh, host=call.host)
        if door is Door.XML:
            body = xml_rpc.dumps(call.method, args)
            return Request(f"{base}{door.value}/{call.service}", {"content-type": "text/xml"}, body, fresh)
        params = {"service": call.service, "method": call.method, "args": args}
        return _json_request(f"{base}{door.value}", params, number, fresh=fresh)
    except (ValueError, OverflowError, RecursionError) as error:
        # Not chained: an encoder's message can quote the value.
        kind = type(error).__name__
        raise NoAnswer(Refused, f"the arguments have no form on the wire ({kind})", sent=False) from None


def _json_request(url: str, params: Mapping[str, object], number: int, *, fresh: bool, host: str = "") -> Request:
    envelope = {"jsonrpc": "2.0", "method": "call", "id": number, "params": params}
    headers = {"content-type": "application/json"} | ({"host": host} if host else {})
    return Request(url, headers, json.dumps(envelope).encode(), fresh)


def decode(answer: Answer, door: Door, *, number: int, secrets: Iterable[str] = ()) -> object:
    """Read the answer to the call of this number.

    Raises:
        Fault: Odoo raised an exception.
        NoAnswer: this is not Odoo's answer to this call.
    """
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST:
        raise _redirected(answer, secrets)
    read = _read_xml if door is Door.XML else _read_json
    try:
        return read(answer.body, number)
    except Fault as fault:
        raise Fault(one_line(fault.name, secrets), one_line(fault.message, secrets)) from None
    except (ValueError, RecursionError) as error:
        # The envelope is looked for before the status: an Odoo that gives its error another status is still Odoo.
        raise _stranger(answer, _reason(error), secrets) from None


def _plain(value: object) -> object:
    """Reveal secrets, and give times and bytes the form that Odoo takes on either door."""
    match value:
        case Secret():
            return value.reveal()
        case datetime():
            moment = value if value.tzinfo is None else value.astimezone(UTC)
            return moment.strftime("%Y-%m-%d %H:%M:%S")
        case date():
            return value.isoformat()
        case bytes():
            return base64.b64encode(value).decode()
        case Mapping():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case float() if not math.isfinite(value):
            raise ValueError("not a number that either door has")
        case _:
            return value


def _secrets(value: object) -> Iterator[Secret]:
    match value:
        case Secret():
            yield value
        case Mapping():
            for item in value.values():
                yield from _secrets(item)
        case list() | tuple():
            for item in value:
                yield from _secrets(item)


def _read_json(body: bytes, number: int) -> object:
    """Read one JSON-RPC envelope; ValueError says why it is none."""
    envelope = json.loads(body, parse_constant=_no_constant)
    if not isinstance(envelope, dict) or envelope.get("jsonrpc") != "2.0":
        raise ValueError("not a JSON-RPC answer")
    if envelope.get("id") != number or isinstance(envelope.get("id"), bool):
        raise ValueError("the answer to another call")
    if "error" not in envelope:
        return envelope.get("result")  # Odoo leaves the key out when the value is None (19, http.py)
    if "result" in envelope:
        raise ValueError("a result and an error at once")
    raise _json_fault(envelope["error"])


def _json_fault(error: object) -> Fault:
    detail = error.get("data") if isinstance(error, dict) else None
    name = detail.get("name") if isinstance(detail, dict) else None
    message = detail.get("message") if isinstance(detail, dict) else None
    if not isinstance(name, str) or not isinstance(message, str):
        raise ValueError("an error without a name")  # noqa: TRY004 -- wrong bytes, not a wrong type of ours
    return Fault(name, message)


def _read_xml(body: bytes, _number: int) -> object:
    """Read one XML-RPC answer. The door has no call numbers: one connection carries one call at a time."""
    try:
        return xml_rpc.loads(body)
    except xml_rpc.RemoteError as error:
        raise Fault(error.name, error.message) from None


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not a number of JSON")


def _reason(error: ValueError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return "not JSON"  # a decoder's own words quote the body
    return one_line(str(error))


def _redirected(answer: Answer, secrets: Iterable[str]) -> NoAnswer:
    """Name only the place: the rest of a Location can hold anything."""
    try:
        target = urlsplit(answer.headers.get("location", ""))
        place = f"{target.scheme}://{target.netloc.rpartition('@')[2]}" if target.netloc else target.path or "nowhere"
    except ValueError:
        place = "nowhere"
    what = f"redirects to {one_line(place, secrets)} (HTTP {answer.status})"
    return NoAnswer(Redirected, what, advice="let server_url name the final address")


def _stranger(answer: Answer, reason: str, secrets: Iterable[str]) -> NoAnswer:
    """Say who else may have answered."""
    page = _page(answer, secrets)
    seen = f"HTTP {answer.status}" + (f", a page titled “{page}”" if page else "")
    if answer.status in _FROM_PROXIES or answer.status > HTTPStatus.INTERNAL_SERVER_ERROR:
        cut = (
            answer.status == HTTPStatus.BAD_GATEWAY
        )  # it found nobody, or lost whom it had asked; 504: it lost patience
        return NoAnswer(ProxyFailure, f"a proxy answers in the host's place: {seen}", cut=cut)
    if answer.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        advice = "Odoo 14 and 15 hide their errors on /jsonrpc: is odoo_version right?"
        return NoAnswer(UnexpectedAnswer, f"an internal error without a name: {seen}", advice=advice)
    if answer.status != HTTPStatus.OK or page:
        return NoAnswer(NotOdoo, f"something else than Odoo answers: {seen}")
    return NoAnswer(UnexpectedAnswer, f"not an answer that Odoo gives: {reason}")


def _page(answer: Answer, secrets: Iterable[str]) -> str:
    """Return the title of a page of HTML, or nothing for anything else."""
    start = answer.body[:4096].decode("utf-8", "replace")
    if "html" not in answer.headers.get("content-type", "") and not _HTML.match(start):
        return ""
    title = _TITLE.search(start)
    return (title and one_line(title[1], secrets, limit=80)) or "untitled"
