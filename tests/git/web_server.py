"""A web server that serves bare repositories by git's own `http-backend`, and wants a login."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class GitServer:
    """What the server does, and what it saw.

    Args:
        root: directory of the repositories.
        login: the user and password that it wants, None if anyone may come.
        elsewhere: address that all requests are sent on to.
        on_request: called while git waits for the answer.
        logins: the logins that were tried, in order; "" for none.
    """

    root: Path
    login: str | None = None
    elsewhere: str = ""
    on_request: Callable[[], None] = lambda: None
    logins: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/remote.git"


@contextmanager
def serve(root: Path, **options: Any) -> Iterator[GitServer]:
    """Serve the repositories in a directory while the block runs."""
    server = GitServer(root, **options)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(self, server, b"")

        def do_POST(self) -> None:
            _answer(self, server, self.rfile.read(int(self.headers["Content-Length"])))

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- as in the standard library
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.port = web.server_address[1]
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        web.shutdown()
        thread.join()
        web.server_close()


def _answer(request: BaseHTTPRequestHandler, server: GitServer, body: bytes) -> None:
    server.on_request()
    _, _, encoded = request.headers.get("Authorization", "").partition(" ")
    login = base64.b64decode(encoded).decode()
    server.logins.append(login)
    if server.elsewhere:
        _reply(request, 302, {"Location": server.elsewhere + request.path}, b"")
    elif server.login is not None and login != server.login:
        _reply(request, 401, {"WWW-Authenticate": 'Basic realm="git"'}, b"")
    else:
        _run_backend(request, server.root, body)


def _run_backend(request: BaseHTTPRequestHandler, root: Path, body: bytes) -> None:
    path, _, query = request.path.partition("?")
    variables = {
        "PATH": os.environ["PATH"],
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "REQUEST_METHOD": request.command,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
    }
    done = subprocess.run(["git", "http-backend"], env=variables, input=body, capture_output=True, check=False)
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
    _reply(request, int(headers.pop("Status", "200").split()[0]), headers, content)


def _reply(request: BaseHTTPRequestHandler, status: int, headers: dict[str, str], content: bytes) -> None:
    request.send_response(status)
    for name, value in {**headers, "Content-Length": str(len(content))}.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(content)
