"""Documents as YAML, as people write them: a field a line, what is said of them above; one that does not count is a comment."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from reconciler.core.importing import Imported, Proposal
from reconciler.reports.escapes import visible
from schemas.document import Part

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./@-]*(?: [A-Za-z0-9_./@-]+)*")
_NOT_TEXT = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def render_proposal(proposal: Proposal) -> str:
    """Write a document as the text of a file."""
    text = "".join(f"{name}: {_value(value)}\n" for name, value in proposal.fields.items())
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


def _value(value: object) -> str:
    if isinstance(value, Part):
        value = value.model_dump(mode="json", exclude_unset=True)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_text(str(key))}: {_value(each)}" for key, each in value.items()) + "}"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Sequence):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value)


def _text(text: str) -> str:
    is_plain = _PLAIN.fullmatch(text) and text.lower() not in _NOT_TEXT
    return text if is_plain else json.dumps(text, ensure_ascii=not text.isprintable())
