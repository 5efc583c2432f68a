r"""A dump in PostgreSQL's plain format, read as psql reads it, piece by piece and with bounded memory.

A dump is a program: psql runs what stands after a backslash, as the system user of the host, wherever it stands outside of
quotes; and the host's PostgreSQL runs every statement. So what is read here is known, or refused (`NotSafe`): the statements
that `pg_dump --no-owner` writes of data and schema, rows, and of psql's commands `\restrict`, `\unrestrict` and the end of
rows. Where versions of psql or settings could make two readings of the same bytes, the bytes are refused as well, since a
reading that differs from psql's would see rows where psql sees commands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto

from reconciler.archives.failures import NotSafe, NotWhole

LONGEST_STATEMENT = 16 * 1024 * 1024
"""Bytes of one statement; rows are not bounded."""

_COMPLETE = b"-- PostgreSQL database dump complete\n"
_WORD = rb"[A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]*"
_TOKENS = re.compile(
    rb"(?P<space>\s+)"
    rb"|(?P<comment>--[^\n]*\n)"
    rb"|(?P<escaped>[eE]'(?:[^'\\]|\\.|'')*')"
    rb"|(?P<word>" + _WORD + rb")"
    rb"|(?P<number>[0-9][0-9A-Za-z_.\x80-\xff]*)"
    rb"|(?P<quoted>'[^']*')"
    rb'|(?P<name>"[^"]*")'
    rb"|(?P<dollar>\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$)"
    rb"|(?P<open>[(\[])|(?P<close>[)\]])|(?P<end>;)|(?P<backslash>\\)|(?P<other>.)",
    re.DOTALL,
)
_COMMAND = re.compile(rb"\\(?:un)?restrict [A-Za-z0-9]+\n")
_COPY = re.compile(rb'COPY (?P<table>[\w."$\x80-\xff]+) \((?P<columns>[^()\'\\;]*)\) FROM stdin;\n')
_FUNCTION = re.compile(rb"CREATE\s+(?:OR\s+REPLACE\s+)?(?:FUNCTION|PROCEDURE)\b", re.IGNORECASE)
_BODY_WITHOUT_QUOTES = re.compile(rb"\bBEGIN\b", re.IGNORECASE)

_STATEMENTS = frozenset({b"ALTER", b"COMMENT", b"COPY", b"CREATE", b"GRANT", b"REFRESH", b"REVOKE", b"SELECT", b"SET"})
"""How the statements of schema and data begin. No other is known: not those that would end a transaction, or run code at once."""
_CALLS = re.compile(
    rb"SELECT pg_catalog\.(?:set_config\('search_path', '[^']*', false\)"
    rb"|setval\('[^'\\]+', \d+, (?:true|false)\));"
)
_SET = re.compile(rb"SET [a-z_]+ = [^;\\]*;")
_OF_THE_CLUSTER = re.compile(
    rb"(?:ALTER|CREATE)\s+(?:DATABASE|EVENT|FOREIGN|GROUP|LANGUAGE|PUBLICATION|ROLE|SERVER|SUBSCRIPTION|SYSTEM|TABLESPACE"
    rb"|TRUSTED|USER)\b"
    rb"|(?:GRANT|REVOKE)(?!.*\sON\s)",
    re.IGNORECASE | re.DOTALL,
)
"""What reaches beyond the one database."""
_SETTINGS = {
    b"standard_conforming_strings": b"SET standard_conforming_strings = on;",
    b"client_encoding": b"SET client_encoding = 'UTF8';",
}
"""Settings that say how what follows is read: as it is read here, or not at all."""


class Kind(Enum):
    """What a piece of a dump is."""

    SPACE = auto()  # comments and space between statements
    COMMAND = auto()  # `\restrict` or `\unrestrict`
    SETTING = auto()  # a statement that sets something for the session
    STATEMENT = auto()
    COPY = auto()  # the statement that rows follow
    ROWS = auto()
    END = auto()  # the line that ends rows


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of a dump; all of them together are the dump. Rows come in parts, cut anywhere."""

    kind: Kind
    data: bytes
    table: str = ""
    columns: tuple[str, ...] = ()


