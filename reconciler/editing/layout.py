"""Where a new document goes, and which code it gets if it was given none.

It goes into a file of its own, where those of its kind are in this directory, and opened as they are. A code is made of what
people call the document, and is nobody else's.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Container, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from schemas.texts import DATABASE_NAME_LENGTH

_T = TypeVar("_T")
_SHORTEST = 2
_NAMELESS = "customer"
# What Unicode does not take apart into a letter and its marks.
_SPELT = str.maketrans(
    {"ß": "ss", "æ": "ae", "ø": "o", "œ": "oe", "đ": "d", "ł": "l", "þ": "th", "ð": "d", "\u0131": "i", "&": " and "}
)
MODELINE = re.compile(rb"# yaml-language-server: [^\r\n]*")


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A file that is there.

    Args:
        path: from the fleet's directory on, with `/` between its parts.
        kinds: of the documents that it holds.
        data: its bytes.
    """

    path: str
    kinds: Sequence[str | None]
    data: bytes = field(repr=False)

    @property
    def directory(self) -> str:
        """Where it lies; empty for the fleet's directory itself."""
        return self.path.rpartition("/")[0]

    @property
    def ending(self) -> str:
        """How its name ends: `.yaml`."""
        return f".{self.path.rpartition('.')[2]}"


@dataclass(frozen=True, slots=True)
class NewFile:
    """Where a new document goes, and the line that its file begins with, if any."""

    path: str
    modeline: str = ""


def place_for(kind: str, code: str, neighbours: Iterable[Neighbour]) -> NewFile | None:
    """Return the file for a new document, one that is not there yet; None if each that it could be is."""
    files = [*neighbours]
    alike = [each for each in files if len(each.kinds) == 1 and each.kinds[0] == kind]
    directory = _directory(kind, files, alike)
    beside = [each for each in alike if each.directory == directory]
    ending = _most(each.ending for each in beside) or _most(each.ending for each in files) or ".yaml"
    taken = {each.path.lower() for each in files}
    for name in (code, f"{kind}-{code}"):
        path = f"{directory}/{name}{ending}" if directory else f"{name}{ending}"
        if path.lower() not in taken:
            return NewFile(path, _modeline(beside))
    return None


def _directory(kind: str, files: Sequence[Neighbour], alike: Sequence[Neighbour]) -> str:
    """Return where most files of one document of this kind are, or else most documents of it, or where it would be looked for."""
    alone = _most(each.directory for each in alike)
    if alone is not None:
        return alone
    together = _most(each.directory for each in files for other in each.kinds if other == kind)
    if together is not None:
        return together
    own = {each.directory for each in files for other in each.kinds if each.directory.rpartition("/")[2] == f"{other}s"}
    above = _most(each.rpartition("/")[0] for each in own)
    return "" if above is None else f"{above}/{kind}s".lstrip("/")


def _modeline(beside: Collection[Neighbour]) -> str:
    """Return the line for yaml-language-server that most of these begin with; a path in it is right in their directory alone."""
    found = [line[0].decode(errors="replace") for each in beside if (line := MODELINE.match(each.data))]
    return (_most(found) or "") if 2 * len(found) >= len(beside) else ""


def _most(values: Iterable[_T]) -> _T | None:
    counted = Counter(values)
    return min(counted, key=lambda each: (-counted[each], str(each))) if counted else None


def code_from(name: str, taken: Container[str]) -> str:
    """Return a code that a document of this name can have: fit for a subdomain and the name of a database, and not taken.

    Of a name in another script nothing is left, so that its code says only what it is.
    """
    spelt = unicodedata.normalize("NFKD", name.lower().translate(_SPELT)).encode("ascii", "ignore").decode()
    base = re.sub(r"[^a-z0-9]+", "-", spelt).strip("-")[:DATABASE_NAME_LENGTH].strip("-")
    if len(base) < _SHORTEST:
        base = f"{_NAMELESS}-{base}".rstrip("-")
    if base not in taken:
        return base
    numbered = (f"{base[: DATABASE_NAME_LENGTH - len(f'-{n}')].rstrip('-')}-{n}" for n in itertools.count(2))
    return next(code for code in numbered if code not in taken)
