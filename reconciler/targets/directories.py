"""A directory of this machine, or one that is mounted here."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from reconciler.core.model.failures import StorageFailure

PARTIAL = ".partial"
"""How a file is called that is not whole yet."""

_PART = 1024 * 1024


class Directory:
    """Keeps backups in a directory.

    Args:
        name: what the fleet calls it.
        root: where it is. It must be there: what is not mounted would else be written to the disk below.
    """

    def __init__(self, name: str, root: Path) -> None:
        self._name, self._root = name, root

    async def write(self, place: str, content: BinaryIO) -> None:
        """Keep a file, whole or not at all."""
        await asyncio.to_thread(self._write, place, content)

    async def read(self, place: str, into: BinaryIO) -> None:
        """Copy a file."""
        await asyncio.to_thread(self._read, place, into)

    async def names(self, folder: str) -> list[str]:
        """List what lies below a folder."""
        return await asyncio.to_thread(self._names, folder)

    async def remove(self, place: str) -> None:
        """Remove a file, if it is there."""
        await asyncio.to_thread(self._remove, place)

    async def aclose(self) -> None:
        """Nothing is held open."""

    def _write(self, place: str, content: BinaryIO) -> None:
        self._require_root()
        with self._failures():
            goal = self._root / place
            goal.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            partial = goal.with_name(goal.name + PARTIAL)
            try:
                with open(partial, "wb", opener=_private) as file:
                    shutil.copyfileobj(content, file, _PART)
                    file.flush()
                    os.fsync(file.fileno())
                partial.replace(goal)
            except BaseException:
                partial.unlink(missing_ok=True)  # a full disk is not filled further
                raise
            _make_durable(goal.parent)

    def _read(self, place: str, into: BinaryIO) -> None:
        with self._failures(), (self._root / place).open("rb") as file:
            shutil.copyfileobj(file, into, _PART)

    def _names(self, folder: str) -> list[str]:
        self._require_root()
        with self._failures():
            found = (self._root / folder).rglob("*")
            return sorted(str(path.relative_to(self._root)) for path in found if path.is_file())

    def _remove(self, place: str) -> None:
        with self._failures():
            (self._root / place).unlink(missing_ok=True)

    def _require_root(self) -> None:
        """A directory that is not there has no backups to show: what is not mounted must not look like an empty one."""
        if not self._root.is_dir():
            raise StorageFailure(
                f"backup target {self._name!r}: {self._root} is no directory", advice="make it, or mount it"
            )

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageFailure(
                f"backup target {self._name!r}: {error.filename or self._root}: {error.strerror}"
            ) from None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o600)


def _make_durable(directory: Path) -> None:
    """Have the new name on the disk, not only the content under it."""
    number = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
