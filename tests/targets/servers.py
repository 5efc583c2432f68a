"""Servers for backups from PyPI, each on a port of its own: SFTP by asyncssh, an S3 store by moto."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from tests.hosts.programs import free_port

BUCKET = "backups"
_PATIENCE = 30.0
_FAREWELL = 0.2
"""Seconds that closed connections have to end in."""


@dataclass(frozen=True)
class SftpServer:
    """A directory that is reached by SFTP."""

    port: int
    user: str
    root: Path
    key: Path
    known_hosts: Path


@contextmanager
def sftp_server(directory: Path) -> Iterator[SftpServer]:
    """Serve a directory by SFTP, to one account with a key; the keys lie beside it."""
    root, port = directory / "served", free_port()
    root.mkdir()
    keys = {name: asyncssh.generate_private_key("ssh-ed25519") for name in ("host", "user")}
    for name, key in keys.items():
        (directory / name).write_bytes(key.export_private_key())
        (directory / f"{name}.pub").write_bytes(key.export_public_key())
    known = keys["host"].export_public_key().decode()
    (directory / "known_hosts").write_text(f"[127.0.0.1]:{port} {known}")

    ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        authorized, end = str(directory / "user.pub"), asyncio.Event()
        async with asyncssh.listen(
            "127.0.0.1", port, server_host_keys=[keys["host"]], authorized_client_keys=authorized, sftp_factory=True
        ):
            ready.set_result((asyncio.get_running_loop(), end))
            await end.wait()
        await asyncio.sleep(_FAREWELL)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    loop, end = ready.result(_PATIENCE)
    try:
        yield SftpServer(port, "backup", root, directory / "user", directory / "known_hosts")
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(_PATIENCE)


@contextmanager
def s3_server(log: Path) -> Iterator[str]:
    """Serve an S3-compatible store with one empty bucket, and yield its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with log.open("wb") as written:
        words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        program = subprocess.Popen(words, stdout=written, stderr=written)
        try:
            _wait(program, url)
            urllib.request.urlopen(urllib.request.Request(f"{url}/{BUCKET}", method="PUT"), timeout=10).close()
            yield url
        finally:
            program.terminate()
            program.wait()


def _wait(program: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            if program.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"a server does not start: {program.args!r}") from None
            time.sleep(0.1)
        else:
            return
