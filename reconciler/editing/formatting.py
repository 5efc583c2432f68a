"""The layout of a YAML file made regular: indentation, spaces inside a line, blanks at its end. Nothing else, and no meaning.

Two spaces a level; one after `:`, `-` and `,`, none inside brackets or before what closes them. Comments stay where they are,
beside what they are about; empty lines, quotes, the order of keys, line breaks and whether a list stands under its key or to
the right of it are the author's. Whatever comes out is read again: it says the same, character by character but for blanks, or
the file is left alone.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml
from yaml import tokens as t

from reconciler.editing.edits import is_same
from reconciler.loading.yaml_reader import read_documents

_MARK = "\ufeff"
_STEP = 2
_ODD_BREAKS = "\x85\u2028\u2029"
_CLOSES = (t.FlowEntryToken, t.FlowMappingEndToken, t.FlowSequenceEndToken, t.ValueToken)
_OPENS = (t.FlowMappingStartToken, t.FlowSequenceStartToken)
_FLOW_ENDS = (t.FlowMappingEndToken, t.FlowSequenceEndToken)
_BLOCKS = (t.BlockMappingStartToken, t.BlockSequenceStartToken)


class CannotFormat(Exception):
    """A file is left as it is; the message says why."""


def formatted(data: bytes) -> bytes:
    """Return a file with a regular layout.

    Args:
        data: its bytes.

    Raises:
        CannotFormat: it is no valid text of a fleet, or laid out in a way that this does not know.
    """
    before, problems = read_documents("", data)
    if problems:
        raise CannotFormat("it has problems as it is: see `odoo-fleet validate`")
    text = data.decode()
    body = text.removeprefix(_MARK)
    if any(odd in body for odd in _ODD_BREAKS) or "\r" in body.replace("\r\n", ""):
        raise CannotFormat("it has line breaks that are not those of a text file")
    whole = text[: len(text) - len(body)] + _Layout(body).written()
    after, problems = read_documents("", whole.encode())
    same = is_same([each.data for each in before], [each.data for each in after])
    if problems or not same or "".join(whole.split()) != "".join(text.split()):
        raise CannotFormat("it is laid out in a way that cannot be made regular without changing what it says")
    return whole.encode()


@dataclass(frozen=True, slots=True)
class _Frame:
    """A block that is open: the column at which it stood, and at which it will."""

    old: int
    new: int


@dataclass(slots=True)
class _Line:
    """One line: what stands on it, which columns it had and gets, and how many of its characters belong to what began before."""

    text: str
    old: int = 0
    new: int = 0
    held: int = 0
    shift: int = 0
    tokens: list[tuple[int, int, t.Token]] = field(default_factory=list)  # columns from and to
    open: tuple[_Frame, ...] = ()


class _Layout:
    def __init__(self, text: str) -> None:
        self._crlf = "\r\n" in text
        raw = text.split("\n")
        self._starts = [0]
        for line in raw[:-1]:
            self._starts.append(self._starts[-1] + len(line) + 1)
        self._lines = [_Line(line.removesuffix("\r")) for line in raw]
        self._place(text)

    def _place(self, text: str) -> None:
        """Find out of each line which column it gets."""
        frames: list[_Frame] = []
        flow, flow_shift = 0, 0
        for token in yaml.scan(text, Loader=yaml.CSafeLoader):
            begin, end = token.start_mark.index, token.end_mark.index
            if isinstance(token, _BLOCKS):
                column = begin - self._starts[self._at(begin)]
                frames.append(_Frame(column, frames[-1].new + _STEP if frames else 0))
            elif isinstance(token, t.BlockEndToken):
                frames.pop()
            if begin == end or isinstance(token, _BLOCKS):
                continue
            number = self._at(begin)
            line, column = self._lines[number], begin - self._starts[number]
            if not line.tokens and not line.held:
                line.old, line.open = column, tuple(frames)
                line.new = max(column + flow_shift, 0) if flow else _column(frames, column)
                line.shift = line.new - line.old
            if isinstance(token, _OPENS):
                flow_shift = flow_shift if flow else line.shift
                flow += 1
            elif isinstance(token, _FLOW_ENDS):
                flow -= 1
            self._hold(token, number, column, end)

    def _hold(self, token: t.Token, number: int, column: int, end: int) -> None:
        """Note where a token stands; what it covers of further lines moves with its first one."""
        line, last = self._lines[number], self._at(end)
        if last == number:
            line.tokens.append((column, end - self._starts[number], token))
            return
        line.tokens.append((column, len(line.text), token))
        for each in range(number + 1, last + 1):
            held = self._lines[each]
            held.held = min(len(held.text), end - self._starts[each]) if each == last else len(held.text) or 1
            held.shift = line.shift
            held.open = line.open

    def _at(self, index: int) -> int:
        return bisect.bisect_right(self._starts, index) - 1

    def written(self) -> str:
        written = list(self._written())
        while len(written) > 1 and not written[-1] and not self._lines[len(written) - 1].held:
            written.pop()
        is_cut = len(written) < len(self._lines)  # what was left out stood behind a line break
        newline = "\r\n" if self._crlf else "\n"
        is_whole = is_cut or not (self._lines[-1].held or self._ends_open())
        return newline.join(written) + (newline if is_whole and any(written) else "")

    def _ends_open(self) -> bool:
        """Tell whether a text of several lines is the last thing, which a line break at the end would be a part of."""
        return any(
            isinstance(token, t.ScalarToken) and token.style in ("|", ">")
            for line in self._lines[-1:]
            for _, _, token in line.tokens
        )

    def _written(self) -> Iterator[str]:
        after: _Line | None = None
        lines: list[str] = []
        before = self._before()
        for number in range(len(self._lines) - 1, -1, -1):
            line = self._lines[number]
            if line.tokens or line.held:
                lines.append(_whole(line))
                after = line
            else:
                lines.append(_comment(line.text, before[number], after))
        yield from reversed(lines)

    def _before(self) -> list[_Line | None]:
        """Return of each line the last one before it on which something stands."""
        found: list[_Line | None] = []
        last: _Line | None = None
        for line in self._lines:
            found.append(last)
            last = line if line.tokens or line.held else last
        return found


def _column(frames: list[_Frame], column: int) -> int:
    """Return the column of what begins a line in a block: that of the block, or one step further for a value of its own line."""
    if not frames:
        return 0
    return frames[-1].new if column <= frames[-1].old else frames[-1].new + _STEP


def _comment(text: str, before: _Line | None, after: _Line | None) -> str:
    """Return a line on which no more than a comment stands: as far in as what it is about."""
    said = text.strip()
    if not said:
        return ""
    column = len(text) - len(text.lstrip())
    if after is not None and after.tokens and column == after.old:
        return " " * after.new + said
    for frame in reversed(before.open if before else ()):
        if frame.old == column:
            return " " * frame.new + said
    shift = after.shift if after is not None else 0
    return " " * max(column + shift, 0) + said


def _whole(line: _Line) -> str:
    text, held = line.text, line.held
    if held and not line.tokens:
        return (
            _shifted(text, line.shift)
            if held >= len(text)
            else _shifted(text[:held], line.shift) + text[held:].rstrip()
        )
    first = line.tokens[0][2]
    if isinstance(first, t.DirectiveToken):
        return text.rstrip()
    written = _shifted(text[:held], line.shift) if held else " " * line.new
    at, last = held, None
    for begin, end, token in line.tokens:
        if last is not None or held:
            written += _gap(last, token, text[at:begin])
        written += text[begin:end]
        at, last = end, token
    rest = text[at:].rstrip()
    is_cut = isinstance(last, t.ScalarToken) and at == len(text) and not last.plain
    return written + rest if rest or is_cut else written.rstrip()


def _shifted(text: str, shift: int) -> str:
    if shift >= 0:
        return " " * shift + text if text else text
    blanks = len(text) - len(text.lstrip(" "))
    return text[min(blanks, -shift) :]


def _gap(last: t.Token | None, token: t.Token, was: str) -> str:
    """Return what stands between two tokens of a line."""
    if isinstance(last, t.KeyToken) or isinstance(token, t.KeyToken):
        return was  # `?`, which nobody needs
    if isinstance(token, t.ValueToken) and isinstance(last, t.AliasToken):
        return " "
    return "" if isinstance(token, _CLOSES) or isinstance(last, _OPENS) else " "
