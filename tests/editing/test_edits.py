"""A value of a document is changed, and not one other byte: by examples of every layout, and by drawn documents."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.editing.edits import UNSET, edit, is_same, with_change
from reconciler.editing.spans import CannotEdit
from reconciler.loading.scalars import read_plain
from reconciler.loading.yaml_reader import read_documents

ACME = """\
# Our first customer.

kind: instance
code: acme
template: restaurant   # since March
name:    'Acme  SA'    # as on the invoice
state:    # nothing yet
modules: [crm, sale ]  # sold
tags:
- a   # first
# between
- b

# about the owner
owner:
    name: "Zoé"
    login: zoe@acme.example   # hers

    groups: [base.group_user]
labels: { tier: gold,region: eu }
description: |
  Two lines,
  with text.

# the end
"""


def changed(text: str, *changes: tuple[str, Any], index: int = 0) -> str:
    return edit(text.encode(), index, [(tuple(path.split("/")), value) for path, value in changes]).decode()


@pytest.mark.parametrize(
    ("path", "value", "old", "new"),
    [
        ("template", "retail", "template: restaurant   # since", "template: retail   # since"),
        ("name", "Acme NV", "name:    'Acme  SA'    # as", "name:    Acme NV    # as"),
        ("name", "yes", "'Acme  SA'", '"yes"'),
        ("name", 'a: "b" # c\\', "'Acme  SA'", '"a: \\"b\\" # c\\\\"'),
        ("state", "suspended", "state:    # nothing", "state: suspended    # nothing"),
        ("modules", ["crm", "sale", "hr"], "[crm, sale ]", "[crm, sale, hr ]"),
        ("modules", ["hr"], "[crm, sale ]", "[hr]"),
        ("modules", [], "[crm, sale ]", "[]"),
        ("tags", ["a", "b", "c"], "- b\n", "- b\n- c\n"),
        ("owner/name", "Ömer", '"Zoé"', "Ömer"),
        ("owner/lang", "fr_BE", "[base.group_user]\n", "[base.group_user]\n    lang: fr_BE\n"),
        ("owner/login", UNSET, "    login: zoe@acme.example   # hers\n", ""),
        ("owner/lang/deep", 1, "[base.group_user]\n", "[base.group_user]\n    lang: {deep: 1}\n"),
        ("labels/tier", "silver", "gold", "silver"),
        ("labels/new", "12", "region: eu }", 'region: eu, new: "12" }'),
        ("labels/tier", UNSET, "tier: gold,region", "region"),
        ("labels/region", UNSET, ",region: eu }", " }"),
        ("labels", UNSET, "labels: { tier: gold,region: eu }\n", ""),
        ("deletion_protection", True, "  with text.\n", "  with text.\ndeletion_protection: true\n"),
        ("description", "One line.", "|\n  Two lines,\n  with text.\n", "One line.\n"),
        ("description", UNSET, "description: |\n  Two lines,\n  with text.\n", ""),
    ],
)
def test_one_value_changes_and_nothing_else(path: str, value: Any, old: str, new: str) -> None:
    for text in (ACME, ACME.replace("\n", "\r\n"), "\ufeff" + ACME, "a: 1\n---\n" + ACME + "---\nb: 2\n"):
        broken = "\r\n" if "\r\n" in text else "\n"
        assert text.count(old.replace("\n", broken)) == 1
        expected = text.replace(old.replace("\n", broken), new.replace("\n", broken))
        assert changed(text, (path, value), index=1 if "---" in text else 0) == expected


def test_a_value_that_stands_there_already_changes_nothing() -> None:
    assert changed(ACME, ("name", "Acme  SA"), ("owner/name", "Zoé"), ("nothing", UNSET), ("no/thing", UNSET)) == ACME


def test_the_last_key_of_a_mapping_leaves_an_empty_one() -> None:
    assert changed("a: {b: 1} # c\n", ("a/b", UNSET)) == "a: {} # c\n"
    assert changed("a:\n  b: 1\nc: 2\n", ("a/b", UNSET)) == "a: {}\nc: 2\n"


def test_a_file_without_a_last_line_break_stays_without_one() -> None:
    assert changed("a: 1", ("b", 2)) == "a: 1\nb: 2"
    assert changed("{a: 1}", ("b", 2)) == "{a: 1, b: 2}"
    assert changed("a:\n- b", ("a", ["b", "c"])) == "a:\n- b\n- c"


def test_another_document_of_the_file_is_left_as_it_is() -> None:
    text = "kind: plan\ncode: a\n# of a\n---\n# of b\nkind: plan\ncode: b\n---\n---\nkind: plan\ncode: c\n"
    assert changed(text, ("name", "B"), index=1) == text.replace("code: b\n", "code: b\nname: B\n")
    assert changed(text, ("name", "C"), index=2) == text + "name: C\n"


def test_an_alias_is_written_out_where_it_is_changed() -> None:
    assert changed("a: &x [1, 2]\nb: *x  # same\n", ("b", [3])) == "a: &x [1, 2]\nb: [3]  # same\n"


@pytest.mark.parametrize(
    ("text", "path", "value", "why"),
    [
        ("a: &x {k: 1}\nb: *x\n", "b/k", 2, "an alias"),
        ("a: &x {k: 1}\nb: *x\n", "a/k", 2, "without changing anything else"),
        ("a: &x 1\nb: *x\n", "a", 2, "without changing anything else"),
        ("a:\n  - b # why\n  - c\n", "a", ["d"], "comments inside"),
        ("a: # why\n  b: 1\n", "a", 2, "comments inside"),
        ("{a: 1, # why\n b: 2}\n", "b", UNSET, "comments beside"),
        ("? a\n: 1\n", "a", 2, "by hand"),
        ("a: 1\na: 2\n", "a", 3, "has problems as it is"),
        ("a: [\n", "a", 3, "has problems as it is"),
        ("a: 1\n", "a", "\ud800", "cannot be written so"),
        ("a: 1\n", "a", "x\x07y", "cannot be written so"),
        ("a: 1\n", "a", float("nan"), "cannot be written so"),
        ("a: 1\n", "a", 1e300, "cannot be written so"),
    ],
)
def test_what_cannot_be_edited_faithfully_is_refused_with_the_reason(
    text: str, path: str, value: Any, why: str
) -> None:
    with pytest.raises(CannotEdit, match=re.escape(why)):
        changed(text, (path, value))


KEYS = st.sampled_from(["alpha", "beta", "gamma", "délta", "e.psilon"])
WORDS = st.one_of(
    st.sampled_from(["plain", "two words", "no", "12", "", "a: b", "# no comment", "ümläut", "日本", "'", '"', "\U0001f600"]),
    st.text(st.characters(blacklist_categories=["C", "Z"]), max_size=6),
    st.integers(-5, 99),
    st.booleans(),
)  # fmt: skip
VALUES = st.recursive(
    WORDS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)), max_leaves=6
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, min_size=1, max_size=4)


class Layout:
    """Writes data as some person might: block or flow, with comments, blank lines, odd spaces."""

    def __init__(self, draw: Any, newline: str) -> None:
        self.draw, self.newline, self.comments = draw, newline, 0

    def chance(self, one_in: int) -> bool:
        return bool(self.draw(st.integers(1, one_in)) == 1)

    def comment(self) -> str:
        if not self.chance(3):
            return " " if self.chance(6) else ""
        self.comments += 1
        return f"  # remark {self.comments}"

    def scalar(self, value: Any) -> str:
        if not isinstance(value, str):
            return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)
        if re.fullmatch(r"[^\W\d_]+( [^\W\d_]+)?", value) and read_plain(value) == value and self.chance(2):
            return value
        if self.chance(2):
            return "'" + value.replace("'", "''") + "'"
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def flow(self, value: Any) -> str:
        gap = " " if self.chance(3) else ""
        if isinstance(value, dict):
            return (
                "{"
                + gap
                + f",{gap or ' '}".join(f"{self.scalar(k)}: {self.flow(v)}" for k, v in value.items())
                + gap
                + "}"
            )
        if isinstance(value, list):
            return "[" + gap + f",{gap or ' '}".join(map(self.flow, value)) + gap + "]"
        return self.scalar(value)

    def between(self, margin: str) -> str:
        if not self.chance(5):
            return ""
        self.comments += 1
        return f"{margin}# aside {self.comments}{self.newline}" if self.chance(2) else self.newline

    def value(self, value: Any, margin: str) -> str:
        deeper = margin + " " * self.draw(st.integers(1, 4))
        if isinstance(value, dict) and value and self.chance(2):
            return self.comment() + self.newline + self.mapping(value, deeper)
        if isinstance(value, list) and value and self.chance(2):
            items = "".join(
                f"{deeper}- {self.flow(each)}{self.comment()}{self.newline}{self.between(deeper)}" for each in value
            )
            return self.comment() + self.newline + items
        return " " * int(self.draw(st.integers(1, 3))) + self.flow(value) + self.comment() + self.newline

    def field(self, key: str, value: Any, margin: str) -> str:
        return self.between(margin) + f"{margin}{self.scalar(key)}:" + self.value(value, margin)

    def mapping(self, value: dict[str, Any], margin: str) -> str:
        return "".join(self.field(key, each, margin) for key, each in value.items())


@dataclass(frozen=True)
class Drawn:
    """A file as pieces, one a field of each document, and an edit of it."""

    pieces: list[list[str]]
    newline: str
    documents: list[dict[str, Any]]
    index: int
    keys: tuple[str, ...]
    value: Any

    @property
    def text(self) -> str:
        return f"---{self.newline}".join("".join(each) for each in self.pieces)

    def around(self) -> tuple[str, str] | None:
        """Return what stands before and behind the field that is edited, if it is there."""
        if self.keys[0] not in self.documents[self.index]:
            return None
        place = [*self.documents[self.index]].index(self.keys[0])
        before, line = self.pieces[: self.index], f"---{self.newline}"
        start = "".join("".join(each) + line for each in before) + "".join(self.pieces[self.index][:place])
        return start, self.text[len(start) + len(self.pieces[self.index][place]) :]


@st.composite
def edits(draw: Any) -> Drawn:
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    layout = Layout(draw, newline)
    documents = draw(st.lists(DOCUMENTS, min_size=1, max_size=3))
    pieces = [[layout.field(key, value, "") for key, value in each.items()] for each in documents]
    index = draw(st.integers(0, len(documents) - 1))
    keys, below = [draw(KEYS)], documents[index]
    while isinstance(below.get(keys[-1]), dict) and draw(st.booleans()):
        below = below[keys[-1]]
        keys.append(draw(KEYS))
    return Drawn(pieces, newline, documents, index, tuple(keys), draw(st.one_of(st.just(UNSET), VALUES)))


def data_of(text: str) -> list[Any]:
    documents, problems = read_documents("", text.encode())
    assert not problems, (text, problems)
    return [each.data for each in documents]


def edited(drawn: Drawn) -> tuple[str, str]:
    """Return the text afterwards, or why it is refused."""
    try:
        return edit(drawn.text.encode(), drawn.index, [(drawn.keys, drawn.value)]).decode(), ""
    except CannotEdit as refusal:
        return "", str(refusal)


REMARKS = re.compile(r"# (?:remark|aside) \d+")


@given(edits())
def test_whatever_is_edited_says_what_was_wanted_and_the_rest_is_byte_for_byte_as_it_was(drawn: Drawn) -> None:
    text, index = drawn.text, drawn.index
    assert is_same(data_of(text), drawn.documents)
    after, refusal = edited(drawn)
    if refusal:
        alone = drawn.value is UNSET and len(drawn.documents[index]) == 1
        assert ("comments" in refusal and "#" in text) or ("lines of its own" in refusal and alone)
        return
    wanted = [with_change(each, drawn.keys, drawn.value) for each in drawn.documents]
    assert is_same(data_of(after), [*drawn.documents[:index], wanted[index], *drawn.documents[index + 1 :]])
    around = drawn.around()
    if around is not None:
        assert after.startswith(around[0])
        assert after.endswith(around[1])
    elif drawn.value is UNSET:
        assert after == text
    else:
        old, new = text.splitlines(keepends=True), after.splitlines(keepends=True)
        place = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), len(old))
        assert [*new[:place], *new[place + 1 :]] == old
    if drawn.value is not UNSET:
        assert REMARKS.findall(after) == REMARKS.findall(text)
    assert after.count("\n") == after.count(drawn.newline)
