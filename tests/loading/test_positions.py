"""Places point at the text that they name, whatever the style of the text."""

from __future__ import annotations

import string

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.fleet.diagnostics import Range
from reconciler.fleet.documents import Path
from reconciler.loading.yaml_reader import read_documents

WORDS = st.text(string.ascii_letters + "éß漢🍕", min_size=1, max_size=8).map(lambda word: "w" + word)
VALUES = st.recursive(
    WORDS,
    lambda inner: st.lists(inner, min_size=1, max_size=4) | st.dictionaries(WORDS, inner, min_size=1, max_size=4),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(WORDS, VALUES, min_size=1, max_size=6)


def flow(value: object) -> str:
    """Write a value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(each) for each in value) + "]"
    return f'"{value}"'


def block(value: object, indent: int, draw: st.DataObject) -> str:
    """Write a value in lines, some of it in the flow style."""
    if isinstance(value, dict) and draw.draw(st.booleans()):
        lines = [f"{' ' * indent}{key}: {block(each, indent + 2, draw)}" for key, each in value.items()]
        return "\n" + "\n".join(lines)
    if isinstance(value, list) and draw.draw(st.booleans()):
        return "\n" + "\n".join(f"{' ' * indent}- {flow(each)}" for each in value)
    return flow(value) if not isinstance(value, str) or draw.draw(st.booleans()) else value


def leaves(value: object, path: Path = ()) -> list[tuple[Path, str]]:
    """All texts with their paths."""
    if isinstance(value, dict):
        return [leaf for key, each in value.items() for leaf in leaves(each, (*path, key))]
    if isinstance(value, list):
        return [leaf for index, each in enumerate(value) for leaf in leaves(each, (*path, index))]
    return [(path, str(value))]


def text_at(text: str, place: Range) -> str:
    """Cut out what stands at a place of one line."""
    return text.split("\n")[place.line - 1][place.column - 1 : place.end_column - 1]


@given(st.lists(DOCUMENTS, min_size=1, max_size=3), st.data())
@settings(max_examples=60, deadline=None)
def test_every_value_and_key_is_found_where_it_stands(contents: list[dict[str, object]], draw: st.DataObject) -> None:
    text = "\n---\n".join(
        "\n".join(f"{key}: {block(value, 2, draw)}" for key, value in content.items()) for content in contents
    )
    documents, problems = read_documents("x.yaml", text.encode())
    assert problems == []
    for document, content in zip(documents, contents, strict=True):
        assert document.data == content
        for path, written in leaves(content):
            place = document.positions.value(path)
            assert place is not None
            assert text_at(text, place).strip('"') == written
            if isinstance(path[-1], str):
                key = document.positions.key(path)
                assert key is not None
                assert text_at(text, key) == path[-1]


def test_a_place_that_does_not_exist_is_none() -> None:
    positions = read_documents("x.yaml", b"a: {b: [c]}\n")[0][0].positions
    assert positions.value(("a", "x")) is None
    assert positions.value(("a", "b", 1)) is None
    assert positions.value(("a", "b", "c")) is None
    assert positions.key(("a", "x")) is None
    assert positions.key(()) is None


def test_an_empty_value_is_shown_by_its_key() -> None:
    positions = read_documents("x.yaml", b"a: {bcd: }\n")[0][0].positions
    assert positions.value(("a", "bcd")) == Range("x.yaml", 1, 5, 1, 8)


def test_a_block_is_known_by_its_beginning() -> None:
    positions = read_documents("x.yaml", b"ab:\n  cd: 1\n  ef:\n    - x\n    - y\n")[0][0].positions
    assert positions.value(("ab",)) == Range("x.yaml", 2, 3, 2, 5)
    assert positions.value(("ab", "ef")) == Range("x.yaml", 4, 5, 4, 6)
    assert positions.value(()) == Range("x.yaml", 1, 1, 1, 3)
