"""YAML text to nodes by PyYAML's C parser, and from a path in the data back to its place in the text.

Nodes are heavy (some ten times the text), so they are not kept: a file is composed once to read it, and again, from the
same bytes, when a place in it is asked for. Of the last files so asked for they are, until `forget_nodes` is called.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import yaml
from yaml import CSafeLoader, MappingNode, Node, ScalarNode, SequenceNode

from reconciler.fleet.diagnostics import Range
from reconciler.fleet.documents import Path

# What the parser says of a node that has no explicit tag; no tag of YAML is spelled so.
PLAIN, QUOTED, COLLECTION = "plain", "quoted", "collection"


class NodeParser(CSafeLoader):
    """Composes nodes without judging them: `resolve` tells plain from quoted, and nothing is turned into a value."""

    def resolve(self, kind: type[Node], value: str | None, implicit: Any) -> str:
        """Return the tag of a node that has none."""
        del value
        if kind is ScalarNode:
            return PLAIN if implicit[0] else QUOTED
        return COLLECTION

    def descend_resolver(self, parent: Node | None, index: Any) -> None:
        """Do nothing: tags do not depend on where a node stands."""

    def ascend_resolver(self) -> None:
        """Do nothing."""


def compose(data: bytes) -> Iterator[Node]:
    """Yield the root node of each document.

    Raises:
        yaml.YAMLError: the text is not YAML; the documents before the fault were yielded.
    """
    parser = NodeParser(data)
    try:
        while parser.check_node():
            root = parser.get_node()
            if root is not None:
                yield root
    finally:
        parser.dispose()


def node_range(file: str, node: Node) -> Range:
    """Where a node stands. A block mapping is known by its first key, a block sequence by its first dash."""
    start, end = node.start_mark, node.end_mark
    if isinstance(node, MappingNode | SequenceNode) and not node.flow_style:
        if isinstance(node, MappingNode) and node.value and isinstance(node.value[0][0], ScalarNode):
            return node_range(file, node.value[0][0])
        return Range(file, start.line + 1, start.column + 1, start.line + 1, start.column + 2)
    return Range(file, start.line + 1, start.column + 1, end.line + 1, end.column + 1)


@lru_cache(maxsize=4)
def _composed(data: bytes) -> tuple[Node, ...]:
    roots: list[Node] = []
    with suppress(yaml.YAMLError):
        # `extend` keeps the documents before a fault.
        roots.extend(compose(data))
    return tuple(roots)


def forget_nodes() -> None:
    """Let go of the nodes of the files in which places were asked for last."""
    _composed.cache_clear()


@dataclass(frozen=True, slots=True)
class TextPositions:
    """Finds the parts of one document of a file, by composing the file again."""

    file: str
    data: bytes = field(repr=False)  # it may hold a literal secret
    index: int

    def value(self, path: Path) -> Range | None:
        """Where the value at `path` stands; for an empty value its key."""
        found = self._find(path)
        if found is None:
            return None
        key, node = found
        empty = isinstance(node, ScalarNode) and not node.value and node.tag == PLAIN
        return node_range(self.file, key if empty and key is not None else node)

    def key(self, path: Path) -> Range | None:
        """Where the key of the value at `path` stands."""
        found = self._find(path)
        if found is None or not path:
            return None
        return node_range(self.file, found[0] or found[1])

    def _find(self, path: Path) -> tuple[Node | None, Node] | None:
        roots = _composed(self.data)
        if self.index >= len(roots):
            return None
        key, node = None, roots[self.index]
        for part in path:
            if isinstance(node, MappingNode):
                pair = next(((k, v) for k, v in node.value if isinstance(k, ScalarNode) and k.value == part), None)
                if pair is None:
                    return None
                key, node = pair
            elif isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
                key, node = None, node.value[part]
            else:
                return None
        return key, node


@dataclass(frozen=True, slots=True)
class HeadPositions:
    """Places of a document that could not be read to its end: those of its kind and code, if they were made out."""

    file: str
    kind: Range | None = None
    code: Range | None = None

    def value(self, path: Path) -> Range | None:
        """Where the kind or the code stands."""
        places: dict[Path, Range | None] = {(): self.kind or self.code, ("kind",): self.kind, ("code",): self.code}
        return places.get(path)

    def key(self, path: Path) -> Range | None:
        """Nothing is known of keys."""
        del path
        return None
