"""Problems as GitHub's workflow commands: in a job's log they become annotations beside the lines of a pull request.

A command is one line, `::error file=…,line=…::message`; what a file says can neither end it nor begin another.
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.fleet.diagnostics import Diagnostic, Range, Severity
from reconciler.reports.escapes import visible

_SHOWN = 10
"""Annotations of one severity that GitHub shows of a step; further ones are in its log only."""


def render_annotations(diagnostics: Iterable[Diagnostic]) -> str:
    """Return a command for each problem, in the order given, and a line that says so if GitHub shows only the first."""
    problems = list(diagnostics)
    lines = [_annotation(each) for each in problems]
    severities = [each.severity for each in problems]
    if any(severities.count(severity) > _SHOWN for severity in Severity):
        lines.append(f"GitHub shows the first {_SHOWN} annotations of each kind; all of them are in this log.")
    return "\n".join(lines)


def _annotation(problem: Diagnostic) -> str:
    command = "error" if problem.severity is Severity.ERROR else "warning"
    properties = {"file": problem.range.file, **_place(problem.range), "title": problem.code}
    written = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    # The place stands in the message too: the log of a job shows nothing else of a command.
    return f"::{command} {written}::{_message(str(problem))}"


def _place(place: Range) -> dict[str, int]:
    found = {"line": place.line}
    if place.end_line > place.line:
        return found | {"endLine": place.end_line}  # columns are for ranges within one line
    found["col"] = place.column
    if place.end_line == place.line and place.end_column > place.column:
        found["endColumn"] = place.end_column
    return found


def _message(text: str) -> str:
    return visible(text).replace("%", "%25")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
