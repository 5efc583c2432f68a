"""Problems of a fleet's text: where, what is wrong, how bad, and what to do.

A diagnostic is data: reports render it, nothing raises it. `sort` gives the one order in which all outputs show them.
Codes are stable and documented in docs/problems.md; a code that was published keeps its meaning.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a problem is: an error makes the fleet invalid, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """A place in a fleet's text. Lines and columns count from 1; the end column is exclusive."""

    file: str
    line: int = 1
    column: int = 1
    end_line: int = 0
    end_column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Diagnostic:
    """One problem: `path:line:column: code: message (hint)`."""

    range: Range
    code: str
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        tail = f" ({self.hint})" if self.hint else ""
        return f"{self.range}: {self.code}: {self.message}{tail}"


def sort(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Order by file, line, column, code and message, without repetitions."""
    return tuple(sorted(set(diagnostics)))


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Tell whether any of the diagnostics makes the fleet invalid."""
    return any(d.severity is Severity.ERROR for d in diagnostics)
