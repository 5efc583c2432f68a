"""Documents as YAML, as people write them: a field a line, what is said of them above; one that does not count is a comment."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from reconciler.core.importing import Imported, ProposedDocument
from reconciler.reports.escapes import visible
from schemas.document import Part

_PLAIN = re.compile(r"[^\W\d_][\w./@-]*(?: [\w./@-]+)*")
_LAST_OF_FOUR_DIGITS = 0xFFFF
_NOT_TEXT = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def render_proposal(proposal: ProposedDocument) -> str:
    """Write a document as the text of a file."""
    text = "".join(f"{name}: {render_value(value)}\n" for name, value in proposal.fields.items())
    said = [*proposal.remarks]
    if proposal.closed:
        said.append(f"Not adopted: {proposal.closed}.")
        text = "".join(f"# {line}\n" for line in text.splitlines())
    return "".join(f"# {visible(line)}\n" for line in said) + text


def render_passed_over(imported: Imported, server: str) -> str:
    """Write, as a file of comments, the databases of which there can be no document."""
    lines = [f"# What {server} holds besides, and what no document can adopt as it is:"]
    lines += [f"#   {visible(name)}: {visible(why)}" for name, why in imported.passed_over]
    return "\n".join(lines) + "\n"


def render_field(name: str, value: object) -> str:
    """Write one field on a line."""
    return f"{_text(name)}: {render_value(value)}"


def render_value(value: object) -> str:
    """Write a value in YAML's short form, so that it can stand in a list or a mapping of that form too."""
    if isinstance(value, Part):
        value = value.model_dump(mode="json", exclude_unset=True)
    if isinstance(value, Mapping):
        return "{" + ", ".join(render_field(str(key), each) for key, each in value.items()) + "}"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Sequence):
        return f"[{', '.join(map(render_value, value))}]"
    return json.dumps(value)


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _NOT_TEXT:
        return text
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else _escaped(c) for c in quoted) + '"'


def _escaped(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number <= _LAST_OF_FOUR_DIGITS else f"\\U{number:08x}"
