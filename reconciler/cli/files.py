"""Files that commands write."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def replace_file(file: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a file whole, or leave what is there as it is.

    Raises:
        OSError: it cannot be written, or is none.
    """
    if file.exists() and not file.is_file():
        raise OSError(0, "it is not a regular file")
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        Path(name).replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
