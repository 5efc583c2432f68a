"""What holds for every module: it says what it is for, it is of a size that can be read, and it is named for what it does."""

from __future__ import annotations

import ast

from tests.architecture.sources import PRODUCT, modules

BANNED = {"utils", "helpers", "common", "manager", "handler", "process", "data", "info"}
LONGEST_MODULE = 450
LONGEST_FUNCTION = 60


def without_docstring(*packages: str) -> list[str]:
    trees = modules(*packages)
    return [path for path, tree in trees.items() if tree.body and not ast.get_docstring(tree)]


def test_every_module_opens_with_its_role() -> None:
    assert without_docstring(*PRODUCT) == []


def test_every_module_of_tests_says_what_it_shows() -> None:
    assert without_docstring("tests") == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    named = {path: path.rpartition("/")[2].removesuffix(".py") for path in modules(*PRODUCT)}
    assert [path for path, name in named.items() if name in BANNED] == []


def test_modules_and_functions_can_be_read_at_a_sitting() -> None:
    long: list[str] = []
    for path, tree in modules(*PRODUCT).items():
        length = max((node.end_lineno or 0 for node in tree.body), default=0)
        long += [f"{path}: {length} lines"] if length > LONGEST_MODULE else []
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno
                long += [f"{path}: {node.name}: {length} lines"] if length > LONGEST_FUNCTION else []
    assert long == []


def test_no_two_classes_have_one_name() -> None:
    """Nested ones and the simulator's too: a traceback, and an editor's search, then tell which is meant."""
    found: dict[str, list[str]] = {}
    for path, tree in modules(*PRODUCT).items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(path)
    assert {name: paths for name, paths in found.items() if len(paths) > 1} == {}
