"""Text that a host or a file gave, made safe to stand in Markdown, and pages that stay below a limit.

What is not plainly harmless stands in a code span, where GitHub and GitLab obey nothing: no markup, no HTML, no link, no
mention of a person or an issue. What even a code span or a table would obey (`|` and backticks) is written as entities.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reconciler.reports.escapes import visible

# Words of letters and digits, joined by what means nothing to Markdown, in brackets or before a punctuation mark. Words
# of which either site makes a link by itself (www., GH-1, hashes of commits) or a list (1.) are not among them.
_OBEYED = r"(?!.*\b(?:www\.|gh-\d|[0-9a-f]{7,}\b)|\W*\d+[.)]\Z)"
_HARMLESS = re.compile(
    rf"{_OBEYED}\(?[^\W_]+(?:['\u2019.,/-][^\W_]+)*\)?[.,:;?]?|[.,:;?)]|[\u2013\u2014→·…]|&", re.IGNORECASE
)
_IN_CODE = re.compile(r"[^\w ]|_", re.ASCII)


def code(text: str) -> str:
    """Return a text as a code span."""
    shown = visible(text)
    if "|" in shown or "`" in shown:
        return f"<code>{_IN_CODE.sub(_entity, shown)}</code>"
    if not shown.strip():
        return f"<code>{shown.replace(' ', '&#32;')}</code>"
    # A space that the text begins or ends with would be taken for padding if it stood at both ends.
    return f"` {shown} `" if shown[0] == shown[-1] == " " else f"`{shown}`"


def prose(text: str) -> str:
    """Return a sentence: harmless words as they are, others as code spans, and what stands in backticks as one, too."""
    parts = visible(text).split("`")
    if len(parts) % 2 == 0 or not all(parts[1::2]):
        return _words(visible(text))
    written = "".join(code(part) if number % 2 else _words(part) for number, part in enumerate(parts))
    return _words(visible(text)) if "``" in written else written  # two spans side by side would be read as one


def name(text: str) -> str:
    """Return a name in bold, or as a code span if it is not harmless."""
    words = visible(text).split(" ")
    if all(_HARMLESS.fullmatch(word) for word in words):
        return f"**{_words(visible(text))}**"
    return code(text)


def listed(items: Sequence[str], most: int) -> str:
    """Join the first of many, and say how many more there are."""
    more = len(items) - most
    return ", ".join(items) if more <= 0 else f"{', '.join(items[:most])} and {more} more"


def _words(text: str) -> str:
    """Write harmless words as they are; neighbours that are not share a code span."""
    written: list[str] = []
    odd: list[str] = []
    for word in text.split(" "):
        if not word or _HARMLESS.fullmatch(word):
            written += [_odd(odd)] * bool(odd)
            odd.clear()
            written.append("&amp;" if word == "&" else word)
        else:
            odd.append(word)
    return " ".join([*written, *([_odd(odd)] if odd else [])])


def _odd(words: Sequence[str]) -> str:
    """Put words into a code span; the comma or colon behind them is the sentence's."""
    text = " ".join(words)
    bare = text[:-1] if text[-1:] in {",", ":", ";"} and len(text) > 1 else text
    return code(bare) + text[len(bare) :]


def _entity(found: re.Match[str]) -> str:
    entity = f"&#{ord(found.group())};"
    # An address is looked for after entities are read, but not across a comment.
    return f"<!-- -->{entity}<!-- -->" if found.group() == "@" else entity


@dataclass(frozen=True, slots=True)
class Passage:
    """A line, or lines that belong together, and how much of what it stands for: `{"actions": 3}`.

    What holds nothing is left out without a word.
    """

    text: str
    holds: Counter[str]


@dataclass(frozen=True, slots=True)
class Block:
    """Items between an opening and a closing; without any item none of it is shown."""

    opening: str
    items: tuple[Passage, ...]
    closing: str = ""


def fit(blocks: Iterable[Block], limit: int) -> tuple[str, Counter[str]]:
    """Return as many items, from the first on, as the limit has room for, and what the others hold."""
    written: list[str] = []
    left_out: Counter[str] = Counter()
    room, is_cut = limit, False
    for block in blocks:
        taken: list[str] = []
        room -= (length(block.opening) + length(block.closing)) * bool(block.items)
        for item in block.items:
            is_cut = is_cut or length(item.text) > room
            if is_cut:
                left_out.update(item.holds)
            else:
                taken.append(item.text)
                room -= length(item.text)
        if taken:
            written += [block.opening, *taken, block.closing]
    return "".join(written), left_out


def length(text: str) -> int:
    """Count a text as the strictest of those who limit it: in UTF-16, where some characters count twice."""
    return len(text.encode("utf-16-le", errors="surrogatepass")) // 2
