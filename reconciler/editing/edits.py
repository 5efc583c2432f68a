"""One document of a YAML file edited: the values that are meant change, and not one other byte of the file.

Edits are made at the places that the parser knows, not by writing the file anew. Whatever comes out is read again before anybody
gets it: the document says just what was wanted, all others in the file what they said, or the edit is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml
from yaml import MappingNode, SequenceNode

from reconciler.editing.spans import (
    CannotEdit,
    KeyValue,
    Span,
    entries,
    holds_comment,
    item_spans,
    line_break,
    line_end,
)
from reconciler.fleet.documents import dotted
from reconciler.loading.nodes import compose
from reconciler.loading.yaml_reader import read_documents
from reconciler.reports.documents import render_field, render_value

_MARK = b"\xef\xbb\xbf"


class Unset:
    """Stands for the wish that a field be not there."""


UNSET: Final = Unset()

Keys = tuple[str, ...]
Change = tuple[Keys, Any]
"""A field by its keys from the document on, and its value or `UNSET`."""


def edit(data: bytes, index: int, changes: Iterable[Change]) -> bytes:
    """Return the bytes of a file in which one document was changed.

    Args:
        data: the file's, which must be valid YAML as a fleet takes it.
        index: which of its documents.
        changes: made one after the other.

    Raises:
        CannotEdit: it cannot be done without changing anything else.
    """
    for keys, value in changes:
        data = _edit(data, index, keys, value)
    return data


def with_change(document: Mapping[str, Any], keys: Keys, value: Any) -> dict[str, Any]:
    """Return a document's data with one field set, or without it."""
    first, *rest = keys
    changed = dict(document)
    if rest:
        below = document.get(first)
        if isinstance(below, Mapping) or value is not UNSET:
            changed[first] = with_change(below if isinstance(below, Mapping) else {}, tuple(rest), value)
    elif value is UNSET:
        changed.pop(first, None)
    else:
        changed[first] = value
    return changed


def _edit(data: bytes, index: int, keys: Keys, value: Any) -> bytes:
    before = _read(data)
    if before is None:
        raise CannotEdit("the file has problems as it is: see `odoo-fleet validate`")
    wanted = with_change(before[index], keys, value)
    if is_same(before[index], wanted):
        return data
    mark = data.startswith(_MARK)
    text = data.removeprefix(_MARK).decode()
    piece = _Editor(text).change(_root(data, index), keys, value)
    changed = (_MARK if mark else b"") + piece.into(text).encode()
    after = _read(changed)
    expected = [*before[:index], wanted, *before[index + 1 :]]
    if after is None or not is_same(after, expected):
        raise CannotEdit(
            f"{dotted(keys)!r} cannot be changed without changing anything else (an anchor, or a value that cannot be "
            "written so): edit the file by hand"
        )
    return changed


def _read(data: bytes) -> list[Any] | None:
    documents, problems = read_documents("", data)
    return None if problems else [document.data for document in documents]


def _root(data: bytes, index: int) -> MappingNode:
    try:
        # Empty documents are none to the reader, and are not counted.
        roots = [root for root in compose(data.removeprefix(_MARK)) if isinstance(root, MappingNode)]
    except yaml.YAMLError as error:
        raise CannotEdit("the file is not YAML") from error
    return roots[index]


@dataclass(frozen=True, slots=True)
class _Piece:
    """What takes the place of a piece of text."""

    span: Span
    text: str

    def into(self, whole: str) -> str:
        return whole[: self.span.start] + self.text + whole[self.span.end :]


