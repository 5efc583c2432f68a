"""Where a new document goes: into a file of its own, where those of its kind are in this directory, and opened as they are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypeVar

_T = TypeVar("_T")
MODELINE = re.compile(r"# yaml-language-server: .*")


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A file that is there.

    Args:
        path: from the fleet's directory on.
        documents: kind and code of what it holds.
        first_line: of its text.
    """

    path: PurePosixPath
    documents: Sequence[tuple[str | None, str | None]]
    first_line: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a new document goes, and the line that its file begins with, if any."""

    path: PurePosixPath
    modeline: str = ""


def place_for(kind: str, code: str, neighbours: Iterable[Neighbour]) -> Place | None:
    """Return the file for a new document, one that is not there yet; None if each that it could be is."""
    files = [*neighbours]
    taken = {str(each.path).lower() for each in files}
    alike = [each for each in files if [k for k, _ in each.documents] == [kind]]
    directory = _directory(kind, files, alike)
    beside = [each for each in alike if each.path.parent == directory]
    ending = _most(each.path.suffix for each in beside) or _most(each.path.suffix for each in files) or ".yaml"
    for name in (code, f"{kind}-{code}"):
        path = directory / f"{name}{ending}"
        if str(path).lower() not in taken:
            return Place(path, _modeline(beside))
    return None


def _directory(kind: str, files: Sequence[Neighbour], alike: Sequence[Neighbour]) -> PurePosixPath:
    """Return where most files of one document of this kind are, or else most documents of it, or where it would be looked for."""
    alone = _most(each.path.parent for each in alike)
    if alone is not None:
        return alone
    together = _most(each.path.parent for each in files for other, _ in each.documents if other == kind)
    if together is not None:
        return together
    own = {each.path.parent for each in files for other, _ in each.documents if each.path.parent.name == f"{other}s"}
    above = _most(each.parent for each in own)
    return PurePosixPath() if above is None else above / f"{kind}s"


def _modeline(beside: Collection[Neighbour]) -> str:
    """Return the line for yaml-language-server that most of these begin with; a path in it is right in their directory alone."""
    found = [each.first_line for each in beside if MODELINE.fullmatch(each.first_line)]
    return (_most(found) or "") if 2 * len(found) >= len(beside) else ""


def _most(values: Iterable[_T]) -> _T | None:
    counted = Counter(values)
    return min(counted, key=lambda each: (-counted[each], str(each))) if counted else None
