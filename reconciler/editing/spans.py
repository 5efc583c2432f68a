"""Where the parts of a document stand in its text: characters from one place to another, as PyYAML's marks have them.

Marks do not tell all. A block collection ends for the parser where the next thing begins, behind blank lines and comments; what
stands behind an alias has the marks of its anchor. Both are put right here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from yaml import MappingNode, Node, ScalarNode, SequenceNode

from reconciler.loading.nodes import PLAIN

_ALIAS = re.compile(r"\*[^\s,\[\]{}]+")
_COLON = re.compile(r"[ \t]*:")
_COMMENT = re.compile(r"(?:^|(?<=\s))#", re.MULTILINE)


class CannotEdit(Exception):
    """The text cannot be edited so that nothing else of it changes; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Span:
    """Characters from `start` up to `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class KeyValue:
    """One key of a mapping with its value.

    Args:
        name: the key.
        start: where the key begins.
        colon: where the key with its colon ends.
        value: what it holds.
        span: where the value stands; empty, behind the colon, where nothing is written.
        is_alias: an alias stands there, and `value` stands elsewhere.
    """

    name: str
    start: int
    colon: int
    value: Node
    span: Span
    is_alias: bool


def entries(text: str, mapping: MappingNode) -> list[KeyValue]:
    """Return what a mapping holds, in its order.

    Raises:
        CannotEdit: a key of it is not written as `key: value`.
    """
    return [_entry(text, key, value) for key, value in mapping.value]


def _entry(text: str, key: Node, value: Node) -> KeyValue:
    end = key.end_mark.index
    colon = _COLON.match(text, end)
    if not isinstance(key, ScalarNode) or colon is None:
        raise CannotEdit("a key is not written as `key: value` there: edit the file by hand")
    span, is_alias = _value_span(text, colon.end(), value)
    return KeyValue(key.value, key.start_mark.index, colon.end(), value, span, is_alias)


def _value_span(text: str, after: int, value: Node) -> tuple[Span, bool]:
    if value.start_mark.index < after:
        alias = _ALIAS.search(text, after)
        assert alias is not None, "a value that stands before its key is that of an alias"
        return Span(*alias.span()), True
    if is_nothing(value):
        return Span(after, after), False
    return Span(value.start_mark.index, end_of(text, value)), False


def end_of(text: str, node: Node) -> int:
    """Return where what is written for a node ends, without blank lines and comments behind it."""
    if isinstance(node, MappingNode) and not node.flow_style and node.value:
        return entries(text, node)[-1].span.end
    if isinstance(node, SequenceNode) and not node.flow_style and node.value:
        return item_spans(text, node)[-1].end
    start = node.start_mark.index
    return start + len(text[start : node.end_mark.index].rstrip())


def item_spans(text: str, sequence: SequenceNode) -> list[Span]:
    """Return where the items of a list stand.

    Raises:
        CannotEdit: an item is an alias, or empty.
    """
    at, spans = sequence.start_mark.index, []
    for item in sequence.value:
        if item.start_mark.index < at or is_nothing(item):
            raise CannotEdit("an item of a list there is an alias, or empty: edit the file by hand")
        spans.append(Span(item.start_mark.index, end_of(text, item)))
        at = spans[-1].end
    return spans


def is_nothing(node: Node) -> bool:
    """Tell whether nothing is written for a node."""
    return isinstance(node, ScalarNode) and node.tag == PLAIN and not node.value


def holds_comment(text: str) -> bool:
    """Tell whether a piece of text may hold a comment; a text in quotes with ` #` in it counts as one."""
    return _COMMENT.search(text) is not None


def line_end(text: str, at: int) -> int:
    """Return where the line of a place ends, with its break."""
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1


def line_break(text: str) -> str:
    """Return the line break that a text uses."""
    first = text.find("\n")
    return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"
