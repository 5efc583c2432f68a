"""A mail server that takes everything, sends nothing on, and tells what came."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast


class MailSink(socketserver.ThreadingTCPServer):
    """Listens on a port of this machine; `mails` has what came, headers and all."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.mails: list[str] = []

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.server_address[1]


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self._say("220 sink")
        while line := self.rfile.readline().decode("utf-8", "replace").strip().upper():
            if line == "DATA":
                self._say("354 go on")
                cast("MailSink", self.server).mails.append(self._read())
            self._say("221 bye" if line == "QUIT" else "250 sink")
            if line == "QUIT":
                return

    def _read(self) -> str:
        lines: list[str] = []
        while (line := self.rfile.readline().decode("utf-8", "replace").rstrip("\r\n")) != ".":
            lines.append(line)
        return "\n".join(lines)

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def mail_sink() -> Iterator[MailSink]:
    """Listen while the block runs."""
    with MailSink() as sink:
        thread = threading.Thread(target=sink.serve_forever, daemon=True)
        thread.start()
        yield sink
        sink.shutdown()
        thread.join()
