"""Two simulated hosts in a process of their own, with a customer whose archive is larger than what a reconciler may hold.

`python -m tests.server_moves.large_hosts GIGABYTES DIRECTORY` prints their ports, and makes the database `acme` that large when
it is packed for the first time: a dump of some 250 MB, and files of so many GB. The simulator holds whole archives in memory;
here they go through files, and of a dump only what the simulator reads comes to it.
"""

from __future__ import annotations

import asyncio
import email.message
import io
import re
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO

from reconciler.simulator import HostSpec, HttpRequest, SimulatedHost
from tests.archives.large import PART, add_large
from tests.harness.universe import MASTER

LARGE, ROWS = 4, 400_000
_BEGINS, _ENDS = b"COPY public.mail_message (id, body) FROM stdin;\n", b"\\.\n\n\n"
_END_OF_ZIP = b"PK\x05\x06"
_CHUNK = 1 << 16


def main(gigabytes: int, directory: Path) -> None:
    """Serve them until killed."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    ports = []
    for code in ("alpha", "beta"):
        host = SimulatedHost(HostSpec(code, "19.0", MASTER))
        mine = {"host": host, "loop": loop, "gigabytes": gigabytes, "place": directory / f"{code}.zip"}
        server = ThreadingHTTPServer(("127.0.0.1", 0), type(code, (_Door,), mine))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ports.append(server.server_port)
    print(*ports, flush=True)
    threading.Event().wait()


class _Door(BaseHTTPRequestHandler):
    """Hands requests to a host; what they bring and take away of archives goes through a file."""

    host: SimulatedHost
    loop: asyncio.AbstractEventLoop
    gigabytes: int
    place: Path

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        if self.path == "/web/database/restore":
            self._restore(length)
        elif self.path == "/web/database/backup":
            self._back_up(self.rfile.read(length))
        else:
            self._answer(self.rfile.read(length))

    def do_GET(self) -> None:
        self._answer(b"")

    def _restore(self, length: int) -> None:
        with self.place.open("wb") as file:
            while length > 0:
                length -= file.write(self.rfile.read(min(length, _CHUNK)))
        with self.place.open("rb") as file:
            self._answer(_lessened(file, self.headers))

    def _back_up(self, form: bytes) -> None:
        name = _grow(self.host, self.gigabytes)
        files, self.host.filestore[name] = self.host.files(name), {}
        packed = self._ask(form).body
        self.host.filestore[name] = files
        _pack(packed, files, self.place)
        self._send(200, {"Content-Type": "application/octet-stream; charset=binary"}, self.place)

    def _ask(self, body: bytes) -> Any:
        asked = HttpRequest(self.command, self.path, dict(self.headers.items()), body)
        return asyncio.run_coroutine_threadsafe(self.host.respond(asked), self.loop).result(300)

    def _answer(self, body: bytes) -> None:
        answer = self._ask(body)
        self._send(answer.status, answer.headers, answer.body)

    def _send(self, status: int, headers: dict[str, str], body: bytes | Path) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(body.stat().st_size if isinstance(body, Path) else len(body)))
        self.end_headers()
        if isinstance(body, bytes):
            self.wfile.write(body)
            return
        with body.open("rb") as file:
            while part := file.read(_CHUNK):
                self.wfile.write(part)

    def log_message(self, *_args: object) -> None:
        pass


def _grow(host: SimulatedHost, gigabytes: int) -> str:
    """Give acme its large files, once; return what it is called now."""
    name = next(name for name in ("suspended.acme", "acme") if name in host.databases)
    database = host.databases[name]
    for number in range(LARGE):
        stored = f"{number:02x}/{number:02x}{number:038x}"
        if stored not in host.files(name):
            pattern = next(row for row in database.rows("ir.attachment").values() if row.get("store_fname"))
            size = gigabytes * 64 // LARGE * len(PART)
            database.insert("ir.attachment", {**pattern, "store_fname": stored, "file_size": size})
            host.files(name)[stored] = size
    return name


def _pack(small: bytes, files: dict[str, int], place: Path) -> None:
    """Write what a host packed without its files as it is with them, and with rows that nobody reads."""
    with zipfile.ZipFile(io.BytesIO(small)) as told, zipfile.ZipFile(place, "w") as whole:
        head, _, rest = told.read("dump.sql").partition(b"COPY ")
        with whole.open("dump.sql", "w", force_zip64=True) as dump:
            dump.write(head)
            dump.write(_BEGINS)
            for number in range(ROWS):
                dump.write(b"%d\t%s\n" % (number, b"x" * 600))
            dump.write(_ENDS + b"COPY " + rest)
        for stored, size in files.items():
            if size >= len(PART):
                add_large(whole, f"filestore/{stored}", size // len(PART))
            else:
                whole.writestr(f"filestore/{stored}", bytes(size))
        whole.writestr("manifest.json", told.read("manifest.json"))


def _lessened(form: BinaryIO, headers: email.message.Message) -> bytes:
    """Return the form of a restore with an archive that has no such rows; its files are told by their sizes as before."""
    head = form.read(1 << 14)
    start = head.index(b"PK\x03\x04")
    boundary = re.search(r'boundary="?([^";]+)', headers["content-type"])
    assert boundary is not None
    less = io.BytesIO()
    with zipfile.ZipFile(_Part(form, start)) as whole, zipfile.ZipFile(less, "w") as small:
        with whole.open("dump.sql") as dump:
            small.writestr("dump.sql", b"".join(_read(dump)))
        for member in whole.infolist():
            if member.filename.startswith("filestore/"):
                entry = zipfile.ZipInfo(member.filename)
                small.writestr(entry, b"")
                small.getinfo(entry.filename).file_size = member.file_size
    form.seek(0, 2)
    size = form.tell()
    form.seek(max(0, size - 4096))
    tail = form.read()
    return (
        head[:start] + less.getvalue() + tail[tail.index(b"\r\n--" + boundary[1].encode(), tail.index(_END_OF_ZIP)) :]
    )


def _read(dump: Any) -> Iterator[bytes]:
    skips = False
    for line in dump:
        skips = skips or line == _BEGINS
        if not skips:
            yield line
        elif line == _ENDS[:3]:
            skips = False


class _Part(io.RawIOBase):
    """A file from some place in it on; a zip tells its end by itself."""

    def __init__(self, file: BinaryIO, start: int) -> None:
        self._file, self._start = file, start
        file.seek(start)

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell() - self._start

    def seek(self, place: int, whence: int = 0) -> int:
        self._file.seek(place + (self._start if whence == 0 else 0), whence)
        return self.tell()

    def readinto(self, into: Any) -> int:
        data = self._file.read(len(into))
        into[: len(data)] = data
        return len(data)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
