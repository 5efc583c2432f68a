"""Backups as a table, as lines and as documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from reconciler.backups.catalogue import BackupEntry, dated
from reconciler.fleet.counting import count
from reconciler.reports.happenings_text import stamp
from reconciler.reports.paragraphs import Tone
from reconciler.reports.tables import NOTHING, Cell, Column, Table, table

_UNITS = ("kB", "MB", "GB", "TB")
NO_PROBLEMS: Mapping[str, str] = {}
_STEP = 1000
_HOURS_SHOWN = 72
_NONE = Cell(NOTHING, Tone.FAINT)


def backups_table(found: Sequence[tuple[str, BackupEntry]]) -> Table:
    """Return the table of backups, each with the target that it lies in."""
    return table("Backups", _OF_BACKUPS, sorted(found, key=lambda each: (each[1].address, each[1].taken_at)))


def _files(entry: BackupEntry) -> Cell:
    if entry.missing_files:
        return Cell(f"{entry.files}, {entry.missing_files} missing", Tone.DOUBT)
    return Cell(str(entry.files))


_OF_BACKUPS: tuple[Column[tuple[str, BackupEntry]], ...] = (
    Column("document", lambda r: r[1].address),
    Column("backup", lambda r: r[1].id),
    Column("target", lambda r: f"{r[0]}, encrypted" if r[1].encrypted else r[0]),
    Column("size", lambda r: size(r[1].bytes)),
    Column("Odoo", lambda r: r[1].odoo),
    Column("files", lambda r: _files(r[1])),
    Column("proven", lambda r: Cell(stamp(r[1].proven.at), Tone.GOOD) if r[1].proven else _NONE),
)


@dataclass(frozen=True, slots=True)
class BackupRow:
    """How a document is kept: how many backups it has, when the newest was taken, when one was proven last.

    `due_at` says from when on the next one is due, None where none is to be made by itself; `problem` why the last try failed.
    """

    address: str
    backups: int
    taken_at: datetime | None
    proven_at: datetime | None
    due_at: datetime | None = None
    problem: str = ""


def standings(
    addresses: Iterable[str],
    found: Sequence[BackupEntry],
    now: datetime,
    due: Callable[[str, Mapping[str, datetime]], datetime | None] = lambda _address, _good: None,
    problems: Mapping[str, str] = NO_PROBLEMS,
) -> tuple[BackupRow, ...]:
    """Work out how documents are kept.

    Args:
        addresses: of documents that are to be kept; those that have backups come along, declared or not.
        found: what the catalogues have.
        now: the time of day; what is dated later counts, and is no newest.
        due: says from when on the next one of a document is due, by the last good one on each server.
        problems: by document, why the last try failed.
    """
    of: dict[str, list[BackupEntry]] = {address: [] for address in addresses}
    for entry in found:
        of.setdefault(entry.address, []).append(entry)
    return tuple(
        BackupRow(
            address,
            len(entries),
            max((entry.taken_at for entry in dated(entries, now)), default=None),
            max((entry.proven.at for entry in entries if entry.proven), default=None),
            due(address, _last_good(dated(entries, now))),
            problems.get(address, ""),
        )
        for address, entries in sorted(of.items())
    )


def _last_good(entries: Iterable[BackupEntry]) -> dict[str, datetime]:
    last: dict[str, datetime] = {}
    for entry in entries:
        last[entry.server] = max(entry.taken_at, last.get(entry.server, entry.taken_at))
    return last


def standing_table(rows: Sequence[BackupRow], now: datetime) -> Table:
    """Return the table of how documents are kept, with ages."""
    columns: tuple[Column[BackupRow], ...] = (
        Column("document", lambda r: r.address),
        Column("backups", lambda r: Cell(str(r.backups), None if r.backups else Tone.BAD)),
        Column("newest", lambda r: _minute(r.taken_at) if r.taken_at else _NONE),
        Column("age", lambda r: _age(r.taken_at, now) if r.taken_at else _NONE),
        Column("proven", lambda r: f"{_age(r.proven_at, now)} ago" if r.proven_at else _never(r)),
        Column("next (UTC)", lambda r: _next(r, now)),
    )
    return table("Backups", columns, rows)


def standing_documents(rows: Sequence[BackupRow], now: datetime) -> list[dict[str, Any]]:
    """Return the same for machines: moments, and ages in seconds; null where there is none."""
    return [
        {
            "document": row.address,
            "backups": row.backups,
            "taken_at": row.taken_at and row.taken_at.isoformat(),
            "age_seconds": row.taken_at and round((now - row.taken_at).total_seconds()),
            "proven_at": row.proven_at and row.proven_at.isoformat(),
            "proof_age_seconds": row.proven_at and round((now - row.proven_at).total_seconds()),
            "due_at": row.due_at and row.due_at.isoformat(),
            "is_due": row.due_at is not None and row.due_at <= now,
            "problem": row.problem,
        }
        for row in rows
    ]


def _never(row: BackupRow) -> Cell:
    return Cell("never", Tone.DOUBT) if row.backups else _NONE


def _next(row: BackupRow, now: datetime) -> Cell:
    if row.due_at is None:
        return _NONE
    if row.problem:
        return Cell("fails", Tone.BAD)
    return Cell(_minute(row.due_at)) if row.due_at > now else Cell("due now", Tone.DOUBT)


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def _age(moment: datetime, now: datetime) -> str:
    hours = (now - moment).total_seconds() / 3600
    return f"{hours:.0f} h" if hours < _HOURS_SHOWN else f"{hours / 24:.0f} days"


def kept_line(entry: BackupEntry, removed: Sequence[BackupEntry]) -> str:
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


def proven_line(entry: BackupEntry) -> str:
    """Say in a line that a backup came back, and in what time."""
    took = entry.proven.seconds if entry.proven else 0
    rows, files = sum(entry.rows.values()), count(entry.files, "file")
    return f"{entry.address}  {entry.id}  proven in {took:.0f} s: {rows} rows, {files}"


def entry_document(entry: BackupEntry) -> dict[str, Any]:
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
