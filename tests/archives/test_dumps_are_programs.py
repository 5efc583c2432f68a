"""What psql would run for somebody is refused, however it is hidden; what pg_dump writes is read to the byte."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.archives.archive import read
from reconciler.archives.dumps import Kind, pieces
from reconciler.archives.failures import NotSafe, NotWhole
from tests.archives.samples import DUMP, HEAD, TABLES, TAIL, archive, rows

HIDDEN = {
    "at the head": b"\\! id\n" + DUMP,
    "behind a statement": HEAD + b"SET xmloption = content; \\! id\n" + TABLES + TAIL,
    "behind a bracket": HEAD + b"CREATE TABLE x (a text) \\! id\n;" + TABLES + TAIL,
    "instead of an end of rows": HEAD + TABLES.replace(b"\\.\n", b"\\.\r\n\\! id\n", 1) + TAIL,
    "behind an end of rows": HEAD + TABLES.replace(b"\\.\n", b"\\. \n\\! id\n", 1) + TAIL,
    "behind the mark of the end": DUMP + b"\\! id\n",
    "as a restriction": DUMP.replace(b"\\restrict qWe12", b"\\restrict qWe12 \\! id"),
    "as a setting of psql": HEAD + b"\\set ON_ERROR_STOP off\n" + TABLES + TAIL,
    "as rows of a text over lines": HEAD + b"COMMENT ON TABLE x IS '\nCOPY x (a) FROM stdin;\n' \\! id\n;\n\\.\n" + TABLES + TAIL,
    "as rows of a quoted name": HEAD + b'ALTER TABLE "\nCOPY x (a) FROM stdin;\n" \\! id\n;\n\\.\n' + TABLES + TAIL,
    "as rows of a remark": HEAD + b"/*\nCOPY x (a) FROM stdin;\n*/ \\! id\n\\.\n" + TABLES + TAIL,
    "as rows in brackets": HEAD
    + b"CREATE RULE r AS ON INSERT TO x DO (SELECT 1;\nCOPY x (a) FROM stdin;\n\\! id\n\\.\n"
    + TABLES
    + TAIL,
    "as rows of a function without quotes": HEAD
    + b"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC COPY x (a) FROM stdin;\n\\! id\n\\.\n"
    + TABLES
    + TAIL,
    "behind a text for another setting": HEAD + b"COMMENT ON TABLE x IS '\\'' \\! id '; --';\n" + TABLES + TAIL,
    "behind a number that may be a text": HEAD + b"COMMENT ON TABLE x IS 1e'\\'' x ' \\! id ';\n" + TABLES + TAIL,
    "behind a zero byte": HEAD + b"COMMENT ON TABLE x IS '\0\n\\! id\n';\n" + TABLES + TAIL,
    "in another way to read texts": HEAD + b"SET standard_conforming_strings = off;\n" + TABLES + TAIL,
    "in another way to write its name": HEAD + b'SET "standard_conforming_strings" TO off;\n' + TABLES + TAIL,
    "by a call": HEAD + b"SELECT pg_catalog.set_config('standard_conforming_strings', 'off', false);\n" + TABLES + TAIL,
    "in another encoding": HEAD + b"SET client_encoding = 'SJIS';\n" + TABLES + TAIL,
    "by the server": HEAD + b"COPY x FROM PROGRAM 'id';\n" + TABLES + TAIL,
    "by the server, with columns": HEAD + b"COPY x (a) FROM PROGRAM 'id';\n" + TABLES + TAIL,
    "from a file of the server": HEAD + b"COPY public.x (a) FROM '/etc/passwd';\n" + TABLES + TAIL,
    "at once": HEAD + b"DO $$ BEGIN PERFORM pg_sleep(1); END $$;\n" + TABLES + TAIL,
    "by a function of the server": HEAD + b"SELECT pg_catalog.lo_export(1, '/tmp/x');\n" + TABLES + TAIL,
    "for all databases": HEAD + b"ALTER ROLE odoo SUPERUSER;\n" + TABLES + TAIL,
    "as another's rights": HEAD + b"GRANT postgres TO odoo;\n" + TABLES + TAIL,
    "as a language": HEAD + b"CREATE OR REPLACE LANGUAGE plpython3u;\nCREATE LANGUAGE plpython3u;\n" + TABLES + TAIL,
    "after the end of the transaction": HEAD + b"COMMIT;\n" + TABLES + TAIL,
}  # fmt: skip


@pytest.mark.parametrize("where", HIDDEN)
def test_a_program_is_refused_wherever_it_hides(where: str) -> None:
    with pytest.raises(NotSafe, match="its dump"):
        read(archive(HIDDEN[where]))


@given(st.integers(1, 40))
def test_a_dump_is_read_the_same_in_whatever_parts_it_comes(size: int) -> None:
    parts = (DUMP[at : at + size] for at in range(0, len(DUMP), size))
    assert b"".join(piece.data for piece in pieces(parts)) == DUMP


@pytest.mark.parametrize("where", HIDDEN)
def test_a_program_is_refused_in_whatever_parts_it_comes(where: str) -> None:
    dump = HIDDEN[where]
    for size in (1, 3, 7, 61):
        with pytest.raises(NotSafe):
            list(pieces(dump[at : at + size] for at in range(0, len(dump), size)))


ROWS = st.lists(st.binary(max_size=12).map(lambda b: b.replace(b"\0", b"").replace(b"\n", b"").replace(b"\\", b"\\\\")))


@settings(max_examples=200)
@given(ROWS, st.integers(1, 30))
@example([b"\\\\.", b".", b"", b"\\\\\\\\.", b"\r"], 1)
def test_any_rows_stay_rows(lines: list[bytes], size: int) -> None:
    dump = HEAD + rows("x", ["a"], *(line + b"\n" for line in lines)) + TAIL
    found = list(pieces(dump[at : at + size] for at in range(0, len(dump), size)))
    assert b"".join(piece.data for piece in found if piece.kind is Kind.ROWS) == b"".join(x + b"\n" for x in lines)
    assert b"".join(piece.data for piece in found) == dump


@settings(max_examples=300)
@given(
    st.lists(
        st.sampled_from(
            [b"'", b'"', b"\\", b"$$", b"$a$", b"--", b"/*", b"\n", b";", b"e", b"1", b"(", b")", b"x", b" "]
        )
    )
)
def test_what_stands_after_a_backslash_outside_of_quotes_is_never_read_as_something_else(parts: list[bytes]) -> None:
    r"""With `\!` at its end, whatever stands before it is refused, or has quoted it, and is then not whole."""
    with pytest.raises((NotSafe, NotWhole)):
        list(pieces([b"COMMENT ON TABLE x IS " + b"".join(parts) + b"\\! id\n"]))


def test_a_statement_without_end_does_not_fill_the_memory() -> None:
    def endless() -> object:
        yield b"COMMENT ON TABLE x IS '"
        while True:
            yield b"x" * (1024 * 1024)

    with pytest.raises(NotSafe, match="16 MiB"):
        list(pieces(endless()))  # type: ignore[arg-type]
