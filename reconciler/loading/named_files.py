"""Files that a text names by a path: it begins where the file lies in which the name stands, wherever that is read from."""

from __future__ import annotations

import os
from pathlib import Path

from reconciler.fleet.desired import Desired


def named_file(name: str, desired: Desired, root: Path, kind: str, code: str, *field: str | int) -> Path:
    """Return where a file lies.

    Args:
        name: its path, as a document gives it.
        desired: the fleet.
        root: the fleet's directory, as it was given to `load_fleet`.
        kind: kind of that document.
        code: code of that document.
        field: where in the document the path stands.
    """
    names_it = desired.sources[kind, code].file_of(*field)
    below = os.path.relpath(names_it, root)
    return (root / below).parent / name
