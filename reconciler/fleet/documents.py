"""Documents as they were read, before their fields are judged, and where each value of one stands in the text.

A `RawDocument` is plain data plus `Positions`, a port: whoever read the text can find a value again, and is asked only
when there is something to say about it. A document that could not be read to its end has no data, yet still counts as
declared, so that one broken file does not make every reference to it a second problem.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final, Protocol

from reconciler.fleet.diagnostics import Range

Path = tuple[str | int, ...]


class Unreadable:
    """Stands where a value was written that the reader has already reported; nothing else is said about it."""

    def __repr__(self) -> str:
        return "UNREADABLE"


UNREADABLE: Final = Unreadable()

# Fields that take the code's value when they are left out: what is wrong with them is wrong with the code.
FROM_CODE = frozenset({"name", "database_name", "subdomain", "template_db"})


class Positions(Protocol):
    """Finds the parts of one document in its text."""

    @property
    def file(self) -> str:
        """The file's path, as shown to people."""
        ...

    def value(self, path: Path) -> Range | None:
        """Where the value at `path` stands, `()` being the document; None if there is none."""
        ...

    def key(self, path: Path) -> Range | None:
        """Where the key of the value at `path` stands; None if there is none."""
        ...


@dataclass(frozen=True, slots=True)
class RawDocument:
    """One YAML document: its data, not judged yet, and its positions.

    `data` is None when the text could not be read; `kind` and `code` are then what could be made out.
    """

    kind: str | None
    code: str | None
    data: Mapping[str, object] | None = field(repr=False)  # it may hold a literal secret
    positions: Positions


@dataclass(frozen=True, slots=True)
class DocumentSource:
    """Where the values of a document come from: its own text, or the defaults in the fleet document.

    `prefix` is where the document begins inside its text; it is empty but for the defaults themselves, which are
    judged as if they were a document.
    """

    kind: str
    positions: Positions
    fleet: Positions | None = None
    prefix: Path = ()

    @property
    def file(self) -> str:
        """The file that the document stands in."""
        return self.positions.file

    def file_of(self, *path: str | int) -> str:
        """The file that the value at `path` stands in: paths in a document are relative to it."""
        return self.range_of(*path).file

    def range_of(self, *path: str | int) -> Range:
        """Where the value at `path` stands; failing that the default, the code, or the nearest thing around it."""
        found = self.positions.value((*self.prefix, *path)) or self._default(path)
        if found is None and path and path[0] in FROM_CODE:
            found = self.positions.value((*self.prefix, "code"))
        while found is None and path:
            path = path[:-1]
            found = self.positions.value((*self.prefix, *path)) or self._default(path)
        return found or Range(self.file)

    def has(self, *path: str | int) -> bool:
        """Tell whether the document itself or the defaults say something at `path`."""
        return (self.positions.value((*self.prefix, *path)) or self._default(path)) is not None

    def key_of(self, *path: str | int) -> Range:
        """Where the key at `path` stands, in the document or in the defaults."""
        found = self.positions.key((*self.prefix, *path))
        if found is None and self.fleet is not None:
            found = self.fleet.key(("defaults", self.kind, *path))
        return found or self.range_of(*path)

    def _default(self, path: Path) -> Range | None:
        if self.fleet is None or not path or self.positions.value(path[:1]) is not None:
            return None
        return self.fleet.value(("defaults", self.kind, *path))


def dotted(path: Iterable[str | int]) -> str:
    """Write a path as people do: `owner.login`, `modules[1]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


class Hints:
    """Hints at the nearest name. Each costs a comparison with many names, so a fleet of many mistakes gets only so many."""

    def __init__(self, comparisons: int = 20_000) -> None:
        self._left = comparisons
        self._known: dict[tuple[str, tuple[str, ...]], str | None] = {}

    def nearest(self, name: str, names: Iterable[str]) -> str | None:
        """Return the one of `names` that `name` is likely a misspelling of."""
        reach = max(3, len(name) // 3)
        alike = tuple(sorted(each for each in names if abs(len(each) - len(name)) <= reach))
        if (name, alike) not in self._known:
            self._left -= len(alike)
            found = get_close_matches(name, alike, n=1) if self._left >= 0 else []
            self._known[name, alike] = found[0] if found else None
        return self._known[name, alike]

    def did_you_mean(self, name: str, names: Collection[str]) -> str:
        """Hint at the nearest of `names`, or list them when none is near and they are few, or say nothing."""
        few = 6
        near = self.nearest(name, names)
        if near is not None:
            return f"did you mean {near!r}?"
        return f"one of {', '.join(sorted(names))}" if 0 < len(names) <= few else ""


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Hint at the nearest of `names`, for one question alone."""
    return Hints().did_you_mean(name, list(names))
