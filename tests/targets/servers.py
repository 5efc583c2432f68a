"""Servers for backups, each on a port of its own: SFTP by asyncssh and by Debian's OpenSSH, an S3 store by moto."""

from __future__ import annotations

import asyncio
import getpass
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
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
    made = _with_keys(directory, "backup")
    ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        host, authorized, end = str(directory / "host"), str(directory / "user.pub"), asyncio.Event()
        async with asyncssh.listen(
            "127.0.0.1", made.port, server_host_keys=[host], authorized_client_keys=authorized, sftp_factory=True
        ):
            ready.set_result((asyncio.get_running_loop(), end))
            await end.wait()
        await asyncio.sleep(_FAREWELL)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    loop, end = ready.result(_PATIENCE)
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(_PATIENCE)


@contextmanager
def openssh_server(directory: Path, sshd: Path) -> Iterator[SftpServer]:
    """Serve a directory by OpenSSH, as most machines do, to the account that runs this."""
    made = _with_keys(directory, getpass.getuser())
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where it keeps its less trusted half; Debian's unit makes it
    settings = directory / "sshd_config"
    settings.write_text(
        f"ListenAddress 127.0.0.1:{made.port}\nHostKey {directory}/host\nAuthorizedKeysFile {directory}/user.pub\n"
        "PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
        "Subsystem sftp internal-sftp\n"
    )
    with (directory / "log").open("wb") as log:
        program = subprocess.Popen([sshd, "-D", "-e", "-f", settings], stdout=log, stderr=log)
        try:
            _wait_for_port(program, made.port)
            yield made
        finally:
            program.terminate()
            program.wait()


def _with_keys(directory: Path, user: str) -> SftpServer:
    root, port = directory / "served", free_port()
    root.mkdir()
    keys = {name: asyncssh.generate_private_key("ssh-ed25519") for name in ("host", "user")}
    for name, key in keys.items():
        (directory / name).write_bytes(key.export_private_key("openssh"))
        (directory / name).chmod(0o600)
        (directory / f"{name}.pub").write_bytes(key.export_public_key())
    known = keys["host"].export_public_key().decode()
    (directory / "known_hosts").write_text(f"[127.0.0.1]:{port} {known}")
    return SftpServer(port, user, root, directory / "user", directory / "known_hosts")


def _wait_for_port(program: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while program.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise RuntimeError(f"a server does not start: {program.args!r}")


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