def pieces(chunks: Iterable[bytes]) -> Iterator[Piece]:
    """Read a dump.

    Args:
        chunks: its bytes, in parts of any size.

    Yields:
        What it is made of, in order.

    Raises:
        NotSafe: it holds something else than a dump does.
        NotWhole: it ends too early.
    """
    return _Reader(iter(chunks)).read()


class _Reader:
    """What of a dump was taken in and not yet told."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""
        self._ended = False

    def read(self) -> Iterator[Piece]:
        complete = False
        while (piece := self._next()) is not None:
            if piece.kind is Kind.SPACE:
                complete = complete or _COMPLETE in piece.data
            elif piece.kind is not Kind.COMMAND:
                complete = False  # what it says of its end stands at its end
            yield piece
            if piece.kind is Kind.COPY:
                yield from self._rows(piece)
        if not complete:
            raise NotWhole("its dump ends too early: it does not say that it is complete")

    def _more(self) -> bool:
        """Take in more; tell whether there was more."""
        chunk = next(self._chunks, None)
        if chunk is None:
            self._ended = True
            return False
        if b"\0" in chunk:
            raise NotSafe("its dump holds a zero byte, which no dump does")
        self._rest += chunk
        return True

    def _taken(self, kind: Kind, length: int, table: str = "", columns: tuple[str, ...] = ()) -> Piece:
        data, self._rest = self._rest[:length], self._rest[length:]
        return Piece(kind, data, table, columns)

    def _next(self) -> Piece | None:
        """Return the next piece that is not rows; None at the end."""
        while True:
            if self._rest:
                found = self._space() or self._command() or self._statement()
                if found is not None:
                    return found
                if self._ended:
                    raise NotWhole("its dump ends in the middle of a statement")
                if len(self._rest) > LONGEST_STATEMENT:
                    raise NotSafe(f"its dump holds a statement of more than {LONGEST_STATEMENT // 1024 // 1024} MiB")
            elif self._ended:
                return None
            self._more()

    def _space(self) -> Piece | None:
        position = 0
        for token in _TOKENS.finditer(self._rest):
            if token.lastgroup not in {"space", "comment"}:
                break
            position = token.end()
        return self._taken(Kind.SPACE, position) if position else None

    def _command(self) -> Piece | None:
        if not self._rest.startswith(b"\\"):
            return None
        found = _COMMAND.match(self._rest)
        if found is not None:
            return self._taken(Kind.COMMAND, found.end())
        if b"\n" not in self._rest and not self._ended and len(self._rest) < 1024:  # noqa: PLR2004 -- its line is not whole
            return None
        raise NotSafe(
            "its dump holds a command for psql, which would run on the host: it is no dump of PostgreSQL's own"
        )

    def _statement(self) -> Piece | None:
        """Return the statement at the beginning, None while it is not whole."""
        if self._rest.startswith(b"\\"):
            return None
        length = _length_of_statement(self._rest)
        if length is None:
            return None
        statement = self._rest[:length]
        first = statement.split(None, 1)[0].strip(b";")
        if first not in _STATEMENTS:
            raise NotSafe(f"its dump holds a statement that is no data and no schema ({_shown(first)} …)")
        if first == b"COPY":
            return self._copy(length)
        if _OF_THE_CLUSTER.match(statement):
            raise NotSafe(
                "its dump changes what is not of the database alone: roles, settings, languages or connections"
            )
        if first == b"SELECT" and not _CALLS.fullmatch(statement):
            raise NotSafe("its dump calls functions that no dump calls")
        if _FUNCTION.match(statement) and _BODY_WITHOUT_QUOTES.search(_without_quotes(statement)):
            raise NotSafe("its dump holds a function whose body is not quoted, which versions of psql read differently")
        if first == b"SET":
            _require_known(statement)
        # What sets the search path stands among the settings at the head.
        is_setting = first == b"SET" or (first == b"SELECT" and b"set_config" in statement)
        return self._taken(Kind.SETTING if is_setting else Kind.STATEMENT, length)

    def _copy(self, length: int) -> Piece | None:
        """Return the statement that rows follow; nothing but the end of its line may stand between."""
        if len(self._rest) == length and not self._ended:
            return None
        found = _COPY.match(self._rest)
        if found is None or found.end() != length + 1:
            raise NotSafe("its dump holds a COPY that is not the one that dumps write")
        columns = tuple(each.strip().strip(b'"').decode("utf-8", "replace") for each in found["columns"].split(b","))
        return self._taken(Kind.COPY, found.end(), found["table"].decode("utf-8", "replace"), columns)

    def _rows(self, copy: Piece) -> Iterator[Piece]:
        """Yield the rows and their end. A line with nothing but a backslash and a point ends them, for psql too."""
        at_line_start = True
        while True:
            end = 0 if at_line_start and self._rest.startswith(b"\\.") else self._rest.find(b"\n\\.") + 1
            if end or (at_line_start and self._rest.startswith(b"\\.")):
                line = self._rest[end : end + 4]
                if line.startswith(b"\\.\n"):
                    if end:
                        yield self._taken(Kind.ROWS, end, copy.table, copy.columns)
                    yield self._taken(Kind.END, len(b"\\.\n"), copy.table)
                    return
                if len(line) > len(b"\\.") or self._ended:
                    raise NotSafe("its dump holds rows that end as no dump ends them")
            else:
                keep = 2 if not self._ended else 0  # the beginning of an end may stand there
                if len(self._rest) > keep:
                    piece = self._taken(Kind.ROWS, len(self._rest) - keep, copy.table, copy.columns)
                    at_line_start = piece.data.endswith(b"\n")
                    yield piece
            if not self._more():
                raise NotWhole(f"its dump ends in the middle of the rows of {copy.table}")


def _length_of_statement(text: bytes) -> int | None:
    """Return where the statement at the beginning of the text ends; None while its end is not there.

    Raises:
        NotSafe: psql may see something else in it.
    """
    position, depth = 0, 0
    while True:
        token = _TOKENS.match(text, position)
        if token is None or (token.end() == len(text) and token.lastgroup != "end"):
            return None  # what stands at the end may go on
        kind, position = token.lastgroup, token.end()
        if reason := _doubt(text, token):
            raise NotSafe(f"its dump holds {reason}")
        if kind == "dollar":
            end = text.find(token[0], position)
            if end < 0:
                return None
            position = end + len(token[0])
        elif kind in {"word", "other"} and _OPENS.match(text, token.start()):
            return None  # a quote or a remark of which the end is not there
        elif kind == "end":
            if depth:
                raise NotSafe("its dump holds several statements in brackets, which no dump does")
            return position
        depth += (kind == "open") - (kind == "close")


_OPENS = re.compile(rb"""[eE]'|'|"|--""")


