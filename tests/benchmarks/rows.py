"""What a benchmark found, as a row of the table that `python -m tests.benchmarks` prints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass

_HEAD = ("benchmark", "ours", "bare minimum", "ratio", "aim", "peak memory, ours / bare")


@dataclass(frozen=True)
class Row:
    """One comparison, in words; what could not be measured has only a name and a reason."""

    name: str
    ours: str
    bare: str = "-"
    ratio: str = "-"
    aim: str = "-"
    memory: str = "-"


def render(rows: Iterable[Row]) -> str:
    """Lay rows out as a table; a row without figures says its reason across the columns."""
    lines = [_HEAD, *(astuple(row) for row in rows)]
    full = [line for line in lines if line[2] != "-"]
    widths = [max(len(line[column]) for line in full) for column in range(len(_HEAD))]
    widths[0] = max(len(line[0]) for line in lines)
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        if line in full
        else f"{line[0].ljust(widths[0])}  {line[1]}"
        for line in lines
    )
