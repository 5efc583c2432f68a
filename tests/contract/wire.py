"""A client of a host's RPC doors as small as can be, which hides nothing of what the host answers but for sessions of its own.

Each call opens a connection of its own, so that any worker of the host may be the one that answers it.
"""

import http.client
import json
import re
import time
import xmlrpc.client
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

PATIENCE_SECONDS = 120.0
REQUEST_ID = 7
_TRIES = 10

ANY_ERROR, USER_ERROR, ACCESS_DENIED, ACCESS_ERROR = 1, 2, 3, 4
"""The fault codes of the XML-RPC doors."""

_LAST_LINE = re.compile(r"^[\w.]+(: |$)")


class Refusal(Exception):
    """A fault of the XML-RPC doors: its code, and the line of its text that names the error."""

    def __init__(self, code: int, text: str) -> None:
        lines = [line for line in text.splitlines() if line.strip()]
        named = [line for line in lines if _LAST_LINE.match(line)]
        self.code = code
        self.line = named[-1] if code == ANY_ERROR and named else text
        super().__init__(f"{code}: {self.line}")

    @property
    def name(self) -> str:
        """The class of the error; only faults of code 1 carry it."""
        return self.line.partition(":")[0]


@dataclass(frozen=True)
class Reply:
    """An answer of HTTP as it came."""

    status: int
    content_type: str
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which must be JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Wire:
    """The doors of the host at `url`."""

    url: str
    master_password: str

    def call(self, service: str, method: str, *args: Any) -> Any:
        """Call by XML-RPC, whose faults name their error on every version; a fault is raised as Refusal."""
        address = f"{self.url}/xmlrpc/2/{service}"
        with xmlrpc.client.ServerProxy(address, _Transport(), allow_none=True) as proxy:
            try:
                return getattr(proxy, method)(*args)
            except xmlrpc.client.Fault as fault:
                raise Refusal(fault.faultCode, fault.faultString) from None

    def manage(self, method: str, *args: Any) -> Any:
        """Call the `db` service with the master password in front.

        It is called again where a worker for scheduled actions came in: Odoo closes sessions, and does not keep them out.
        """
        patience = _TRIES
        while True:
            try:
                return self.call("db", method, self.master_password, *args)
            except Refusal as refusal:
                patience -= 1
                if "other session" not in refusal.line or not patience:
                    raise
            time.sleep(1.0)

    def login(self, database: str, login: str, password: str) -> Any:
        """The uid of these credentials, or what else the host says."""
        return self.call("common", "login", database, login, password)

    def json_call(self, service: str, method: str, *args: Any) -> Reply:
        """Call by JSON-RPC and give back the bare answer."""
        return self.post_json("/jsonrpc", {"service": service, "method": method, "args": args})

    def abandon(self, service: str, method: str, *args: Any) -> None:
        """Call by JSON-RPC and hang up before any answer can come."""
        with self._posted("/jsonrpc", {"service": service, "method": method, "args": args}):
            pass

    def post_json(self, path: str, params: Mapping[str, Any], *, host: str | None = None) -> Reply:
        """POST an envelope of JSON-RPC, to a virtual host if one is named."""
        with self._posted(path, params, host=host) as connection:
            reply = connection.getresponse()
            return Reply(reply.status, reply.headers.get_content_type(), reply.read())

    def post_form(
        self, path: str, fields: Mapping[str, str], *, host: str | None = None, file: bytes | None = None
    ) -> Reply:
        """POST a form as a browser does, with the file of a backup if there is one."""
        boundary = "-----a-form-of-a-test"
        if file is None:
            body, kind = urlencode(fields).encode(), "application/x-www-form-urlencoded"
        else:
            line = '--{}\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n'
            parts = [line.format(boundary, name, "") + value + "\r\n" for name, value in fields.items()]
            head = "".join([*parts, line.format(boundary, "backup_file", '; filename="backup.zip"')])
            body, kind = (
                head.encode() + file + f"\r\n--{boundary}--\r\n".encode(),
                f"multipart/form-data; boundary={boundary}",
            )
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE_SECONDS)
        with closing(connection):
            connection.request("POST", path, body, {"Content-Type": kind, **({"Host": host} if host else {})})
            reply = connection.getresponse()
            return Reply(reply.status, reply.headers.get_content_type(), reply.read())

    @contextmanager
    def _posted(
        self, path: str, params: Mapping[str, Any], *, host: str | None = None
    ) -> Iterator[http.client.HTTPConnection]:
        """A connection on which the question has been sent, closed at the end whether it was answered or not."""
        body = json.dumps({"jsonrpc": "2.0", "method": "call", "id": REQUEST_ID, "params": params})
        headers = {"Content-Type": "application/json", **({"Host": host} if host else {})}
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE_SECONDS)
        with closing(connection):
            connection.request("POST", path, body, headers)
            yield connection


@dataclass(frozen=True)
class Account:
    """Somebody's way into one database."""

    wire: Wire
    database: str
    password: str
    uid: int = 2
    login: str = "admin"

    def call(self, model: str, method: str, *args: Any, **keywords: Any) -> Any:
        """Call a method of a model by `execute_kw`."""
        words = [self.database, self.uid, self.password, model, method, args, keywords]
        return self.wire.call("object", "execute_kw", *words)

    def read_one(self, model: str, record: int, *fields: str, **keywords: Any) -> dict[str, Any]:
        """The fields of one record."""
        (row,) = self.call(model, "read", [record], list(fields), **keywords)
        answer: dict[str, Any] = row
        return answer

    def parameter(self, key: str) -> Any:
        """The value of a system parameter, or None when there is none of this key."""
        rows = self.call("ir.config_parameter", "search_read", [["key", "=", key]], ["value"])
        return rows[0]["value"] if rows else None

    def set_parameter(self, key: str, value: str) -> None:
        """Write a system parameter, whether it exists or not."""
        found = self.call("ir.config_parameter", "search", [["key", "=", key]])
        if found:
            self.call("ir.config_parameter", "write", found, {"value": value})
        else:
            self.call("ir.config_parameter", "create", {"key": key, "value": value})

    def with_password(self, password: str) -> "Account":
        """The same account with another password, right or not."""
        return Account(self.wire, self.database, password, self.uid, self.login)

    def renamed(self, database: str) -> "Account":
        """The same account in the database of another name."""
        return Account(self.wire, database, self.password, self.uid, self.login)


class _Transport(xmlrpc.client.Transport):
    """A transport that waits as long as a create takes, and not for ever."""

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(host, timeout=PATIENCE_SECONDS)
        self._connection = host, connection
        return connection
