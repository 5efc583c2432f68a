"""One file's bytes to documents: a strict reading of YAML in which every value means one thing, or is reported.

Reading never raises and never hangs: size, depth and number of values are bounded, aliases included. What is wrong
becomes a diagnostic, its value becomes `UNREADABLE`, and the rest of the file is still read. Values are text, whole
numbers, decimal numbers, true, false, nothing, lists and mappings with text as keys; dates are text.
"""

from __future__ import annotations

import re
from sys import intern
from typing import NoReturn

import yaml
from yaml import MappingNode, Node, ScalarNode, SequenceNode

from reconciler.fleet.diagnostics import Diagnostic, Range
from reconciler.fleet.documents import UNREADABLE, RawDocument
from reconciler.loading.nodes import COLLECTION, PLAIN, QUOTED, HeadPositions, TextPositions, compose, node_range
from reconciler.loading.scalars import AMBIGUOUS, SUSPECT, hint_for, read_plain
from reconciler.loading.screening import screen, without_mark
from reconciler.loading.syntax import syntax_problem

MAX_DEPTH = 32
MAX_VALUES = 50_000

_NO_TAG = frozenset({PLAIN, QUOTED, COLLECTION})
_HEAD = re.compile(r"(kind|code):[ \t]+[\"']?([A-Za-z0-9._-]+)")
_UNSHOWABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def read_documents(file: str, data: bytes) -> tuple[list[RawDocument], list[Diagnostic]]:
    """Read all documents of a file, with everything that is wrong with its text."""
    data = without_mark(data)
    refused = screen(file, data)
    if refused is not None:
        return _heads(file, data), [refused]
    documents: list[RawDocument] = []
    builder = _Builder(file)
    try:
        for index, root in enumerate(compose(data)):
            document = builder.document(root, TextPositions(file, data, index))
            if document is not None:
                documents.append(document)
    except yaml.YAMLError as error:
        builder.problems.append(syntax_problem(file, data, error))
    except _TooManyValues:
        pass
    else:
        return documents, builder.problems
    read = {(document.kind, document.code) for document in documents}
    documents += [head for head in _heads(file, data) if (head.kind, head.code) not in read]
    return documents, builder.problems