def _doubt(text: bytes, token: re.Match[bytes]) -> str:
    """Say why psql may see something else in a token; nothing if it cannot."""
    kind = token.lastgroup
    if kind == "backslash":
        return "a command for psql, which would run on the host: it is no dump of PostgreSQL's own"
    if kind == "quoted" and token[0].endswith(b"\\'"):
        return "a text that ends with a backslash, which versions of psql read differently"
    if kind == "number" and text[token.end() : token.end() + 1] in {b"'", b"$", b'"'}:
        return "a number and a text without space between, which versions of psql read differently"
    if kind == "other" and text.startswith(b"/*", token.start()):
        return "a remark in the middle of a statement, which no dump does"
    return ""


def _without_quotes(statement: bytes) -> bytes:
    """Return a statement without what stands in quotes of any kind."""
    left, position = [], 0
    while position < len(statement):
        token = _TOKENS.match(statement, position)
        assert token is not None
        position = token.end()
        if token.lastgroup == "dollar":
            position = statement.find(token[0], position) + len(token[0])
        elif token.lastgroup not in {"quoted", "escaped", "name", "comment"}:
            left.append(token[0])
    return b"".join(left)


def _require_known(statement: bytes) -> None:
    if not _SET.fullmatch(statement):
        raise NotSafe("its dump sets something as no dump does")
    for name, known in _SETTINGS.items():
        if name in statement.lower() and statement != known:
            raise NotSafe(f"its dump sets {name.decode()} to what no dump of Odoo's sets it")


def _shown(word: bytes) -> str:
    text = word[:20].decode("ascii", "replace")
    return text if text.isprintable() else "?"
