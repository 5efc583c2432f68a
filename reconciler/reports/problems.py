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
from reconciler.reports.paragraphs import UNFOLDED, Paper, Tone

_WIDTH = 100
_FOLD = "    "
_LINE_BREAK = re.compile("\r\n|\n|\r")
_ABOUT_SECRETS = frozenset({"literal-secret", "weak-secret"})


def render_problems(diagnostics: Iterable[Diagnostic], texts: Mapping[str, str], paper: Paper = UNFOLDED) -> str:
    """Return the problems in the order given, a line each; longer ones fold below themselves, between words.

    Args:
        diagnostics: what is wrong.
        texts: the files' texts, by the path that the diagnostics name. Its line follows, with carets under the cause.
        paper: what they are written on.
    """
    lines: list[str] = []
    split: dict[str, list[str]] = {}
    for each in diagnostics:
        lines.append(_headline(each, paper))
        file = each.range.file
        if file in texts:
            if file not in split:
                split[file] = covered(_LINE_BREAK.split(texts[file]))
            lines += _excerpt(each, split[file], paper)
    return "\n".join(lines)


def render_summary(diagnostics: Iterable[Diagnostic]) -> str:
    """Count the problems: `3 errors, 1 warning`, or `no problems`."""
    severities = [each.severity for each in diagnostics]
    numbers = {severity.value: severities.count(severity) for severity in Severity}
    return ", ".join(count(number, name) for name, number in numbers.items() if number) or "no problems"


def _headline(problem: Diagnostic, paper: Paper) -> str:
    where, what = f"{problem.range}:", f"{problem.code}:"
    bold, toned = paper.paint(where, Tone.STRONG), paper.paint(what, _tone(problem))
    if len(str(problem)) > paper.width:
        folded = textwrap.fill(
            str(problem), paper.width, subsequent_indent=_FOLD, break_long_words=False, break_on_hyphens=False
        )
        return folded.replace(where, bold, 1).replace(what, toned, 1)
    hint = f" {paper.paint(f'({problem.hint})', Tone.FAINT)}" if problem.hint else ""
    return f"{bold} {toned} {problem.message}{hint}"


def _excerpt(problem: Diagnostic, lines: list[str], paper: Paper) -> list[str]:
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
    below = paper.paint(carets, _tone(problem))
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


def _tone(problem: Diagnostic) -> Tone:
    return Tone.BAD if problem.severity is Severity.ERROR else Tone.DOUBT