class _Refusal(Exception):
    """The document is not read any further."""

    def __init__(self, node: Node, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.node, self.code, self.message, self.hint = node, code, message, hint


class _TooManyValues(Exception):
    """No more of the file is read; it has been reported."""


class _Builder:
    """Turns the nodes of one file into values, and keeps what is wrong with them."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Diagnostic] = []
        self._left = MAX_VALUES

    def document(self, root: Node, positions: TextPositions) -> RawDocument | None:
        """Return the document of a root node; None if there is none to speak of."""
        if isinstance(root, ScalarNode) and root.tag == PLAIN and not root.value:
            return None
        if not isinstance(root, MappingNode):
            self._report(
                root, "not-a-mapping", "a document must be a mapping", "it begins with `kind: ...` and `code: ...`"
            )
            return None
        if root.tag not in _NO_TAG:
            self._report_tag(root)
        try:
            data = self._mapping(root, 1)
        except _Refusal as refusal:
            self._report(refusal.node, refusal.code, refusal.message, refusal.hint)
            return RawDocument(_top_level(root, "kind"), _top_level(root, "code"), None, positions)
        return RawDocument(_text(data.get("kind")), _text(data.get("code")), data, positions)

    def _mapping(self, node: MappingNode, depth: int) -> dict[str, object]:
        if depth > MAX_DEPTH:
            _refuse_depth(node)
        pairs = node.value
        self._spend(2 * len(pairs), node)
        result: dict[str, object] = {}
        for key_node, value_node in pairs:
            key = self._key(key_node, depth)
            if key is None:
                continue
            if key in result:
                self._report(
                    key_node, "duplicate-key", f"{key!r} is written twice", "the first one counts; remove one of them"
                )
                continue
            if type(value_node) is ScalarNode:
                text = value_node.value
                # The most frequent case first: plain text that can be nothing else.
                if value_node.tag == PLAIN and text and text[0] not in SUSPECT:
                    # Ten thousand documents say the same few words: each is held once.
                    result[key] = intern(text)
                else:
                    result[key] = self._scalar(value_node)
            else:
                result[key] = self._collection(value_node, depth + 1)
        return result

    def _collection(self, node: Node, depth: int) -> object:
        if node.tag not in _NO_TAG:
            self._report_tag(node)
            return UNREADABLE
        if isinstance(node, MappingNode):
            return self._mapping(node, depth)
        assert isinstance(node, SequenceNode)
        if depth > MAX_DEPTH:
            _refuse_depth(node)
        self._spend(len(node.value), node)
        return [
            self._scalar(each) if type(each) is ScalarNode else self._collection(each, depth + 1) for each in node.value
        ]

    def _scalar(self, node: ScalarNode) -> object:
        text: str = node.value
        if node.tag == PLAIN:
            value = read_plain(text)
            if value is AMBIGUOUS:
                self._report(
                    node,
                    "ambiguous-value",
                    f"{text!r} is read differently by different versions of YAML",
                    hint_for(text),
                )
                return UNREADABLE
            return intern(value) if isinstance(value, str) else value
        if node.tag != QUOTED:
            self._report_tag(node)
            return UNREADABLE
        if not text.isprintable() and _UNSHOWABLE.search(text):
            self._report(node, "control-character", "an escape stands for a control character", "remove it")
            return UNREADABLE
        return text

    def _key(self, node: Node, depth: int) -> str | None:
        if not isinstance(node, ScalarNode):
            if depth >= MAX_DEPTH:
                _refuse_depth(node)
            self._report(node, "complex-key", "a key must be text", "write `key: value` on a line of its own")
            return None
        text: str = node.value
        if node.tag == PLAIN and text and text[0] not in SUSPECT:
            if text == "<<":
                self._report(
                    node, "merge-key", "merge keys are not read", "put what documents share into the fleet's `defaults`"
                )
                return None
            return intern(text)
        value = self._scalar(node)
        if isinstance(value, str):
            return value
        if value is not UNREADABLE:
            self._report(node, "non-text-key", f"the key {text!r} is not text", f'quote it: "{text}"')
        return None

    def _spend(self, values: int, node: Node) -> None:
        self._left -= values
        if self._left < 0:
            message = f"more than {MAX_VALUES} values, aliases counted each time that they are used"
            self._report(node, "too-many-values", message, "split the file")
            raise _TooManyValues

    def _report_tag(self, node: Node) -> None:
        self._report(node, "explicit-tag", f"the tag {_short_tag(node.tag)} is not read", "remove it")

    def _report(self, node: Node, code: str, message: str, hint: str) -> None:
        self.problems.append(Diagnostic(node_range(self.file, node), code, message, hint))


def _short_tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")[:80]


def _refuse_depth(node: Node) -> NoReturn:
    if _holds_itself(node):
        raise _Refusal(node, "recursive-alias", "an alias stands inside what it stands for", "write the value out")
    raise _Refusal(node, "too-deep", f"values are nested more than {MAX_DEPTH} deep", "")


def _holds_itself(root: Node) -> bool:
    """Tell whether following a node's children leads back to a node that is being followed."""
    open_nodes: set[int] = set()
    done: set[int] = set()
    todo: list[tuple[Node, bool]] = [(root, False)]
    while todo:
        node, leaving = todo.pop()
        if leaving:
            open_nodes.discard(id(node))
            done.add(id(node))
        elif id(node) in open_nodes:
            return True
        elif not isinstance(node, ScalarNode) and id(node) not in done:
            open_nodes.add(id(node))
            todo.append((node, True))
            todo += [(child, False) for child in _children(node)]
    return False


def _children(node: Node) -> list[Node]:
    if isinstance(node, MappingNode):
        return [child for pair in node.value for child in pair]
    return list(node.value)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _top_level(root: MappingNode, name: str) -> str | None:
    for key, value in root.value:
        if isinstance(key, ScalarNode) and key.value == name and isinstance(value, ScalarNode):
            return str(value.value)
    return None


def _heads(file: str, data: bytes) -> list[RawDocument]:
    """Make out which documents an unreadable file declares, so that references to them are no further problems."""
    heads: list[RawDocument] = []
    found: dict[str, tuple[str, Range]] = {}
    for number, line in enumerate([*data.decode(errors="replace").split("\n"), "---"], start=1):
        match = _HEAD.match(line)
        if match is not None:
            place = Range(file, number, match.start(2) + 1, number, match.end(2) + 1)
            found.setdefault(match.group(1), (match.group(2), place))
        elif line.startswith("---"):
            if "kind" in found:
                heads.append(_head(file, found))
            found = {}
    return heads


def _head(file: str, found: dict[str, tuple[str, Range]]) -> RawDocument:
    kind, kind_place = found["kind"]
    code, code_place = found.get("code", (None, None))
    return RawDocument(kind, code, None, HeadPositions(file, kind_place, code_place))
