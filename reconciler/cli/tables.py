"""Tables on a terminal: columns as wide as their texts, those that may shrink cut where the table would be too wide.

Whatever a host or a file wrote is shown as text: no markup and no control character is obeyed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size

from reconciler.reports.escapes import visible
from reconciler.reports.paragraphs import Paper, Tone
from reconciler.reports.status_tables import Cell, Table

_GAP = "  "
_NARROWEST = 8
"""Columns of a cut text that still tell something."""


def render_tables(tables: Iterable[Table], paper: Paper) -> str:
    """Return tables one below the other."""
    return "\n\n".join(_render(table, paper) for table in tables)


def _render(table: Table, paper: Paper) -> str:
    lines = [paper.paint(table.title, Tone.STRONG)]
    if table.rows:
        header = tuple(Cell(column.title, Tone.FAINT) for column in table.columns)
        widths = _widths(table, paper.width)
        lines += [_line(cells, table, widths, paper) for cells in (header, *table.rows)]
    else:
        lines.append("none")
    for note in table.notes:
        lines += paper.paragraph(note, head="! ", tone=Tone.DOUBT)
    return "\n".join(lines)


def _widths(table: Table, room: int) -> list[int]:
    rows = [[visible(cell.text) for cell in row] for row in table.rows]
    widths = [max(cell_len(c.title), *(cell_len(row[i]) for row in rows)) for i, c in enumerate(table.columns)]
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - room
    for _ in range(excess):
        widest = max((i for i, column in enumerate(table.columns) if column.shrinks), key=widths.__getitem__)
        if widths[widest] <= _NARROWEST:
            break
        widths[widest] -= 1
    return widths


def _line(cells: Sequence[Cell], table: Table, widths: Sequence[int], paper: Paper) -> str:
    texts = []
    for cell, column, width in zip(cells, table.columns, widths, strict=True):
        text = visible(cell.text)
        if cell_len(text) > width:
            text = set_cell_size(text, width - 1) + "…"
        room = " " * (width - cell_len(text))
        painted = paper.paint(text, cell.tone)
        texts.append(room + painted if column.right else painted + room)
    return _GAP.join(texts).rstrip()
