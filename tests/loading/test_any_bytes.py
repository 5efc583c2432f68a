"""No bytes give an exception, a hang, or a problem without a place in the text."""

from __future__ import annotations

import random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.fleet.desired import resolve
from reconciler.fleet.diagnostics import has_errors
from reconciler.loading.yaml_reader import read_documents
from reconciler.reports.problems import render_problems
from tests.loading.corpus import read_cases
from tests.loading.fleets import BASE, INSTANCE

TEXTS = [BASE + "---\n" + INSTANCE, *(text for case in read_cases() for text in case.texts.values())]
FRAGMENTS = st.sampled_from(
    [
        *("---\n", "...\n", "kind: plan\n", "code: a\n", "kind: fleet\nformat: 1\n", "%YAML 1.1\n", "|\n", ">-\n"),
        *("- ", "? ", ": ", "&a ", "*a ", "!!x ", "! ", "<<: ", "defaults: ", "instance: ", "server: ", "servers: "),
        *("derived: ", "owner: ", "parameters: ", "#", "\t", "\n", "  ", "no", "012", "1:30", "~", "\x00", "\ufeff"),
        *("\x85", "\u2028", "é", "{", "}", "[", "]", ",", "'", '"', "\\"),
    ]
)


def check(data: bytes) -> None:
    """Read, resolve and report; whatever is said must have a place that exists."""
    documents, problems = read_documents("x.yaml", data)
    desired, resolved = resolve(documents)
    assert desired is None or not has_errors(resolved)
    text = data.decode(errors="replace").removeprefix("\ufeff")
    lines = text.count("\n") + text.count("\r") + 1
    for problem in (*problems, *resolved):
        assert 1 <= problem.range.line <= lines or problem.range.file != "x.yaml"
        assert problem.range.column >= 1
        assert problem.message
        assert "Input should" not in problem.message
    report = render_problems((*problems, *resolved), {"x.yaml": text})
    assert all(each.isprintable() or each == "\n" for each in report)


@given(st.binary(max_size=200))
@example(b"\xff\xfe")
@example(b"\xef\xbb\xbf\xef\xbb\xbf")
@example(b"a: \xf0\x9f\x8d\x95")
@settings(max_examples=300, deadline=None)
def test_any_bytes(data: bytes) -> None:
    check(data)


@given(st.lists(FRAGMENTS, max_size=30).map("".join))
@example("kind: plan\ncode: a\nlabels: {[]: x}\n")
@example("? *a\n")
@example("&a [*a]")
@settings(max_examples=300, deadline=None)
def test_any_sequence_of_what_yaml_is_made_of(text: str) -> None:
    check(text.encode())


@given(st.sampled_from(TEXTS), st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
def test_valid_files_with_some_bytes_changed(text: str, seed: int) -> None:
    chance = random.Random(seed)
    data = bytearray(text.encode())
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(data) + 1)
        match chance.randrange(4):
            case 0:
                data[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                del data[place : place + chance.randint(1, 20)]
            case 2:
                data[place:place] = chance.choice(
                    [b"\n", b"  ", b"- ", b": ", b"{", b"[", b'"', b"no", b"\t", b"*x ", b"\x00"]
                )
            case _:
                start = chance.randrange(len(data) + 1)
                data[place:place] = data[start : start + chance.randint(1, 60)]
    check(bytes(data))


@given(
    st.recursive(
        st.sampled_from([None, True, 0, -1, 1.5, "", "x", "no", "2026-01-01", "a b", "prod-1", 10**20]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["env", "file", "derived", "generation", "name", "x", ""]), inner, max_size=3
            )
        ),
        max_leaves=6,
    ),
    st.sampled_from([*BASE.replace("---\n", "").split("\n")]).map(lambda line: line.partition(":")[0]),
)
@settings(max_examples=200, deadline=None)
def test_any_value_in_any_field(value: object, field: str) -> None:
    import json  # noqa: PLC0415

    written = json.dumps(value)
    check(BASE.encode() + b"---\n" + INSTANCE.encode() + f"{field or 'owner'}: {written}\n".encode())
    check(BASE.encode() + f"---\nkind: server\ncode: s\n{field or 'tls'}: {written}\n".encode())
