"""Problems of a fleet's text, as lines for people: one line each, or with the line of the source and carets under the cause.

What stands after a key that names a secret is never shown, nor is a character that a terminal would obey.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterable, Mapping

from reconciler.fleet.counting import count
from reconciler.fleet.diagnostics import Diagnostic, Severity
from reconciler.reports.covering import MASK, covered

_RED, _YELLOW, _BOLD, _DIM, _PLAIN = "\x1b[31m", "\x1b[33m", "\x1b[1m", "\x1b[2m", "\x1b[0m"
_WIDTH = 100
_FOLD = "    "
_LINE_BREAK = re.compile("\r\n|\n|\r")
_ABOUT_SECRETS = frozenset({"literal-secret", "weak-secret"})


def render_problems(
    diagnostics: Iterable[Diagnostic],
    texts: Mapping[str, str],
    *,
    excerpts: bool = False,
    colour: bool = False,
    width: int = 0,
) -> str:
    """Return the problems in the order given, a line each.

    Args:
        diagnostics: what is wrong.
        texts: the files' texts, by the path that the diagnostics name.
        excerpts: whether the line of the source follows each problem, with carets under the cause.
        colour: whether the terminal shows colours.
        width: where longer problems fold below themselves, between words; 0 for nowhere.
    """
    lines: list[str] = []
    split: dict[str, list[str]] = {}
    for each in diagnostics:
        lines.append(_headline(each, colour=colour, width=width))
        file = each.range.file
        if excerpts and file in texts:
            if file not in split:
                split[file] = covered(_LINE_BREAK.split(texts[file]))
            lines += _excerpt(each, split[file], colour=colour)
    return "\n".join(lines)


def render_summary(diagnostics: Iterable[Diagnostic]) -> str:
    """Count the problems: `3 errors, 1 warning`, or `no problems`."""
    severities = [each.severity for each in diagnostics]
    numbers = {severity.value: severities.count(severity) for severity in Severity}
    return ", ".join(count(number, name) for name, number in numbers.items() if number) or "no problems"


def _headline(problem: Diagnostic, *, colour: bool, width: int) -> str:
    if width and len(str(problem)) > width:
        folded = textwrap.fill(
            str(problem), width, subsequent_indent=_FOLD, break_long_words=False, break_on_hyphens=False
        )
        where, what = f"{problem.range}:", f"{problem.code}:"
        if not colour:
            return folded
        return folded.replace(where, _paint(where, _BOLD), 1).replace(what, _paint(what, _tone(problem)), 1)
    if not colour:
        return str(problem)
    hint = f" {_paint(f'({problem.hint})', _DIM)}" if problem.hint else ""
    return f"{_paint(f'{problem.range}:', _BOLD)} {_paint(f'{problem.code}:', _tone(problem))} {problem.message}{hint}"


def _excerpt(problem: Diagnostic, lines: list[str], *, colour: bool) -> list[str]:
    place = problem.range
    if not 0 < place.line <= len(lines) or not lines[place.line - 1].strip():
        return []
    line = lines[place.line - 1]
    start = min(place.column - 1, len(line))
    end = place.end_column - 1 if place.end_line == place.line else len(line)
    end = max(start + 1, min(end, max(len(line.rstrip()), start + 1)))
    if problem.code in _ABOUT_SECRETS:
        line = line[:start] + MASK * (end - start) + line[end:]
    line, start, end = _window(line, start, end)
    gutter = f"{place.line} | "
    carets = " " * _columns(line[:start]) + "^" * max(1, _columns(line[start:end]))
    below = _paint(carets, _tone(problem)) if colour else carets
    return [f"  {gutter}{_visible(line)}", f"  {' ' * (len(gutter) - 2)}| {below}"]


def _window(line: str, start: int, end: int) -> tuple[str, int, int]:
    """Cut a long line down to what surrounds the cause."""
    if len(line) <= _WIDTH:
        return line, start, end
    first = max(0, min(start - _WIDTH // 4, len(line) - _WIDTH))
    return line[first : first + _WIDTH], start - first, min(end - first, _WIDTH)


def _visible(line: str) -> str:
    return "".join(each if each.isprintable() else " " if each == "\t" else "�" for each in line)


def _columns(text: str) -> int:
    """Columns that a terminal takes for a text."""
    return sum(_column(each) for each in text)


def _column(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _tone(problem: Diagnostic) -> str:
    return _RED if problem.severity is Severity.ERROR else _YELLOW


def _paint(text: str, tone: str) -> str:
    return f"{tone}{text}{_PLAIN}"
