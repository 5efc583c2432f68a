"""Whatever text a file or a host gives, Markdown shows exactly it and obeys none of it."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from reconciler.reports.escapes import visible
from reconciler.reports.markdown import Block, Passage, code, fit, length, name, prose

GFM = MarkdownIt("commonmark", {"html": True}).enable("table")
OWN = {"<code>", "</code>", "<!-- -->"}
PLAIN = {"text", "code_inline", "html_inline", "strong_open", "strong_close"}
OBEYED = re.compile(r"[@#|<>[`*_~!]|://|\b(?:www\.|GH-\d|[0-9a-f]{7,}\b)", re.IGNORECASE)
HOSTILE = [
    "@everyone look",
    "mail bob@example.com now",
    "see https://evil.example/x and www.evil.example",
    "#12, GH-12, example/repo#12 and 0123456789abcdef0123456789abcdef01234567",
    "a | b || c \\| d",
    "`tick` and ``two`` and ```three",
    "<script>alert(1)</script> <img src=x> &lt; &#64;",
    "![x](https://evil.example/i.png) [y](javascript:alert)",
    "**bold** _it_ ~~no~~ :tada: /close",
    "<!-- odoo-fleet plan: demo --> -->",
    "# heading",
    "1. list",
    "- list",
    "line\nbreak\r\n\tand\x1b[31mred\u202eder",
    "`a` @b `c | d@e.example`",
    "x``y` z",
    " padded ",
    "\\",
]
WORDS = st.sampled_from([*"@#|`<>&*_~[]()!\\:/.-1", " ", "www.", "a", "Acme", "GH-1", "https://x.y", "@bob", "&amp;"])
TEXTS = st.one_of(st.text(), st.lists(WORDS).map("".join), st.lists(st.sampled_from(HOSTILE)).map(" ".join))


def cells(markdown: str) -> list[list[Token]]:
    """What stands in the cells of a row that holds a text and `end`."""
    tokens = GFM.parse(f"| A | B |\n|---|---|\n| {markdown} | end |\n")
    return [token.children or [] for token in tokens if token.type == "inline"][2:]


def shown(tokens: list[Token]) -> str:
    return " ".join("".join(t.content for t in tokens if t.type in {"text", "code_inline"}).split())


def loose(tokens: list[Token]) -> str:
    """The text that stands in no code: where both sites look for mentions, references and addresses."""
    found, depth = "", 0
    for token in tokens:
        if token.type == "html_inline":
            depth += {"<code>": 1, "</code>": -1}.get(token.content, 0)
        elif token.type == "text" and not depth:
            found += token.content
        elif token.type == "code_inline":
            found += "\0"
    return found


def check(markdown: str, text: str) -> None:
    first, *others = cells(markdown)
    assert [shown(cell) for cell in others] == ["end"]
    assert shown(first) == " ".join(visible(text).replace("`", "").split()) or shown(first) == " ".join(
        visible(text).split()
    )
    assert {token.type for token in first} <= PLAIN
    assert {token.content for token in first if token.type == "html_inline"} <= OWN
    assert not OBEYED.search(loose(first))


@given(TEXTS)
@example("`a`,")
@example("`a``b`")
def test_prose_is_shown_and_not_obeyed(text: str) -> None:
    if text.strip():
        check(prose(text), text)


@given(TEXTS)
def test_names_are_shown_and_not_obeyed(text: str) -> None:
    if text.strip():
        check(name(text), text)


@given(TEXTS)
def test_code_is_shown_and_not_obeyed(text: str) -> None:
    check(code(text), text)


@pytest.mark.parametrize("text", HOSTILE)
def test_known_tricks_are_shown_and_not_obeyed(text: str) -> None:
    for render in (prose, name, code):
        check(render(text), text)


@given(TEXTS)
def test_no_line_begins_with_what_a_text_says(text: str) -> None:
    if text.strip():
        tokens = GFM.parse(f"- {prose(text.strip())}\n")
        assert [token.type for token in tokens if token.nesting == 1] == [
            "bullet_list_open",
            "list_item_open",
            "paragraph_open",
        ]


def test_ordinary_names_and_sentences_stay_readable() -> None:
    assert name("Café d'Été & Sons, S.A.") == "**Café d'Été &amp; Sons, S.A.**"
    assert name("株式会社アクメ") == "**株式会社アクメ**"
    assert prose("server prod-2 is offline: try again") == "server prod-2 is offline: try again"
    assert prose("run `odoo-fleet plan` first") == "run `odoo-fleet plan` first"
    assert prose("no answer from http://10.0.0.1:8069 (refused)") == "no answer from `http://10.0.0.1:8069` (refused)"


def test_a_page_is_cut_between_items_and_says_what_the_rest_holds() -> None:
    items = tuple(Passage(f"{letter * 9}\n", Counter({"row": 1})) for letter in "abc")
    blocks = [Block("(\n", items, ")\n"), Block("[\n", items, "]\n")]
    assert fit(blocks, 1000)[1] == Counter()
    text, left_out = fit(blocks, 60)
    assert text == "(\n" + "".join(item.text for item in items) + ")\n" + "[\n" + items[0].text + items[1].text + "]\n"
    assert left_out == Counter({"row": 1})


@given(st.lists(st.lists(st.text(max_size=30), max_size=5), max_size=5), st.integers(0, 200))
def test_a_page_never_exceeds_its_limit_and_loses_count_of_nothing(parts: list[list[str]], limit: int) -> None:
    blocks = [Block("<", tuple(Passage(t, Counter({"row": 1})) for t in part), ">") for part in parts]
    text, left_out = fit(blocks, limit)
    assert length(text) <= limit
    everything, nothing = fit(blocks, 10_000)
    assert not nothing
    assert left_out or text == everything
