"""The pages made from the code say what the code says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from reconciler.reports import verbs_reference
from reconciler.reports.fleet_reference import render_fleet_reference
from schemas.json_schema import json_schema
from schemas.kinds import KINDS

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)+")
# Calls that are given the code of a problem.
TELLING = {"Diagnostic", "ErrorWords", "FaultWords", "_Refusal", "_report", "_told", "problem"}


def emitted() -> set[str]:
    """All codes of problems in the source."""
    places = ("schemas", "reconciler/loading", "reconciler/fleet", "reconciler/core")
    modules = [module for place in places for module in (ROOT / place).glob("*.py")]
    unknown = {f"unknown-{target}" for kind in KINDS.values() for target in kind.refers.values()}
    return unknown | {code for module in modules for code in codes_in(ast.parse(module.read_text()))}


def codes_in(tree: ast.Module) -> Iterator[str]:
    """Codes that a module gives to the calls that tell."""
    for node in ast.walk(tree):
        values: list[ast.expr] = []
        if isinstance(node, ast.Call) and name_of(node.func) in TELLING:
            values = node.args
        for value in values:
            if isinstance(value, ast.Constant) and isinstance(value.value, str) and CODE.fullmatch(value.value):
                yield value.value


def name_of(expression: ast.expr) -> str:
    """The last part of a name."""
    return expression.attr if isinstance(expression, ast.Attribute) else getattr(expression, "id", "")


def test_every_problem_is_documented_and_no_other() -> None:
    documented = re.findall(r"^### `([^`]+)`$", (ROOT / "docs/problems.md").read_text(), re.MULTILINE)
    assert len(documented) == len(set(documented))
    assert set(documented) == emitted()


def test_every_documented_problem_says_what_to_do() -> None:
    sections = re.split(r"^### ", (ROOT / "docs/problems.md").read_text(), flags=re.MULTILINE)[1:]
    assert [section.partition("\n")[0] for section in sections if "Fix:" not in section] == []


def test_every_problem_occurs_in_a_test() -> None:
    tests = "\n".join(
        path.read_text() for path in (ROOT / "tests/loading").rglob("*") if path.suffix in {".py", ".txt"}
    )
    assert sorted(code for code in emitted() if code not in tests) == []


def test_the_page_of_verbs_is_up_to_date() -> None:
    page = (ROOT / "docs/verbs.md").read_text()
    assert page == verbs_reference.render(), "python -m reconciler.reports.verbs_reference > docs/verbs.md"


def test_the_fleet_reference_is_up_to_date() -> None:
    page = (ROOT / "docs/fleet-reference.md").read_text()
    assert page == render_fleet_reference(), "python -m reconciler.reports.fleet_reference > docs/fleet-reference.md"


def test_the_fleet_reference_has_every_field_of_every_mapping() -> None:
    sections = render_fleet_reference().split("\n##")
    tables = [set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) for section in sections]
    secrets = {"EnvSecret", "FileSecret", "EitherSecret", "LiteralSecret", "DerivedSecret", "Derivation"}
    mappings = {name: each for kind in KINDS for name, each in json_schema(kind).get("$defs", {}).items()}
    fields = {name: each["properties"].keys() for name, each in mappings.items() if name not in secrets}
    assert [name for name, keys in fields.items() if not any(keys <= table for table in tables)] == []
