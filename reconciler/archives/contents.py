"""What a dump tells of its database on the way: how many rows its tables have, and which files its attachments need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from reconciler.archives.dumps import Kind, Piece

_ATTACHMENTS = "public.ir_attachment"
_STORE_FNAME = "store_fname"
_NULL = b"\\N"
_LONGEST_NAME = 256


@dataclass(slots=True)
class Contents:
    """Rows by table, and the names of stored files that rows of `ir_attachment` have, as `file_key` spells them."""

    rows: Counter[str] = field(default_factory=Counter)
    files: set[bytes] = field(default_factory=set)


def file_key(name: str) -> bytes:
    """Spell the name of a stored file (`ab/ab12…`) as short as can be: a database can have a million of them."""
    digest = name.partition("/")[2]
    try:
        return bytes.fromhex(digest) if digest[:2] == name[:2] else name.encode()
    except ValueError:
        return name.encode()


def file_name(key: bytes) -> str:
    """Return the name that a key was made of."""
    digest = key.hex()
    return key.decode("utf-8", "replace") if b"/" in key else f"{digest[:2]}/{digest}"


def noted(dump: Iterator[Piece], contents: Contents) -> Iterator[Piece]:
    """Yield the same pieces, and note what they tell."""
    column: _Column | None = None
    for piece in dump:
        if piece.kind is Kind.COPY:
            wanted = piece.table == _ATTACHMENTS and _STORE_FNAME in piece.columns
            column = _Column(piece.columns.index(_STORE_FNAME)) if wanted else None
            contents.rows[piece.table] += 0
        elif piece.kind is Kind.ROWS:
            contents.rows[piece.table] += piece.data.count(b"\n")
            if column is not None:
                contents.files.update(file_key(name.decode()) for name in column.read(piece.data))
        yield piece


class _Column:
    """Reads one column of rows that come in parts; of the other columns, which can be large, nothing is kept."""

    def __init__(self, position: int) -> None:
        self._wanted = position
        self._at = 0
        self._value = b""

    def read(self, data: bytes) -> Iterator[bytes]:
        """Yield the values of the column that end in these bytes, but for those that are empty."""
        for number, line in enumerate(data.split(b"\n")):
            if number:
                yield from self._ended()
            parts = line.split(b"\t")
            if 0 <= self._wanted - self._at < len(parts):
                self._value = (self._value + parts[self._wanted - self._at])[:_LONGEST_NAME]
            self._at += len(parts) - 1

    def _ended(self) -> Iterator[bytes]:
        if self._value not in {b"", _NULL}:
            yield self._value
        self._at, self._value = 0, b""
