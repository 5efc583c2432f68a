"""Tables on a terminal: columns as wide as their texts. Where a table is too wide, rows fold and nothing is cut off.

Columns of text are folded between words, below themselves; columns for which there is no room left stand in a line of their own
below their row, indented. Whatever a host or a file wrote is shown as text: no markup and no control character is obeyed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import click
import yaml
from rich.cells import cell_len

from reconciler.cli import screens
from reconciler.reports.escapes import visible
from reconciler.reports.paragraphs import Paper, Tone
from reconciler.reports.tables import Cell, Column, Table

MACHINES = ("json", "yaml")
_GAP = "  "
_INDENT = "    "
_NARROWEST = 16
"""Columns of a text that is folded; narrower ones are hard to read."""


def print_report(output: str, document: Mapping[str, Any], tables: Iterable[Table]) -> bool:
    """Print a report as it was asked for; tell whether that was its tables, to which words for people may be added."""
    if output in MACHINES:
        print_document(output, document)
        return False
    click.echo(render_tables(tables, screens.paper(screens.OUT)))
    return True


def print_document(output: str, document: Mapping[str, Any]) -> None:
    """Print a document as JSON or YAML, in plain ASCII: whatever a file or a host said cannot move a terminal's cursor."""
    if output == "json":
        screens.print_json(document)
    else:
        click.echo(yaml.safe_dump(dict(document), sort_keys=False), nl=False)


def render_tables(tables: Iterable[Table], paper: Paper) -> str:
    """Return tables one below the other."""
    return "\n\n".join(_render(table, paper) for table in tables)


def _render(table: Table, paper: Paper) -> str:
    lines = [paper.paint(table.title, Tone.STRONG)]
    if table.rows:
        header = tuple(Cell(column.title, Tone.FAINT) for column in table.columns)
        rows = (header, *table.rows)
        for parts in zip(
            *(_block(each, rows, table.columns, paper) for each in _blocks(table, rows, paper)), strict=True
        ):
            lines += [line for part in parts for line in part]
    else:
        lines.append("none")
    for note in table.notes:
        lines += paper.paragraph(note, head="! ", tone=Tone.DOUBT)
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Block:
    """Columns that stand in one line: which, how wide each is, and what stands before them."""

    start: int
    widths: tuple[int, ...]
    indent: str


def _blocks(table: Table, rows: Sequence[Sequence[Cell]], paper: Paper) -> list[_Block]:
    """Divide the columns into those that stand side by side."""
    columns = range(len(table.columns))
    full = [max(cell_len(visible(row[i].text)) for row in rows) for i in columns]
    least = [max(_least(row[i]) for row in rows) if table.columns[i].shrinks else full[i] for i in columns]
    blocks: list[_Block] = []
    start = 0
    while start < len(columns):
        indent = _INDENT if blocks else ""
        room, end = paper.width - len(indent), start + 1
        while end < len(columns) and _sum(least[start : end + 1]) <= room:
            end += 1
        blocks.append(_Block(start, tuple(_shrunk(full[start:end], least[start:end], room)), indent))
        start = end
    return blocks


def _least(cell: Cell) -> int:
    words = [cell_len(word) for word in visible(cell.text).split()]
    return max(min(_NARROWEST, cell_len(visible(cell.text))), *words, 0)


def _sum(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _shrunk(full: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    widths = list(full)
    for _ in range(_sum(widths) - room):
        spare = [i for i in range(len(widths)) if widths[i] > least[i]]
        if not spare:
            break
        widths[max(spare, key=widths.__getitem__)] -= 1
    return widths


def _block(
    block: _Block, rows: Sequence[Sequence[Cell]], columns: Sequence[Column[Any]], paper: Paper
) -> list[list[str]]:
    """Return the lines of each row, as far as they are of this block."""
    end = block.start + len(block.widths)
    return [_lines(row[block.start : end], columns[block.start : end], block, paper) for row in rows]


def _lines(cells: Sequence[Cell], columns: Sequence[Column[Any]], block: _Block, paper: Paper) -> list[str]:
    folded = [_fold(visible(cell.text), width) for cell, width in zip(cells, block.widths, strict=True)]
    lines = []
    for texts in zip_longest(*folded, fillvalue=""):
        parts = []
        for text, cell, column, width in zip(texts, cells, columns, block.widths, strict=True):
            room = " " * (width - cell_len(text))
            painted = paper.paint(text, cell.tone) if text else ""
            parts.append(room + painted if column.right else painted + room)
        lines.append((block.indent + _GAP.join(parts)).rstrip())
    return lines


def _fold(text: str, width: int) -> list[str]:
    """Fold a text between words; a word that is wider stays whole."""
    if cell_len(text) <= width:
        return [text]
    lines = [""]
    for word in text.split():
        if lines[-1] and cell_len(f"{lines[-1]} {word}") > width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".lstrip()
    return lines
