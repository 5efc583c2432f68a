"""The ports to places for backups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO, Protocol


class Target(Protocol):
    """A place where backups are kept. Every method may raise `StorageFailure`."""

    async def write(self, place: str, content: BinaryIO) -> None:
        """Keep a file from its beginning: under its name it is whole, or it is not there."""
        ...

    async def read(self, place: str, into: BinaryIO) -> None:
        """Copy a file."""
        ...

    async def names(self, folder: str) -> Sequence[str]:
        """List where files lie below a folder; none where there is no such folder."""
        ...

    async def remove(self, place: str) -> None:
        """Remove a file, if it is there."""
        ...

    async def aclose(self) -> None:
        """End what is held open."""
        ...


class Targets(Protocol):
    """The places for backups that a fleet declares."""

    def open(self, name: str) -> Target:
        """Return one by its name; raises `StorageFailure` or `SecretUnavailable` where it cannot be used."""
        ...

    def encrypt(self, name: str, content: BinaryIO, into: BinaryIO) -> bool:
        """Encrypt a file, if the target asks for that, and tell whether it does; raises as `open`."""
        ...

    def decrypt(self, name: str, content: BinaryIO, into: BinaryIO) -> None:
        """Decrypt a file of the target; raises as `open`, and where it is another's or was changed."""
        ...
