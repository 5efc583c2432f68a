"""What the schemas say of a field by its dotted name: its keys, what it holds, and what `KEY=VALUE` means for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.editing.edits import UNSET, Change, Keys
from reconciler.loading.yaml_reader import read_documents
from schemas.json_schema import json_schema

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class KindFields:
    """The fields of a kind."""

    schema: Schema

    @staticmethod
    def of(kind: str) -> KindFields:
        """Return those of a kind.

        Raises:
            KeyError: there is no such kind.
        """
        return KindFields(json_schema(kind))

    def keys(self, name: str) -> Keys:
        """Split a dotted name: `owner.login` is two keys; behind `parameters`, whose keys hold dots, the rest is one."""
        return tuple(key for key, _ in self._steps(name))

    def at(self, name: str, *, in_lists: bool = False) -> Schema | None:
        """Return the schema of a field; None if there is none of this name.

        Args:
            name: with dots.
            in_lists: whether what follows a list is a field of its items: such a name says what one is, and names no place.
        """
        steps = [*self._steps(name, in_lists=in_lists)]
        return steps[-1][1] if steps else self.schema

    def inside(self, schema: Schema, *, in_lists: bool = False) -> Mapping[str, Schema]:
        """Return the fields that a mapping has by name, or also those that the items of a list have."""
        found: dict[str, Schema] = {}
        for choice in self._choices(schema):
            found |= choice.get("properties", {})
            if in_lists and isinstance(choice.get("items"), Mapping):
                found |= self.inside(choice["items"], in_lists=True)
        return found

    def change(self, written: str) -> Change:
        """Read `KEY=VALUE`; `KEY=` takes the field out.

        Raises:
            ValueError: it is not of this form.
        """
        name, equals, value = written.partition("=")
        keys = self.keys(name)
        if not (equals and keys and all(keys)):
            raise ValueError(f"write KEY=VALUE, as in state=suspended or owner.lang=fr_BE, not {written!r}")
        return keys, self._value(self.at(name), value) if value else UNSET

    def removal(self, name: str) -> Change:
        """Read the name of a field that is taken out.

        Raises:
            ValueError: it is none.
        """
        keys = self.keys(name)
        if not (keys and all(keys)):
            raise ValueError(f"--unset takes a field, as in --unset owner.lang, not {name!r}")
        return keys, UNSET

    def _value(self, schema: Schema | None, written: str) -> Any:
        """Return what a word of a command line means: text where the field holds text alone, else as in YAML."""
        types = {choice.get("type") for choice in self._choices(schema)} if schema is not None else set()
        if types and types <= {"string", "null"}:
            return written
        found = _as_yaml(written)
        if "array" in types and isinstance(found, str):
            return [word.strip() for word in found.split(",")]
        return found

    def _steps(self, name: str, *, in_lists: bool = False) -> Iterator[tuple[str, Schema | None]]:
        schema: Schema | None = self.schema
        rest = name
        while rest:
            key, dot, behind = rest.partition(".")
            named = self.inside(schema, in_lists=in_lists) if schema is not None else {}
            if schema is None or named:
                schema = named.get(key)
            else:
                values = [value for choice in self._choices(schema) for value in _values(choice)]
                deeper = next((value for value in values if self.inside(value)), None)
                if deeper is None:
                    yield rest, values[0] if values else None
                    return
                schema = deeper
            yield key, schema
            if dot and not behind:
                yield "", None
            rest = behind

    def _choices(self, schema: Schema) -> Iterator[Schema]:
        if "$ref" in schema:
            yield from self._choices(self.schema["$defs"][schema["$ref"].rpartition("/")[2]])
        several = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
        for each in several:
            if "type" in each or "$ref" in each or "anyOf" in each or "oneOf" in each or "enum" in each:
                yield from self._choices(each)
        if "type" in schema or "enum" in schema or "const" in schema:
            yield {"type": "string", **schema}


def _values(schema: Schema) -> Iterator[Schema]:
    """Yield what a mapping with keys of the user's own holds."""
    inner = schema.get("additionalProperties")
    if isinstance(inner, Mapping):
        yield inner
    yield from schema.get("patternProperties", {}).values()


def _as_yaml(written: str) -> Any:
    if not written.isprintable():
        return written
    documents, problems = read_documents("", f"value: {written}".encode("utf-8", "backslashreplace"))
    if problems or len(documents) != 1 or (documents[0].data or {}).keys() != {"value"}:
        return written
    return (documents[0].data or {})["value"]
