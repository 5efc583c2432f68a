"""docs/guarantees.md says how each promise is tested: every test that it names must exist, where it says."""

from __future__ import annotations

import ast
import re

from tests.architecture.sources import ROOT

DOCUMENT = ROOT / "docs" / "guarantees.md"
_NAMED = re.compile(r"`(tests/[\w/.-]+?)(?:::(\w+(?:::\w+)*))?(?:\[[^`]*\])?`")
_BARE = re.compile(r"`(test_\w+)`")


def test_every_test_that_a_guarantee_names_exists() -> None:
    assert DOCUMENT.is_file(), "docs/guarantees.md is missing: it lists what the tool promises and which tests show it"
    text = DOCUMENT.read_text()
    named = _NAMED.findall(text)
    assert named, "docs/guarantees.md names no test as `tests/…/test_….py::test_…`"
    assert [wrong for file, name in named if (wrong := _missing(file, name))] == []


def test_no_two_guarantees_have_one_number() -> None:
    numbers = re.findall(r"^\*\*(G\d+)\. ", DOCUMENT.read_text(), re.MULTILINE)
    assert [number for number in set(numbers) if numbers.count(number) > 1] == []


def test_every_test_that_is_named_without_its_file_exists_somewhere() -> None:
    assert DOCUMENT.is_file(), "docs/guarantees.md is missing"
    everywhere = {name for path in (ROOT / "tests").rglob("test_*.py") for name in _tests(path.read_text())}
    assert [name for name in _BARE.findall(DOCUMENT.read_text()) if name not in everywhere] == []


def _missing(file: str, name: str) -> str:
    path = ROOT / file
    if not path.exists():
        return f"{file} does not exist"
    if name and name.rpartition("::")[2] not in _tests(path.read_text()):
        return f"{file} has no {name}"
    return ""


def _tests(source: str) -> set[str]:
    return {
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
