"""What is wrong with a fleet because of a draft, and which field of its document each problem is about."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml
from yaml import MappingNode, Node, SequenceNode

from reconciler.editing.fleet_text import FileDraft
from reconciler.fleet.diagnostics import Diagnostic, Range, Severity
from reconciler.fleet.documents import Path, dotted
from reconciler.loading.discovery import shown
from reconciler.loading.fleet_directory import Loaded
from reconciler.loading.nodes import compose, node_range
from reconciler.loading.screening import without_mark

_MISSING = re.compile(r"'([^']+)' is missing$")


def new_errors(before: Loaded, after: Loaded) -> tuple[Diagnostic, ...]:
    """Return the errors that there were not before, wherever they stand now."""
    known = {_what(each) for each in before.diagnostics}
    return tuple(d for d in after.diagnostics if d.severity is Severity.ERROR and _what(d) not in known)


def _what(problem: Diagnostic) -> tuple[str, str, str]:
    return problem.range.file, problem.code, problem.message


def field_of(draft: FileDraft, problem: Diagnostic) -> str:
    """Return the field of the draft's document that a problem is about; empty if it is about none, or another document."""
    if problem.range.file != shown(draft.path):
        return ""
    missing = _MISSING.match(problem.message)
    for root in _roots(draft.after):
        if not _is_of(root, draft):
            continue
        if missing is not None:
            return missing[1]  # it stands nowhere
        start = (problem.range.line, problem.range.column)
        found = [path for path, place in _places(problem.range.file, root, ()) if (place.line, place.column) == start]
        return dotted(found[-1]) if found else ""
    return ""


def _roots(data: bytes) -> list[Node]:
    try:
        return [*compose(without_mark(data))]
    except yaml.YAMLError:
        return []


def _is_of(root: Node, draft: FileDraft) -> bool:
    if not isinstance(root, MappingNode):
        return False
    said = {key.value: value.value for key, value in root.value}
    return (said.get("kind"), said.get("code")) == (draft.kind, draft.code)


def _places(file: str, node: Node, path: Path) -> Iterator[tuple[Path, Range]]:
    """Yield where the parts of a node stand, what is inside after what is around it."""
    if isinstance(node, MappingNode):
        for key, value in node.value:
            inner = (*path, str(key.value))
            yield inner, node_range(file, key)
            yield inner, node_range(file, value)
            yield from _places(file, value, inner)
    elif isinstance(node, SequenceNode):
        for number, item in enumerate(node.value):
            yield (*path, number), node_range(file, item)
            yield from _places(file, item, (*path, number))
