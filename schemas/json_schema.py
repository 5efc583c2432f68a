"""JSON Schema of the documents, for editors and other tools.

It describes each document by itself: what the text must look like. Rules between documents are `odoo-fleet validate`'s.
"""

from typing import Any

from schemas.kinds import KINDS

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(kind: str | None = None) -> dict[str, Any]:
    """Return the schema of one kind, or without a kind that of any document.

    Raises:
        KeyError: there is no such kind.
    """
    if kind is not None:
        return {"$schema": DIALECT, **_of(kind)}
    definitions: dict[str, Any] = {}
    for each in KINDS:
        schema = _of(each)
        definitions |= schema.pop("$defs", {})
        definitions[each] = schema
    return {
        "$schema": DIALECT,
        "title": "A document of a fleet",
        "type": "object",
        "required": ["kind", "code"],
        "properties": {"kind": {"enum": list(KINDS)}},
        "allOf": [
            {"if": {"properties": {"kind": {"const": each}}, "required": ["kind"]}, "then": {"$ref": f"#/$defs/{each}"}}
            for each in KINDS
        ],
        "$defs": definitions,
    }


def _of(kind: str) -> dict[str, Any]:
    schema = KINDS[kind].model_json_schema()
    if kind == "template":
        schema["oneOf"] = [{"required": ["server"]}, {"required": ["servers"]}]
    if kind == "fleet":
        _describe_defaults(schema)
    return schema


def _describe_defaults(schema: dict[str, Any]) -> None:
    """Let editors complete the fields below `defaults` too: those of each kind, none of them required."""
    properties = schema["$defs"]["Defaults"]["properties"]
    for each, entry in properties.items():
        fields = KINDS[each].model_json_schema()
        schema["$defs"] |= fields.pop("$defs", {})
        entry["properties"] = {
            name: value for name, value in fields["properties"].items() if name not in {"kind", "code"}
        }
        entry["additionalProperties"] = False
