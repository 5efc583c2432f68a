"""The project's own sources as syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("reconciler", "schemas")


@cache
def modules(*packages: str) -> dict[str, ast.Module]:
    """Parse all modules of some packages, by their path."""
    found = sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text()) for path in found}


def texts(tree: ast.AST) -> Iterator[str]:
    """List all text constants of a tree that are not docstrings."""
    documents = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
            yield node.value


def calls_with_text(tree: ast.AST, text: str) -> Iterator[ast.Call]:
    """List the calls that have a text among their plain arguments."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and any(isinstance(a, ast.Constant) and a.value == text for a in node.args):
            yield node
