"""The broken fleets of tests/loading, loaded once, for the formats in which their problems are shown."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from reconciler.fleet.diagnostics import Diagnostic
from tests.loading.corpus import Case, read_cases
from tests.loading.fleets import BASE, load


@cache
def broken_fleets() -> tuple[tuple[Case, tuple[Diagnostic, ...]], ...]:
    """All cases with a problem, beside what `validate` found in each."""
    found = []
    with TemporaryDirectory() as root:
        for number, case in enumerate(case for case in read_cases() if case.problems):
            directory = Path(root, str(number))
            directory.mkdir()
            found.append((case, load(directory, dict(case.texts)).diagnostics))
    return tuple(found)


def line_of(case: Case, file: str, number: int) -> str | None:
    """A line of a case's file, by the path that problems name; None if there is none."""
    texts = {"base.yaml": BASE, **case.texts}
    lines = texts.get(file.removeprefix(f"fleet{os.sep}"), "").splitlines()
    return lines[number - 1] if 0 < number <= len(lines) else None


def place(problem: str) -> tuple[str, int, int]:
    """The path, line and column that a problem's line begins with."""
    file, line, column, _ = problem.split(":", 3)
    return file, int(line), int(column)
