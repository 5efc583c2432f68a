"""Broken fleets and the exact problems told: the cases of `broken/`, and those that no text file can hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.loading.corpus import Case, read_cases
from tests.loading.fleets import INSTANCE, problems

CASES = list(read_cases())

TOO_LARGE = (
    "fleet/x.yaml:1:1: file-too-large: the file is too large (at most 1024 KiB are read; split it into several files)"
)

ODD: dict[str, tuple[str | bytes, str]] = {
    "brackets nested by the thousand": (
        INSTANCE + "labels: " + "[" * 5000 + "\n",
        "fleet/x.yaml:5:1008: invalid-yaml: values are nested too deep",
    ),
    "a tab before a key": (
        INSTANCE + "owner:\n\tname: A\n",
        "fleet/x.yaml:6:1: tab-indentation: a tab indents this line (YAML is indented with spaces)",
    ),
    "a tab in a list": (
        INSTANCE + "modules:\n  - sale\n \t- stock\n",
        "fleet/x.yaml:7:2: tab-indentation: a tab indents this line (YAML is indented with spaces)",
    ),
    "a NUL character": (
        INSTANCE + "name: A\0B\n",
        "fleet/x.yaml:5:8: control-character: a NUL character may not stand in a fleet's text (remove it)",
    ),
    "a control character": (
        INSTANCE + "name: A\x07B\n",
        "fleet/x.yaml:5:8: control-character: the character U+0007 may not stand in a fleet's text (remove it)",
    ),
    "text that reorders the line": (
        INSTANCE + "name: A\u202eB\n",
        "fleet/x.yaml:5:8: control-character: the character U+202E may not stand in a fleet's text (remove it)",
    ),
    "a line separator": (
        INSTANCE + "name: A\u2028B\n",
        "fleet/x.yaml:5:8: control-character: the character U+2028 may not stand in a fleet's text (remove it)",
    ),
    "Latin-1": (
        INSTANCE.encode() + b"name: \xe9t\xe9\n",
        "fleet/x.yaml:5:7: not-utf8: byte 67 (0xe9) is not UTF-8 (save the file as UTF-8)",
    ),
    "UTF-16": (INSTANCE.encode("utf-16"), "fleet/x.yaml:1:1: not-utf8: the file is UTF-16 (save it as UTF-8)"),
    "UTF-16 without its mark": (
        INSTANCE.encode("utf-16-le"),
        "fleet/x.yaml:1:1: not-utf8: the file looks like UTF-16 (save it as UTF-8)",
    ),
    "a file too large": (INSTANCE + "# " + "x" * (1024 * 1024) + "\n", TOO_LARGE),
}


def test_there_are_at_least_sixty_of_them() -> None:
    assert len([case for case in CASES if case.problems]) >= 60
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_problems_are_exactly_these(case: Case, tmp_path: Path) -> None:
    assert problems(tmp_path, case.texts) == case.problems


@pytest.mark.parametrize("name", ODD)
def test_what_no_text_file_can_hold_is_told_too(name: str, tmp_path: Path) -> None:
    content, expected = ODD[name]
    assert problems(tmp_path, {"x.yaml": content}) == [expected]


def test_a_fleet_without_problems_has_none(tmp_path: Path) -> None:
    assert problems(tmp_path, {"x.yaml": INSTANCE}) == []
