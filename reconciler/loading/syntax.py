"""What the YAML parser could not read, in words that say what to do about it."""

from __future__ import annotations

import re
from typing import NamedTuple

import yaml

from reconciler.fleet.diagnostics import Diagnostic, Range


class FaultWords(NamedTuple):
    """How a fault of the parser is told."""

    pattern: str
    message: str
    hint: str = ""


_BACKSLASH = "write \\\\ for a backslash, or use single quotes"
_INDENTED = FaultWords(
    "did not find expected key", "the indentation does not fit the lines above", "align it with the other keys"
)
_SECOND_COLON = FaultWords(
    "mapping values are not allowed", "a second ':' on one line", "quote the text if the ':' belongs to it"
)
# By what the parser says; the first that is contained in it counts.
_WORDS = (
    _SECOND_COLON,
    FaultWords("could not find expected ':'", "a line without ':'", "each line of a mapping is `key: value`"),
    FaultWords("found undefined alias", "an alias without its anchor", "quote the text if the '*' belongs to it"),
    FaultWords("found duplicate anchor", "an anchor is given twice"),
    FaultWords("found unexpected end of stream", "a quote or bracket is not closed"),
    FaultWords("found unexpected document indicator", "a quote is not closed before the next document"),
    FaultWords("did not find expected node content", "a value is missing, or a bracket is not closed"),
    FaultWords("did not find expected ',' or ']'", "a list in brackets is not closed, or lacks a comma"),
    FaultWords("did not find expected ',' or '}'", "a mapping in braces is not closed, or lacks a comma"),
    _INDENTED,
    FaultWords(
        "did not find expected '-' indicator", "the indentation does not fit the list above", "align the '-' signs"
    ),
    FaultWords(
        "did not find expected <document start>", "text after the end of the document", "put `---` between documents"
    ),
    FaultWords(
        "block sequence entries are not allowed", "a list cannot begin here", "put the '-' on a line of its own"
    ),
    FaultWords("block mapping keys are not allowed", "a key cannot stand here"),
    FaultWords("block collections are not allowed", "a list or mapping cannot begin here"),
    FaultWords("found unknown escape character", "an escape that YAML does not know", _BACKSLASH),
    FaultWords("while parsing a quoted scalar", "an escape that is not complete", _BACKSLASH),
    FaultWords(
        "found character that cannot start any token", "a character that no value can begin with", "quote the text"
    ),
    FaultWords("found undefined tag handle", "a tag that is not read", "quote the text if the '!' belongs to it"),
    FaultWords("while scanning a tag", "a tag that is not read", "quote the text if the '!' belongs to it"),
    FaultWords("while scanning an alias", "an alias without a name", "quote the text if the '*' belongs to it"),
    FaultWords("while scanning an anchor", "an anchor without a name", "quote the text if the '&' belongs to it"),
    FaultWords("while scanning a block scalar", "a block of text ('|' or '>') is not well begun"),
    FaultWords("while scanning a directive", "a directive ('%') that is not read", "remove it"),
    FaultWords("directive", "a directive ('%') that is not read", "remove it"),
    FaultWords("incompatible YAML document", "a version of YAML that is not read", "remove the directive"),
    FaultWords("nesting", "values are nested too deep"),
    FaultWords("simple key", "a key is too long, or does not stand on one line"),
)
# Faults that are seen where they end, and are told where they began.
_SEEN_LATE = ("while scanning a quoted scalar", "while scanning a simple key", "while parsing a flow")
_UNREADABLE = FaultWords("", "this cannot be read as YAML")
_TAB = re.compile(r"[ ]*\t")
_OWN_KEY = re.compile(r" +[a-z_]+")


def syntax_problem(file: str, data: bytes, error: yaml.YAMLError) -> Diagnostic:
    """Turn the parser's exception into a diagnostic at the place of the fault."""
    lines = re.split("\r\n|\n|\r", data.decode(errors="replace").rstrip("\r\n"))
    line, column = _place(error)
    if line > len(lines):
        # The fault is that the text ends: it is shown where it does.
        line, column = len(lines), len(lines[-1]) + 1
    tab = _TAB.match(lines[line - 1])
    if tab is not None and column >= tab.end():
        place = Range(file, line, tab.end(), line, tab.end() + 1)
        return Diagnostic(place, "tab-indentation", "a tab indents this line", "YAML is indented with spaces")
    said = str(error)
    words = next((each for each in _WORDS if each.pattern in said), _UNREADABLE)
    if words is _SECOND_COLON and _OWN_KEY.fullmatch(lines[line - 1], endpos=column - 1):
        # To the parser it goes on with the value of the line above.
        words = _INDENTED
    return Diagnostic(Range(file, line, column, line, column + 1), "invalid-yaml", words.message, words.hint)


def _place(error: yaml.YAMLError) -> tuple[int, int]:
    if not isinstance(error, yaml.MarkedYAMLError):
        return 1, 1
    late = error.context is not None and error.context.startswith(_SEEN_LATE)
    mark = (error.context_mark if late else error.problem_mark) or error.problem_mark or error.context_mark
    return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
