"""Backups as a table, as lines and as documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.backups.catalogue import Entry
from reconciler.fleet.counting import count
from reconciler.reports.happenings_text import stamp
from reconciler.reports.paragraphs import Tone
from reconciler.reports.status_tables import NOTHING, Cell, Column, Table

_UNITS = ("kB", "MB", "GB", "TB")
_STEP = 1000


def backups_table(found: Sequence[tuple[str, Entry]]) -> Table:
    """Return the table of backups, each with the target that it lies in."""
    columns = ("document", "backup", "target", "size", "Odoo", "files", "proven")
    rows = sorted(found, key=lambda each: (each[1].address, each[1].taken_at))
    return Table("Backups", tuple(Column(name) for name in columns), tuple(_row(target, e) for target, e in rows))


def _row(target: str, entry: Entry) -> tuple[Cell, ...]:
    files = str(entry.files)
    if entry.missing_files:
        files += f", {entry.missing_files} missing"
    proven = Cell(stamp(entry.proven.at), Tone.GOOD) if entry.proven else Cell(NOTHING, Tone.FAINT)
    return (
        Cell(entry.address),
        Cell(entry.id),
        Cell(f"{target}, encrypted" if entry.encrypted else target),
        Cell(size(entry.bytes)),
        Cell(entry.odoo),
        Cell(files, Tone.DOUBT if entry.missing_files else None),
        proven,
    )


def kept_line(entry: Entry, removed: Sequence[Entry]) -> str:
    """Say in a line what was kept, and what was removed for it."""
    parts = [
        f"{size(entry.bytes)} in {entry.seconds:.0f} s",
        f"{sum(entry.rows.values())} rows",
        count(entry.files, "file"),
    ]
    if entry.missing_files:
        parts.append(f"{count(entry.missing_files, 'file')} missing")
    if removed:
        parts.append(f"removed: {', '.join(old.id for old in removed)}")
    return f"{entry.address}  {entry.id}  {'; '.join(parts)}"


def entry_document(entry: Entry) -> dict[str, Any]:
    """Return an entry as JSON."""
    return entry.model_dump(mode="json")


def size(number: int) -> str:
    """Write a number of bytes as people read it."""
    value, unit = number / _STEP, _UNITS[0]
    for larger in _UNITS[1:]:
        if value < _STEP:
            break
        value, unit = value / _STEP, larger
    return f"{value:.1f} {unit}"
