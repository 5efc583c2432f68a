"""Customers at work on a real host: threads that write numbered rows and files under whatever name is published.

What the host has acknowledged must be, in the end, in one database and in no other, and readable under the published name.
"""

import base64
import http.client
import itertools
import random
import struct
import threading
import time
import xmlrpc.client
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from xml.parsers.expat import ExpatError

from tests.hosts.real_hosts import RealHost

OWNER_LOGIN = "boss@acme.example"
OWNER = f"{{name: Boss, login: {OWNER_LOGIN}, groups: [base.group_user, base.group_partner_manager]}}"
_REFUSALS = (OSError, http.client.HTTPException, xmlrpc.client.Error, ExpatError)
"""How an answer fails to come: the database is elsewhere, or the host dies, perhaps in the middle of it."""
_READ_AT_ONCE = 50
_PAUSE = 0.02
"""How long somebody waits who was refused, before he tries again."""


def content_of(number: int) -> bytes:
    """What is in a customer's file: some kilobytes that no other file has."""
    return random.Random(number).randbytes(2000 + number % 500)


def picture_of(number: int) -> bytes:
    """A PNG of four points that no other picture has: files of the same content are one file."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    points = b"\0" + random.Random(number).randbytes(12)
    parts = [(b"IHDR", struct.pack(">IIBBBBB", 4, 1, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(points)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, body) for kind, body in parts)


@dataclass
class Saved:
    """What the host has acknowledged, by number with the id that it gave."""

    rows: dict[int, int] = field(default_factory=dict)
    files: dict[int, int] = field(default_factory=dict)
    pictures: dict[int, int] = field(default_factory=dict)
    moments: list[float] = field(default_factory=list)


class RealCustomers:
    """The owner of one instance, in so many loops at once, each with so many calls a second at most.

    Args:
        host: where the database is.
        password: the owner's.
        names: under which the database is or will be published, in any order.
        loops: how many work at once.
        rate: calls a second of each loop.
    """

    def __init__(self, host: RealHost, password: str, *names: str, loops: int = 2, rate: float = 8.0) -> None:
        self.saved = Saved()
        self._host, self._password, self._names = host, password, names
        self._rate = rate
        self._ended = threading.Event()
        self._changed = threading.Condition()
        self._numbers = iter(range(1, 10**6))
        self._threads = [threading.Thread(target=self._work, args=[each], daemon=True) for each in range(loops)]

    def __enter__(self) -> Self:
        """Begin, with Odoo's own tidying up put off: on 14 it removes files of uploads on their way (docs/odoo-facts.md)."""
        late = "update ir_cron set nextcall = nextcall + interval '1 year' where id = (%s)"
        self._host.psql(self._names[0], late % "select res_id from ir_model_data where name = 'autovacuum_job'")
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(60)

    def work_until(self, more: int = 3, patience: float = 60.0) -> None:
        """Wait until so many more rows and so many more files are acknowledged than there are now."""
        rows, files = len(self.saved.rows) + more, len(self.saved.files) + more
        with self._changed:
            arrived = self._changed.wait_for(
                lambda: len(self.saved.rows) >= rows and len(self.saved.files) >= files, patience
            )
        assert arrived, "customers cannot work"

    def longest_gap(self, since: float) -> float:
        """The longest time after a moment of `time.monotonic` in which nothing was acknowledged."""
        moments = [since, *sorted(m for m in self.saved.moments if m > since)]
        return max((later - earlier for earlier, later in itertools.pairwise(moments)), default=0.0)

    def everything_is_in(self, name: str) -> None:
        """Demand that whatever was acknowledged is in this database, and in no other of the host."""
        uid = _models(self._host, "common").login(name, OWNER_LOGIN, self._password)
        assert uid, f"the owner cannot log in to {name}"

        def call(model: str, method: str, *args: object) -> Any:
            return _models(self._host).execute_kw(name, uid, self._password, model, method, args)

        saved = self.saved
        found = {int(line) for line in self._numbers_in(name, "res_partner", "order")}
        assert saved.rows.keys() <= found, f"{len(saved.rows.keys() - found)} of {len(saved.rows)} rows are lost"
        assert saved.pictures.keys() <= found
        read = _read_all(call, "ir.attachment", list(saved.files.values()), "datas")
        lost = [n for n, each in saved.files.items() if base64.b64decode(read.get(each) or "") != content_of(n)]
        assert not lost, f"{len(lost)} of {len(saved.files)} files are lost or changed: {lost[:5]}"
        pictures = _read_all(call, "res.partner", list(saved.pictures.values()), "image_1920")
        lost = [n for n, each in saved.pictures.items() if not pictures.get(each)]
        assert not lost, f"{len(lost)} of {len(saved.pictures)} pictures are lost: {lost[:5]}"
        for other in self._host.databases():
            if other != name and saved.rows:
                theirs = {int(line) for line in self._numbers_in(other, "res_partner", f"order of {self._names[0]}")}
                assert theirs.isdisjoint(saved.rows), f"{other} has rows of {name}"

    def _numbers_in(self, database: str, table: str, kind: str) -> list[str]:
        numbered = f"select substring(name from '[0-9]+$') from {table} where name ~ '^{kind}.* [0-9]+$'"
        return self._host.psql(database, numbered).split()

    # -- one loop --------------------------------------------------------------------------------------------------

    def _work(self, which: int) -> None:
        while not self._ended.is_set():
            begun = time.monotonic()
            for name in self._names:
                with suppress(*_REFUSALS):
                    uid = _models(self._host, "common").login(name, OWNER_LOGIN, self._password)
                    while uid and not self._ended.is_set():
                        begun = time.monotonic()
                        self._write(name, uid)
                        self._ended.wait(max(0.0, begun + 1 / self._rate - time.monotonic()))
            self._ended.wait(_PAUSE)

    def _write(self, name: str, uid: int) -> None:
        """Save a row, a file or a picture, in turn: of six numbers, three are files and one is a picture in a field."""
        number = next(self._numbers)
        kept: dict[int, int]
        if number % 2:
            model, kept = "ir.attachment", self.saved.files
            values = {"name": f"file {number}", "datas": base64.b64encode(content_of(number)).decode()}
        else:
            model, kept = "res.partner", self.saved.rows
            values = {"name": f"order of {self._names[0]} {number}"}
            if number % 6 == 0:
                kept, values = (
                    self.saved.pictures,
                    {**values, "image_1920": base64.b64encode(picture_of(number)).decode()},
                )
        made = _models(self._host).execute_kw(name, uid, self._password, model, "create", [values])
        assert isinstance(made, int)
        with self._changed:
            kept[number] = made
            self.saved.moments.append(time.monotonic())
            self._changed.notify_all()


def _models(host: RealHost, service: str = "object") -> Any:
    return xmlrpc.client.ServerProxy(f"{host.address.direct_url}/xmlrpc/2/{service}")


def _read_all(call: Callable[..., Any], model: str, ids: list[int], what: str) -> dict[int, str]:
    read: dict[int, str] = {}
    for start in range(0, len(ids), _READ_AT_ONCE):
        rows = call(model, "search_read", [["id", "in", ids[start : start + _READ_AT_ONCE]]], ["id", what])
        read |= {row["id"]: row[what] for row in rows}
    return read
