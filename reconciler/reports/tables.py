"""Tables of text, as data: each column says what it has of a row, and stands where its table says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from reconciler.reports.paragraphs import Tone

NOTHING = "-"
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Cell:
    """One text of a table, and what its colour says."""

    text: str
    tone: Tone | None = None


@dataclass(frozen=True, slots=True)
class Column(Generic[R]):
    """One column.

    Args:
        title: above it.
        of: what it has of a row.
        shrinks: whether its text is folded where the table is too wide.
        right: whether it stands at the right.
        only: whether it is for wide tables, or for the others, alone.
    """

    title: str
    of: Callable[[R], str | Cell]
    shrinks: bool = False
    right: bool = False
    only: Literal["wide", "short"] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A title, columns, rows of cells, and notes to be read below."""

    title: str
    columns: tuple[Column[Any], ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()


def table(
    title: str, columns: Iterable[Column[R]], rows: Iterable[R], notes: Iterable[str] = (), *, wide: bool = False
) -> Table:
    """Return a table of rows, by those columns that one of its width has."""
    shown = tuple(each for each in columns if each.only in (None, "wide" if wide else "short"))
    return Table(title, shown, tuple(tuple(_cell(each.of(row)) for each in shown) for row in rows), tuple(notes))


def _cell(given: str | Cell) -> Cell:
    return Cell(given) if isinstance(given, str) else given
