"""Files and directories that are either there as a whole or not at all, whatever dies meanwhile.

What is being made or removed has a name of its own, so that leftovers are known as such.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from pathlib import Path

_BUILDING, _REMOVING = "building-", "removing-"


def name_aside(directory: Path) -> Path:
    """Return a new name in a directory, for what is to be renamed when it is whole."""
    return directory / f"{_BUILDING}{uuid.uuid4().hex}"


def is_leftover(place: Path) -> bool:
    """Tell whether something was being made or removed when somebody died."""
    return place.name.removeprefix(".").startswith((_BUILDING, _REMOVING))


def remove(place: Path) -> None:
    """Remove what is there under a name, of whatever kind: the name is free at once."""
    if not os.path.lexists(place):
        return
    aside = place
    if not is_leftover(place):
        aside = place.with_name(f"{_REMOVING}{uuid.uuid4().hex}")
        place.rename(aside)
    if aside.is_symlink() or not aside.is_dir():
        aside.unlink(missing_ok=True)
    else:
        shutil.rmtree(aside, ignore_errors=True)


def write_whole(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a file so that it holds either the old or the new data, even if the machine loses power.

    Raises:
        OSError: it cannot be written, or is none.
    """
    if path.exists() and not path.is_file():
        raise OSError(0, "it is not a regular file")
    aside = path.with_name(f".{name_aside(path.parent).name}")  # it may stand among files of somebody's own
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise
