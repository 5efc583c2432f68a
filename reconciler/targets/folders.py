"""A folder of another machine, by SFTP (`asyncssh`). Its host key must be known: backups are sent to nobody else."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

import asyncssh

from reconciler.core.model.failures import StorageFailure
from reconciler.targets.directories import PARTIAL
from schemas.secrets import Secret

_PART = 1024 * 1024
_PATIENCE = 30.0

REST_SECONDS = 30.0
"""How long a connection that nobody uses is kept: one that is kept for weeks is dead when it is needed."""

_GONE = (asyncssh.SFTPNoConnection, asyncssh.SFTPConnectionLost)


@dataclass(frozen=True, slots=True)
class Login:
    """How to log in to the machine: an account with a key or a password."""

    host: str
    port: int
    user: str
    known_hosts: Path
    key: Secret | None = None
    password: Secret | None = None


class Folder:
    """Keeps backups in a folder that is reached by SFTP, on one connection for as long as anybody uses it.

    Args:
        name: what the fleet calls it.
        root: where it is on that machine.
        login: how to get there.
    """

    def __init__(self, name: str, root: str, login: Login) -> None:
        self._name, self._root, self._login = name, PurePosixPath(root), login
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None
        self._beginning = asyncio.Lock()
        self._users = 0
        self._rest: asyncio.TimerHandle | None = None

    async def write(self, place: str, content: BinaryIO) -> None:
        """Keep a file, whole or not at all."""
        goal = self._root / place
        partial = f"{goal}{PARTIAL}"
        async with self._connected() as client:
            await client.makedirs(str(goal.parent), exist_ok=True)
            async with client.open(partial, "wb") as file:
                while part := content.read(_PART):
                    await file.write(part)
            if (await client.stat(partial)).size != content.tell():
                raise StorageFailure(f"backup target {self._name!r}: less arrived than was sent")
            await client.posix_rename(partial, str(goal))

    async def read(self, place: str, into: BinaryIO) -> None:
        """Copy a file."""
        async with self._connected() as client, client.open(str(self._root / place), "rb") as file:
            while part := cast("bytes", await file.read(_PART)):  # as it was opened
                into.write(part)

    async def names(self, folder: str) -> list[str]:
        """List what lies below a folder."""
        async with self._connected() as client:
            try:
                found = [str(path) async for path in _walk(client, self._root / folder)]
            except asyncssh.SFTPNoSuchFile:
                if not await client.isdir(str(self._root)):
                    what = f"backup target {self._name!r}: {self._root} is no directory there"
                    raise StorageFailure(what, advice="make it, or mount it") from None
                return []
        return sorted(str(PurePosixPath(path).relative_to(self._root)) for path in found)

    async def remove(self, place: str) -> None:
        """Remove a file, if it is there."""
        async with self._connected() as client:
            with contextlib.suppress(asyncssh.SFTPNoSuchFile):
                await client.remove(str(self._root / place))

    async def aclose(self) -> None:
        """End the connection."""
        self._stay()
        if ending := self._leave():
            await ending.wait_closed()

    def _leave(self) -> asyncssh.SSHClientConnection | None:
        ending, self._connection, self._client = self._connection, None, None
        if ending is not None:
            ending.close()
        return ending

    def _stay(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    @contextlib.asynccontextmanager
    async def _in_use(self) -> AsyncIterator[None]:
        """Let the connection end some time after its last user: whoever else is done with it cuts nobody's work."""
        self._stay()
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            if not self._users and self._connection is not None:
                self._rest = asyncio.get_running_loop().call_later(REST_SECONDS, self._leave)

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[asyncssh.SFTPClient]:
        async with self._in_use():
            try:
                yield await self._begun()
            except asyncssh.HostKeyNotVerifiable:
                what = f"backup target {self._name!r}: the host key of {self._login.host} is not the one in known_hosts"
                raise StorageFailure(
                    what, advice="`ssh-keyscan` shows it; compare it with the one on that machine"
                ) from None
            except asyncssh.KeyImportError:
                raise StorageFailure(
                    f"backup target {self._name!r}: its `key` is no private key without a passphrase"
                ) from None
            except asyncssh.PermissionDenied:
                raise StorageFailure(f"backup target {self._name!r}: {self._login.host} refuses the login") from None
            except ValueError as error:  # in a container that runs as a number without a name
                raise StorageFailure(f"backup target {self._name!r}: {error}") from None
            except (asyncssh.Error, OSError, TimeoutError) as error:
                # An answer of the machine's ends nobody else's work; where the connection is gone the next use makes another.
                if not isinstance(error, asyncssh.SFTPError) or isinstance(error, _GONE):
                    await self.aclose()
                what = getattr(error, "strerror", None) or getattr(error, "reason", None) or type(error).__name__
                raise StorageFailure(f"backup target {self._name!r}: {self._login.host}: {what}") from None

    async def _begun(self) -> asyncssh.SFTPClient:
        async with self._beginning:
            if self._client is None:
                self._connection = await self._connect()
                self._client = await self._connection.start_sftp_client()
            return self._client

    async def _connect(self) -> asyncssh.SSHClientConnection:
        login = self._login
        keys = [] if login.key is None else [asyncssh.import_private_key(login.key.reveal().rstrip() + "\n")]
        return await asyncssh.connect(
            login.host,
            login.port,
            username=login.user,
            client_keys=keys,
            password=None if login.password is None else login.password.reveal(),
            known_hosts=str(login.known_hosts),
            agent_path=None,
            config=None,
            connect_timeout=_PATIENCE,
            keepalive_interval=_PATIENCE,
        )


async def _walk(client: asyncssh.SFTPClient, folder: PurePosixPath) -> AsyncIterator[PurePosixPath]:
    async for entry in client.scandir(str(folder)):
        name = str(entry.filename)
        if name in {".", ".."}:
            continue
        if entry.attrs.type == asyncssh.FILEXFER_TYPE_DIRECTORY:
            async for each in _walk(client, folder / name):
                yield each
        else:
            yield folder / name
