"""The reference of all kinds and fields as Markdown, made from the schemas, so that it cannot say anything else than they do.

`python -m reconciler.reports.fleet_reference > docs/fleet-reference.md` writes it anew; a test compares the two.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from schemas.json_schema import json_schema
from schemas.kinds import KINDS

_OPENING = """\
# What a fleet may say

This page is made from the schemas (`python -m reconciler.reports.fleet_reference`); do not edit it by hand.

A fleet is a directory of YAML files, `*.yaml` or `*.yml`, in any layout; hidden files and directories are not read. A
file may hold several documents with `---` between them. Each document has a `kind` and a `code`, which is unique among
the documents of its kind. Unknown fields are errors, and so are values of the wrong type: text that looks like
something else needs quotes. `odoo-fleet validate` shows all problems at once ([problems](problems.md) lists them);
`odoo-fleet schema` prints JSON Schema.

A **secret** is named, never written: `{env: NAME}` is an environment variable, `{file: PATH}` a file (relative to the
document), `{env: NAME, file: PATH}` the variable where it is set and not empty and else the file, so that one text serves a
laptop, CI and a daemon. `{derived: {}}` is computed from the fleet's `secret_key` and the place that it is for, and
`{derived: {generation: 2}}` is the value after a rotation. Of a variable and of a file, one line break at the end and a byte
order mark are dropped; other space is taken as it is, and warned of.

The fleet's `defaults` give fields to all documents of a kind; a whole top-level field is taken from the document or
from the defaults, and a template that says `server` or `servers` gets neither as a default.
"""

_SECRETS = {"EnvSecret", "FileSecret", "EitherSecret", "DerivedSecret", "LiteralSecret"}
_LIKE_A_NUMBER = re.compile(r"\d+(\.\d+)?|\d+(:\d+)+")
"""Text that needs quotes: a version, a number, a time of day."""

_SIMPLE = {
    "boolean": "true or false",
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "object": "mapping",
}


def render_fleet_reference() -> str:
    """Return the whole page."""
    return "\n".join([_OPENING, *(line for kind in KINDS for line in _kind(kind))])


def _kind(kind: str) -> Iterator[str]:
    schema = json_schema(kind)
    definitions = schema.get("$defs", {})
    yield f"## {kind}"
    yield ""
    yield schema["description"]
    yield ""
    yield from _table(schema, definitions)
    yield from _inside(kind, "", schema, definitions)


def _inside(heading: str, above: str, schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[str]:
    """Tables of the mappings that fields hold, however deep, each under the path that leads to it."""
    for name, field in schema["properties"].items():
        for path, model in _models(field, f"{above}{name}", definitions):
            yield f"### {heading}: `{path}`"
            yield ""
            yield definitions[model]["description"]
            yield ""
            yield from _table(definitions[model], definitions)
            yield from _inside(heading, f"{path}.", definitions[model], definitions)


def _table(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[str]:
    yield "| field | holds | default | what it is | example |"
    yield "|---|---|---|---|---|"
    required = schema.get("required", ())
    for name, field in schema["properties"].items():
        default = "**required**" if name in required else default_of(field)
        cells = (f"`{name}`", holds(field, definitions), default, description_of(field, definitions), example_of(field))
        yield f"| {' | '.join(cells)} |"
    yield ""


def description_of(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """Return what a field is, as it stands in a cell of a table."""
    # Pydantic leaves out a field's description that is the same as its model's.
    text = field.get("description") or definitions.get(_reference(field), {}).get("description", "")
    return _cell(text)


def default_of(field: Mapping[str, Any]) -> str:
    """Return what a field is where it is left out."""
    # A default that is worked out from other fields is told in the description.
    if field.get("default") is None:
        return ""
    default = field["default"]
    if isinstance(default, Mapping) and default and "derived" not in default:
        return "see below"
    return _code({"derived": {}} if default == {"derived": {"generation": 1}} else default)


def example_of(field: Mapping[str, Any]) -> str:
    """Return what may be written for a field."""
    return ", ".join(_code(example) for example in field.get("examples", ()))


def _code(value: Any) -> str:
    text = _yaml(value)
    return f"`{_cell(text)}`" if text else ""


def _yaml(value: Any) -> str:
    """Write a value in YAML's short form."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_yaml(key)}: {_yaml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_yaml(each) for each in value) + "]"
    if isinstance(value, str) and not _LIKE_A_NUMBER.fullmatch(value):
        return value
    return json.dumps(value)


def holds(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """Return what kind of value a field has."""
    choices = field.get("anyOf") or field.get("oneOf") or [field]
    if any(_reference(choice) in _SECRETS for each in choices for choice in each.get("oneOf", [each])):
        return "secret"
    words = [_words(choice, definitions) for choice in choices if choice.get("type") != "null"]
    return _cell(" or ".join(dict.fromkeys(words)))


def _words(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if "const" in schema:
        return _code(schema["const"])
    if "enum" in schema:
        return ", ".join(_code(choice) for choice in schema["enum"])
    if _reference(schema):
        return "mapping, see below"
    if schema.get("type") == "array":
        return f"list of {holds(schema['items'], definitions)}"
    if (named := _values(schema)) and _reference(named) in definitions:
        return "mapping of names to mappings, see below"
    if schema.get("format") == "date":
        return "date"
    return _SIMPLE[schema["type"]] + _bounds(schema)


def _bounds(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum", schema.get("exclusiveMinimum")), schema.get("maximum")
    if low is None or high is None:
        return ""
    more = "more than " if "exclusiveMinimum" in schema else ""
    return f", {more}{low} to {high}"


def _reference(schema: Mapping[str, Any]) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _models(field: Mapping[str, Any], path: str, definitions: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Paths and names of the mappings that a field holds, in a list and under names too; secrets left out."""
    name = _reference(field)
    if name in definitions and name not in _SECRETS:
        yield path, name
    for choice in (*field.get("anyOf", ()), *([field["items"]] if "items" in field else ())):
        yield from _models(choice, path, definitions)
    if named := _values(field):
        yield from _models(named, f"{path}.NAME", definitions)


def _values(field: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a mapping holds under names that the text chooses; empty for any other field."""
    return next(iter(field.get("patternProperties", {}).values()), {})


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    sys.stdout.write(render_fleet_reference())