@dataclass(frozen=True, slots=True)
class _Editor:
    """Finds for one change the one piece of text to replace."""

    text: str

    def change(self, mapping: MappingNode, keys: Keys, value: Any) -> _Piece:
        """Return what sets or removes a field of a mapping."""
        first, *rest = keys
        entry = next((each for each in entries(self.text, mapping) if each.name == first), None)
        if entry is None:
            return self._insert(mapping, first, _nested(rest, value))
        if not rest:
            return self._remove(mapping, entry) if value is UNSET else self._replace(entry, value)
        if entry.is_alias:
            raise CannotEdit(f"{first!r} is an alias of what is written elsewhere: write it out there first")
        if not isinstance(entry.value, MappingNode):
            return self._replace(entry, _nested(rest, value))
        if value is UNSET and len(rest) == 1 and len(entry.value.value) == 1:
            return self._replace(entry, {})
        return self.change(entry.value, tuple(rest), value)

    def _insert(self, mapping: MappingNode, key: str, value: Any) -> _Piece:
        written = render_field(key, value)
        found = entries(self.text, mapping)
        if mapping.flow_style:
            if not found:
                opening = self.text.index("{", mapping.start_mark.index) + 1
                return _Piece(Span(opening, opening), written)
            end = found[-1].span.end
            return _Piece(Span(end, end), f", {written}")
        margin = " " * _column(self.text, found[0].start)
        end = line_end(self.text, found[-1].span.end)
        newline = line_break(self.text)
        before = "" if self.text[:end].endswith("\n") else newline
        after = newline if not before or self.text.endswith("\n") else ""
        return _Piece(Span(end, end), f"{before}{margin}{written}{after}")

    def _replace(self, entry: KeyValue, value: Any) -> _Piece:
        node = entry.value
        if isinstance(node, SequenceNode) and not entry.is_alias and isinstance(value, list):
            piece = self._items(node, value)
            if piece is not None:
                return piece
        lost = self.text[entry.colon : entry.span.end]
        if holds_comment(lost) and not _is_one_line(lost):
            raise CannotEdit(f"{entry.name!r} has comments inside, which would be lost: edit the file by hand")
        # What begins on a line of its own is drawn up to its key.
        start = entry.span.start if _is_one_line(self.text[entry.colon : entry.span.start]) else entry.colon
        space = " " if start == entry.colon else ""
        return _Piece(Span(start, entry.span.end), space + render_value(value))

    def _items(self, node: SequenceNode, value: Sequence[Any]) -> _Piece | None:
        """Return what adds items to the end of a list, or takes some from there; None where that is not what is wanted."""
        present = _values(node)
        if not present or not value or present == list(value):
            return None
        spans = item_spans(self.text, node)
        if is_same(present, list(value[: len(present)])):
            added = value[len(present) :]
            end = spans[-1].end
            if node.flow_style:
                return _Piece(Span(end, end), "".join(f", {render_value(each)}" for each in added))
            margin = " " * _column(self.text, self.text.rindex("-", 0, spans[-1].start))
            at, newline = line_end(self.text, end), line_break(self.text)
            lines = [f"{margin}- {render_value(each)}" for each in added]
            if not self.text[:at].endswith("\n"):
                return _Piece(Span(at, at), "".join(f"{newline}{line}" for line in lines))
            return _Piece(Span(at, at), "".join(f"{line}{newline}" for line in lines))
        return None

    def _remove(self, mapping: MappingNode, entry: KeyValue) -> _Piece:
        found = entries(self.text, mapping)
        place = found.index(entry)
        if not mapping.flow_style:
            start = self.text.rfind("\n", 0, entry.start) + 1
            if len(found) == 1 or self.text[start : entry.start].strip():
                raise CannotEdit(f"{entry.name!r} does not stand on lines of its own: edit the file by hand")
            return _Piece(Span(start, line_end(self.text, entry.span.end)), "")
        if place:
            span = Span(found[place - 1].span.end, entry.span.end)
        else:
            span = Span(entry.start, found[1].start if len(found) > 1 else entry.span.end)
        if holds_comment(self.text[span.start : span.end]):
            raise CannotEdit(f"{entry.name!r} has comments beside it, which would be lost: edit the file by hand")
        return _Piece(span, "")


def _values(node: SequenceNode) -> list[Any] | None:
    """Return the items of a list of plain words; None if it holds anything else."""
    if any(isinstance(item.value, list) for item in node.value):
        return None
    return [item.value for item in node.value]


def _nested(keys: Sequence[str], value: Any) -> Any:
    for key in reversed(keys):
        value = {key: value}
    return value


def _column(text: str, at: int) -> int:
    return at - (text.rfind("\n", 0, at) + 1)


def _is_one_line(piece: str) -> bool:
    return "\n" not in piece


def is_same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same, types included: 1 is not true."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(is_same(each, other[key]) for key, each in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(is_same, one, other))
    return type(one) is type(other) and bool(one == other)
