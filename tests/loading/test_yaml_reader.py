"""What a text means: each value one thing, in the type that it is written in."""

from __future__ import annotations

import pytest

from reconciler.fleet.documents import UNREADABLE
from reconciler.loading.yaml_reader import MAX_VALUES, read_documents


def value(written: str) -> object:
    """Read one plain value."""
    documents, _ = read_documents("x.yaml", f"a: {written}\n".encode())
    assert documents[0].data is not None
    return documents[0].data["a"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-7", -7),
        ("+7", 7),
        ("19.0", 19.0),
        ("-0.5", -0.5),
        ('"19.0"', "19.0"),
        ("'no'", "no"),
        ("2026-01-01", "2026-01-01"),
        ("2026-01-01 10:00:00", "2026-01-01 10:00:00"),
        ("10.0.0.1", "10.0.0.1"),
        ("1.2.3", "1.2.3"),
        ("12a", "12a"),
        ("-x", "-x"),
        ("=", "="),
        ("nothing", "nothing"),
        ("Norway", "Norway"),
        ("99:99", "99:99"),
        ("a b  # comment", "a b"),
        ("[1, a, [true]]", [1, "a", [True]]),
        ("{b: {c: 1}}", {"b": {"c": 1}}),
        ('"a\\nb"', "a\nb"),
        ("|\n  one\n  two", "one\ntwo\n"),
        (">\n  one\n  two", "one two\n"),
    ],
)
def test_values_mean_what_they_say(written: str, meant: object) -> None:
    read = value(written)
    assert read == meant
    assert type(read) is type(meant)


@pytest.mark.parametrize(
    "written",
    [
        *(
            "no",
            "NO",
            "No",
            "yes",
            "on",
            "off",
            "y",
            "N",
            "012",
            "-012",
            "0o12",
            "0x1f",
            "0b11",
            "1_000",
            "1:30",
            "1:30.5",
        ),
        *("1e3", "1.5E-3", ".5", "5.", ".inf", "-.INF", ".nan", "00", "00.5", "1" * 19, "0." + "1" * 20, "190:20:30"),
    ],
)
def test_what_versions_of_yaml_read_differently_has_no_value(written: str) -> None:
    documents, problems = read_documents("x.yaml", f"a: {written}\n".encode())
    assert documents[0].data == {"a": UNREADABLE}
    assert [problem.code for problem in problems] == ["ambiguous-value"]


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n", "---\n---\n# x\n---\n", "\ufeff"])
def test_empty_documents_are_none(text: str) -> None:
    assert read_documents("x.yaml", text.encode()) == ([], [])


def test_several_documents_are_read_in_order() -> None:
    documents, problems = read_documents("x.yaml", b"---\nkind: plan\ncode: a\n---\n---\nkind: plan\ncode: b\n...\n")
    assert [(document.kind, document.code) for document in documents] == [("plan", "a"), ("plan", "b")]
    assert problems == []


def test_simple_aliases_are_read() -> None:
    documents, problems = read_documents("x.yaml", b"a: &m [sale, stock]\nb: *m\n")
    assert documents[0].data == {"a": ["sale", "stock"], "b": ["sale", "stock"]}
    assert problems == []


def test_the_mark_before_utf8_does_not_shift_places() -> None:
    documents, _ = read_documents("x.yaml", "\ufeffkind: plan\ncode: a\n".encode())
    assert str(documents[0].positions.value(("kind",))) == "x.yaml:1:7"


def test_line_breaks_of_windows_are_read() -> None:
    documents, problems = read_documents("x.yaml", b"kind: plan\r\ncode: a\r\n")
    assert documents[0].data == {"kind": "plan", "code": "a"}
    assert str(documents[0].positions.value(("code",))) == "x.yaml:2:7"
    assert problems == []


def test_a_file_may_hold_many_values_but_not_any_number() -> None:
    within = b"a: [" + b"x," * (MAX_VALUES - 10) + b"]\n"
    beyond = b"a: [" + b"x," * (MAX_VALUES + 10) + b"]\n"
    assert read_documents("x.yaml", within)[1] == []
    assert [problem.code for problem in read_documents("x.yaml", beyond)[1]] == ["too-many-values"]


def test_many_documents_share_the_limit_so_that_many_small_bombs_are_one() -> None:
    bomb = b"---\nkind: plan\na: &a [x, x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
    bomb += b"c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: [*c, *c, *c, *c, *c, *c, *c, *c, *c]\n"
    _, problems = read_documents("x.yaml", bomb * 1000)
    assert {problem.code for problem in problems} == {"too-many-values"}


def test_what_could_be_made_out_of_an_unreadable_document_is_kept() -> None:
    documents, _ = read_documents(
        "x.yaml", b'kind: plan\ncode: a\n---\nkind: "server"\ncode: b\nname: [\n---\nkind: plan\n'
    )
    assert [(d.kind, d.code, d.data is None) for d in documents] == [
        ("plan", "a", False),
        ("server", "b", True),
        ("plan", None, True),
    ]
    assert str(documents[1].positions.value(("code",))) == "x.yaml:5:7"
