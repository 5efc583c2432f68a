"""What a dump tells of its database on the way: how many rows its tables have, and which files its attachments need."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from reconciler.archives.dumps import Kind, Piece
from reconciler.archives.failures import NotSafe

_ATTACHMENTS, _PARAMETERS = "public.ir_attachment", "public.ir_config_parameter"
_COLUMNS = {_ATTACHMENTS: ("store_fname",), _PARAMETERS: ("key", "value")}
_NULL = b"\\N"
_LONGEST_VALUE = 64 * 1024
_LONGEST_NAME = 128  # of a file, as it is kept; Odoo's own have 43 characters
_MOST_PARAMETERS = 1024 * 1024
_ESCAPES = re.compile(rb"\\(.)", re.DOTALL)
_ESCAPED = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


@dataclass(slots=True)
class Contents:
    """Rows by table, the names of stored files that rows of `ir_attachment` have, as `file_key` spells them, and parameters.

    Of parameters only those are kept that tell whose the database is: others can be secrets.
    """

    rows: Counter[str] = field(default_factory=Counter)
    files: set[bytes] = field(default_factory=set)
    parameters: dict[str, str] = field(default_factory=dict)
    _length: int = 0

    def note(self, table: str, values: Sequence[bytes]) -> None:
        """Take the values of one row in."""
        if table == _ATTACHMENTS:
            if values[0] not in {b"", _NULL}:
                self.files.add(file_key(values[0].decode("utf-8", "replace")))
            return
        key, value = (_ESCAPES.sub(_unescaped, each).decode("utf-8", "replace") for each in values)
        if key == "database.uuid" or key.startswith("odoo_fleet."):
            self.parameters[key] = value
            self._length += len(key) + len(value)
            if self._length > _MOST_PARAMETERS:
                raise NotSafe("its dump holds more parameters of odoo-fleet than a database has")


def _unescaped(found: re.Match[bytes]) -> bytes:
    return _ESCAPED.get(found[1], found[1])


def file_key(name: str) -> bytes:
    """Spell the name of a stored file (`ab/ab12…`) as short as can be: a database can have a million of them."""
    if len(name) > _LONGEST_NAME:  # no name that Odoo gives: its beginning, and what tells it from others
        return f"{name[:40]}…/{hashlib.sha256(name.encode()).hexdigest()}".encode()
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
    columns: _Columns | None = None
    for piece in dump:
        if piece.kind is Kind.COPY:
            wanted = _COLUMNS.get(piece.table, ())
            there = bool(wanted) and set(wanted) <= set(piece.columns)
            columns = _Columns([piece.columns.index(name) for name in wanted]) if there else None
            contents.rows[piece.table] += 0
        elif piece.kind is Kind.ROWS:
            contents.rows[piece.table] += piece.data.count(b"\n")
            if columns is not None:
                for values in columns.read(piece.data):
                    contents.note(piece.table, values)
        yield piece


class _Columns:
    """Reads some columns of rows that come in parts; of the others, which can be large, nothing is kept."""

    def __init__(self, positions: Sequence[int]) -> None:
        self._wanted = positions
        self._at = 0
        self._values = dict.fromkeys(positions, b"")

    def read(self, data: bytes) -> Iterator[Sequence[bytes]]:
        """Yield the values of each row that ends in these bytes."""
        for number, line in enumerate(data.split(b"\n")):
            if number:
                yield [self._values[position] for position in self._wanted]
                self._at, self._values = 0, dict.fromkeys(self._wanted, b"")
            parts = line.split(b"\t")
            for position in self._wanted:
                if 0 <= position - self._at < len(parts):
                    self._values[position] = (self._values[position] + parts[position - self._at])[:_LONGEST_VALUE]
            self._at += len(parts) - 1
