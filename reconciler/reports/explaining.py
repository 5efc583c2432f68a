"""What a kind of documents, or one field, may say: for a terminal, made from the schemas as the reference is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.reports.fleet_reference import default_of, description_of, example_of, holds
from reconciler.reports.paragraphs import Paper

Schema = Mapping[str, Any]


def render_explanation(
    kind: str, name: str, schema: Schema, inside: Mapping[str, Schema], definitions: Mapping[str, Any], on: Paper
) -> str:
    """Return what a field is, or without a name what the kind is, with the fields that it has.

    Args:
        kind: of the documents.
        name: of the field, with dots; empty for the kind.
        schema: of the field.
        inside: the fields that it has, by name.
        definitions: what the schemas refer to.
        on: what it is written on.
    """
    return "\n".join(_lines(kind, name, schema, inside, definitions, on)) + "\n"


def _lines(
    kind: str, name: str, schema: Schema, inside: Mapping[str, Schema], definitions: Mapping[str, Any], on: Paper
) -> Iterator[str]:
    yield f"{kind}.{name}" if name else kind
    yield from on.paragraph(description_of(schema, definitions), indent=2)
    if name:
        said = {"holds": holds(schema, definitions), "default": default_of(schema), "example": example_of(schema)}
        for title, text in said.items():
            if text:
                yield from on.paragraph(_plain(text), indent=2, head=f"{title}: ")
    if inside:
        yield ""
        yield "Fields:"
        for field, each in inside.items():
            first = description_of(each, definitions).partition(". ")[0].rstrip(".")
            yield from on.paragraph(first, indent=2, head=f"{field}: ")


def _plain(cell: str) -> str:
    return cell.replace("`", "").replace("\\|", "|").replace(", see below", "")
