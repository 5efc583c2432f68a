"""The ports to places for backups, and the files on this machine that what is kept there goes through."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Protocol, cast

from reconciler.core.model.failures import StorageFailure


class Storage(Protocol):
    """A place where backups are kept. Every method may raise `StorageFailure`. What it holds open ends by itself after use."""

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

    def open(self, name: str) -> Storage:
        """Return one by its name; raises `StorageFailure` or `SecretUnavailable` where it cannot be used."""
        ...

    def encrypt(self, name: str, content: BinaryIO, into: BinaryIO) -> bool:
        """Encrypt a file, if the target asks for that, and tell whether it does; raises as `open`."""
        ...

    def decrypt(self, name: str, content: BinaryIO, into: BinaryIO) -> None:
        """Decrypt a file of the target; raises as `open`, and where it is another's or was changed."""
        ...

    def archive(self, path: str) -> BinaryIO:
        """Open a file of this machine, relative to the fleet's directory; raises `StorageFailure` where it cannot be read."""
        ...


@contextlib.contextmanager
def on_this_machine() -> Iterator[None]:
    """Say of a file that lies here meanwhile where it lies if its disk is full: neither a host nor a target is to blame.

    Raises:
        StorageFailure: in the place of an `OSError` of the body.
    """
    try:
        yield
    except OSError as error:
        what = f"{tempfile.gettempdir()} on this machine: {error.strerror or error}"
        raise StorageFailure(what, advice="make room where TMPDIR leads") from None


def spooled(file: BinaryIO) -> BinaryIO:
    """Give a target a file of this machine to write into, so that it does not take this machine's full disk for its own."""
    return cast("BinaryIO", _Spool(file))


class _Spool:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, part: bytes) -> int:
        """Write as the file does."""
        with on_this_machine():
            return self._file.write(part)
