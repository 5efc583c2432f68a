"""`fmt`: a file's layout becomes regular, once; what it says, its comments and what people mean by their order stay."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler.editing.edits import is_same
from reconciler.editing.formatting import CannotFormat, formatted
from reconciler.loading.yaml_reader import read_documents
from tests.editing.test_edits import REMARKS, Drawn, data_of, edits

ROOT = Path(__file__).parents[2]
ODD = """\
# Our first customer.

kind:   instance\t
code : acme
template: restaurant   # since March
modules: [ crm,sale ]  # sold
tags:
- a   # first
# between
-   b
list:
     # of what
     - x:  1
       why: 2
     -   z:   {a: 1,b:  2 }   # inside
         # about w
         w:
             - 1
             # the last of w
         # the last of z
# about the owner
owner:
    name: 'Zoé  X'
    initial_password:
              derived: {}

    groups: [base.group_user,
       other,   # why
       third ]
      # odd
    text: |
        Two lines,
          with blanks.   \n
        end
    folded: a
      b
      c
labels: { tier: gold,region: eu }


"""
REGULAR = """\
# Our first customer.

kind: instance
code: acme
template: restaurant   # since March
modules: [crm, sale]  # sold
tags:
- a   # first
# between
- b
list:
  # of what
  - x: 1
    why: 2
  - z: {a: 1, b: 2}   # inside
    # about w
    w:
      - 1
      # the last of w
    # the last of z
# about the owner
owner:
  name: 'Zoé  X'
  initial_password:
    derived: {}

  groups: [base.group_user,
     other,   # why
     third]
    # odd
  text: |
      Two lines,
        with blanks.   \n
      end
  folded: a
    b
    c
labels: {tier: gold, region: eu}
"""
LINES = st.tuples(st.integers(0, 6), st.sampled_from(["", "", "word", "# word"])).map(
    lambda each: " " * each[0] + each[1]
)
"""Lines of a block text, many of them blanks alone."""


def test_indentation_and_spaces_become_regular_and_nothing_else_is_touched() -> None:
    assert formatted(ODD.encode()).decode() == REGULAR
    assert formatted(ODD.replace("\n", "\r\n").encode()).decode() == REGULAR.replace("\n", "\r\n")
    assert formatted(b"\xef\xbb\xbf" + ODD.encode()) == b"\xef\xbb\xbf" + REGULAR.encode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: 1", "a: 1\n"),
        ("a: 1\n\n\n", "a: 1\n"),
        ("", ""),
        ("# nothing\n", "# nothing\n"),
        ("a: |\n    x", "a: |\n    x"),
        ("a: |+\n    x\n\n", "a: |+\n    x\n\n"),
        ("a: >-\n     \n      ", "a: >-\n     \n"),
        ("a: |\n    x\n  ", "a: |\n    x\n"),
        ("a:  |2\n      x\nb: 1\n", "a: |2\n      x\nb: 1\n"),
        ("a:\n    b: |\n      x\n\n\n       y\n    c: 1\n", "a:\n  b: |\n    x\n\n\n     y\n  c: 1\n"),
        ('a:   "b\n   c"   # d\n', 'a: "b\n   c"   # d\n'),
        ("a: {\n   b: 1 ,\n   c: [ 2 ]\n   }\n", "a: {\n   b: 1,\n   c: [2]\n   }\n"),
        ("a: &x  1\nb:   *x\n", "a: &x 1\nb: *x\n"),
        ("a:\n     - - 1\n       - 2\n", "a:\n  - - 1\n    - 2\n"),
        ("---   \na: 1\n---\n   b:  2\n", "---\na: 1\n---\nb: 2\n"),
    ],
)
def test_what_is_special_in_yaml_keeps_its_meaning(before: str, after: str) -> None:
    assert formatted(before.encode()).decode() == after
    assert formatted(after.encode()).decode() == after


@given(edits())
def test_whatever_is_formatted_says_the_same_with_the_same_comments_and_is_formatted_once(drawn: Drawn) -> None:
    text = drawn.text
    after = formatted(text.encode()).decode()
    assert is_same(data_of(after), drawn.documents)
    assert REMARKS.findall(after) == REMARKS.findall(text)
    assert after.count("\n") == after.count(drawn.newline)
    assert formatted(after.encode()).decode() == after
    for line in after.split(drawn.newline):
        assert line == line.rstrip(" \t")
        assert re.match(r"(?:  )*(?! )", line), "two spaces a level"


@given(edits(), st.sampled_from(["|", ">", "|-", ">-", "|+", ">+", "|2"]), st.lists(LINES, max_size=4))
def test_a_file_that_ends_inside_a_text_of_several_lines_is_formatted_once(
    drawn: Drawn, header: str, lines: list[str]
) -> None:
    text = drawn.text + drawn.newline.join([f"end:  {header}", *lines])
    assume(not read_documents("", text.encode())[1])
    try:
        after = formatted(text.encode()).decode()
    except CannotFormat:
        return
    assert is_same(data_of(after), data_of(text))
    assert formatted(after.encode()).decode() == after


def test_every_text_of_this_project_says_the_same_afterwards_and_the_sample_fleet_is_formatted() -> None:
    files = {
        str(file): file.read_bytes()
        for place in ("fleet", "tests", "deploy")
        for file in (ROOT / place).rglob("*.y*ml")
    }
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")):
        for number, shown in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)):
            files[f"{page}:{number}"] = shown.encode()
    whole = {place: data for place, data in files.items() if not read_documents("", data)[1]}
    assert len(whole) > 30
    for place, data in whole.items():
        after = formatted(data)
        assert is_same(data_of(after.decode()), data_of(data.decode())), place
        assert formatted(after) == after, place
        assert f"{ROOT}/fleet/" not in place or after == data, place


@pytest.mark.parametrize(
    ("text", "why"),
    [("a: [\n", "problems as it is"), ("a: 1\na: 2\n", "problems as it is"), ("a: 1\rb: 2\n", "line breaks")],
)
def test_what_cannot_be_read_is_left_alone_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(CannotFormat, match=why):
        formatted(text.encode())
