"""A web server that takes what is posted to it, answers as it is told, and tells what came."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast


@dataclass(frozen=True)
class Posted:
    """One request that came; the names of headers are in lowercase."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """`answers` are given in turn, and 200 after them; 0 never answers, until the end."""

    port: int = 0
    answers: list[int] = field(default_factory=list)
    says: str = ""
    came: list[Posted] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/odoo"

    def wait_for(self, number: int, seconds: float = 10) -> list[Posted]:
        """Wait until so many requests came."""
        end = time.monotonic() + seconds
        while len(self.came) < number and time.monotonic() < end:
            time.sleep(0.01)
        return list(self.came)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    receiver: Receiver


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        receiver = cast("_Server", self.server).receiver
        body = self.rfile.read(int(self.headers["content-length"] or 0))
        receiver.came.append(Posted(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        status = receiver.answers.pop(0) if receiver.answers else 200
        if not status:
            receiver.over.wait(60)
            return
        self.send_response(status)
        if status in (301, 302, 307, 308):
            self.send_header("Location", f"http://127.0.0.1:{receiver.port}/elsewhere")
        said = receiver.says.encode()
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_arguments: object) -> None:
        """Be quiet."""


@contextmanager
def receiving(*answers: int, says: str = "") -> Iterator[Receiver]:
    """Listen while the block runs."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.receiver = Receiver(server.server_address[1], list(answers), says)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server.receiver
        finally:
            server.receiver.over.set()
            server.shutdown()
            thread.join()
