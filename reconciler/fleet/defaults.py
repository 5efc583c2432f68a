"""The fleet's defaults: fields that documents get when they do not have them themselves.

They are judged once, by themselves, where they stand in the fleet document; a document never has to answer for a
default. What is wrong is left out of the merge, and nobody is told to add a field whose default was already found
wrong.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from reconciler.fleet.diagnostics import Diagnostic
from reconciler.fleet.documents import DocumentSource, Hints, RawDocument
from reconciler.fleet.field_problems import field_problems
from schemas.kinds import KINDS

# Names that every document has to have of its own.
_OWN = frozenset({"kind", "code"})
# Two ways to say one thing: a document that uses one of them does not get the other as a default.
_EITHER = frozenset({"server", "servers"})


class Everything:
    """Contains every name: stands for the defaults of a fleet document that could not be read."""

    def __contains__(self, name: object) -> bool:
        return True


@dataclass(frozen=True)
class ValidDefaults:
    """What is valid of a fleet's defaults, by kind, and which names were given one at all."""

    valid: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    given: Mapping[str, Container[str]] = field(default_factory=dict)

    def merge(self, kind: str, written: Mapping[str, object]) -> Mapping[str, object]:
        """Put the defaults of a kind below what a document says. A whole top-level field is taken or left."""
        below = self.valid.get(kind)
        if not below:
            return written
        if kind == "template" and _EITHER & written.keys():
            below = {name: value for name, value in below.items() if name not in _EITHER}
        return {**below, **written}

    def below(self, kind: str) -> str:
        """Name what lies below the documents of a kind: the same text only for the very same values, types included."""
        fields = self.valid.get(kind)
        return repr(fields) if fields else ""


def read_defaults(fleet: RawDocument | None, hints: Hints) -> tuple[ValidDefaults, tuple[Diagnostic, ...]]:
    """Take the defaults out of the fleet document, with everything that is wrong with them."""
    if fleet is None:
        return ValidDefaults(), ()
    written = None if fleet.data is None else fleet.data.get("defaults", {})
    if not isinstance(written, Mapping):
        return ValidDefaults(given=dict.fromkeys(KINDS, Everything())), ()
    valid: dict[str, Mapping[str, object]] = {}
    given: dict[str, Container[str]] = {}
    diagnostics: list[Diagnostic] = []
    for kind in KINDS:
        fields = written.get(kind)
        if kind != "fleet" and isinstance(fields, Mapping):
            valid[kind], found = _check(
                kind, fields, DocumentSource(kind, fleet.positions, prefix=("defaults", kind)), hints
            )
            given[kind] = frozenset(fields)
            diagnostics += found
    return ValidDefaults(valid, given), tuple(diagnostics)


def _check(
    kind: str, written: Mapping[str, object], source: DocumentSource, hints: Hints
) -> tuple[Mapping[str, object], list[Diagnostic]]:
    found = [
        Diagnostic(source.key_of(name), "not-a-default", f"{name!r} cannot have a default", "each document has its own")
        for name in sorted(_OWN & written.keys())
    ]
    fields = {name: value for name, value in written.items() if name not in _OWN}
    try:
        KINDS[kind].model_validate({**fields, "kind": kind, "code": "any-code"})
    except ValidationError as error:
        found += field_problems(error, KINDS[kind], source, hints, given=KINDS[kind].model_fields)
        wrong = {each["loc"][0] for each in error.errors(include_url=False) if each["loc"]}
        fields = {name: value for name, value in fields.items() if name not in wrong}
    return fields, found
