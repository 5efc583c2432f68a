"""Desired state: all documents of a fleet, valid by themselves and together, or the list of everything that is wrong.

`resolve` puts the fleet's defaults below each document, validates it, checks the rules between documents, and returns
a whole `Desired` or none: a fleet that is half valid is never acted on. It is pure; it neither resolves a secret nor
asks a host.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar, cast

from pydantic import ValidationError

from reconciler.core import rules
from reconciler.core.declarations import Declarations, Reference, is_code, references_of
from reconciler.core.defaults import Defaults, read_defaults
from reconciler.core.diagnostics import Diagnostic, Range, has_errors, sort
from reconciler.core.documents import UNREADABLE, DocumentSource, Hints, RawDocument
from reconciler.core.field_problems import field_problems
from schemas.fleet import FORMAT, FleetSettings
from schemas.instance import Instance
from schemas.kinds import KINDS, AnyDocument
from schemas.plan import Plan
from schemas.server import Server
from schemas.template import Template

Model = TypeVar("Model")


@dataclass(frozen=True)
class Desired:
    """A valid fleet. Documents are keyed and sorted by code."""

    settings: FleetSettings
    servers: Mapping[str, Server]
    templates: Mapping[str, Template]
    plans: Mapping[str, Plan]
    instances: Mapping[str, Instance]
    sources: Mapping[tuple[str, str], DocumentSource]

    def range_of(self, kind: str, code: str, *path: str | int) -> Range:
        """Where a value stands in the text; for what is not written, the nearest thing around it."""
        return self.sources[kind, code].range_of(*path)

    def instance_modules(self, instance: Instance) -> tuple[str, ...]:
        """Modules that an instance is to have: of its template, its plan and its own, in this order, each once."""
        template, plan = self.templates[instance.template], self.plans[instance.plan]
        return tuple(dict.fromkeys((*template.modules, *plan.modules, *instance.modules)))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that is declared, in whatever files and order it was written; no secret's value is in it."""
        kinds = (self.servers, self.templates, self.plans, self.instances)
        documents: list[AnyDocument] = [self.settings, *(document for kind in kinds for document in kind.values())]
        plain = [document.model_dump(mode="json") for document in documents]
        text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def resolve(documents: Sequence[RawDocument], root: str = "fleet") -> tuple[Desired | None, tuple[Diagnostic, ...]]:
    """Turn documents into the desired state, or into everything that is wrong with them.

    Args:
        documents: in the order in which they were read; of two with one code the first counts.
        root: the fleet's directory, the place of problems that no document has.
    """
    hints = Hints()
    known = [document for document in documents if document.kind in KINDS]
    diagnostics = [each for document in documents for each in _kind_problems(document, hints)]
    fleet, found = _choose_fleet(known, root)
    diagnostics += found
    defaults, found = read_defaults(fleet, hints)
    diagnostics += found
    reading = _Reading(fleet, defaults, hints)
    for document in known:
        if document.kind != "fleet" or document is fleet:
            diagnostics += reading.take(document)
    world = reading.world()
    diagnostics += rules.check(world, hints)
    ordered = sort(diagnostics)
    if world.settings is None or has_errors(ordered):
        return None, ordered
    return _desired(world, world.settings), ordered


def _desired(world: Declarations, settings: FleetSettings) -> Desired:
    return Desired(
        settings=settings,
        servers=_by_code(world.servers),
        templates=_by_code(world.templates),
        plans=_by_code(world.plans),
        instances=_by_code(world.instances),
        sources=world.sources,
    )


def _by_code(documents: Mapping[str, Model]) -> dict[str, Model]:
    return {code: documents[code] for code in sorted(documents)}


def _kind_problems(document: RawDocument, hints: Hints) -> Iterator[Diagnostic]:
    if document.kind in KINDS:
        return
    source = DocumentSource("", document.positions)
    one_of = f"one of {', '.join(KINDS)}"
    if document.kind is not None:
        hint = hints.did_you_mean(document.kind, KINDS)
        yield Diagnostic(source.range_of("kind"), "unknown-kind", f"no kind {document.kind!r}", hint)
    elif document.data is not None and "kind" not in document.data:
        yield Diagnostic(source.range_of(), "missing-kind", "the document has no `kind`", one_of)
    elif document.data is not None and document.data["kind"] is not UNREADABLE:
        yield Diagnostic(source.range_of("kind"), "wrong-type", "'kind' must be text", one_of)


def _choose_fleet(known: Sequence[RawDocument], root: str) -> tuple[RawDocument | None, tuple[Diagnostic, ...]]:
    fleets = [document for document in known if document.kind == "fleet"]
    if not fleets:
        hint = "write one with `kind: fleet`, `format: 1` and a `code`"
        return None, (Diagnostic(Range(root), "missing-fleet", "no document of kind 'fleet'", hint),)
    first, *others = [(fleet, DocumentSource("fleet", fleet.positions).range_of("kind")) for fleet in fleets]
    message, hint = "a second document of kind 'fleet'", f"the first is at {first[1]}"
    return first[0], tuple(Diagnostic(place, "duplicate-fleet", message, hint) for _, place in others)


@dataclass
class _Reading:
    """Takes documents one by one: what has been declared, and what of it is valid."""

    fleet: RawDocument | None
    defaults: Defaults
    hints: Hints
    declared: dict[str, dict[str, RawDocument]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    valid: dict[str, dict[str, AnyDocument]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    sources: dict[tuple[str, str], DocumentSource] = field(default_factory=dict)
    references: list[Reference] = field(default_factory=list)

    def take(self, document: RawDocument) -> Iterator[Diagnostic]:
        """Take one document; yield what is wrong with it by itself."""
        kind = cast("str", document.kind)
        positions = None if self.fleet is None or kind == "fleet" else self.fleet.positions
        source = DocumentSource(kind, document.positions, positions)
        if is_code(document.code):
            first = self.declared[kind].setdefault(document.code, document)
            if first is not document:
                place = DocumentSource(kind, first.positions).range_of("code")
                message = f"a second {kind} with the code {document.code!r}"
                yield Diagnostic(source.range_of("code"), "duplicate-code", message, f"the first is at {place}")
                return
        if document.data is not None:
            yield from self._validate(kind, document.data, source)

    def _validate(self, kind: str, written: Mapping[str, object], source: DocumentSource) -> Iterator[Diagnostic]:
        foreign = _foreign_format(written, source) if kind == "fleet" else None
        if foreign is not None:
            yield foreign
            return
        merged = self.defaults.merge(kind, written)
        self.references += references_of(kind, merged, source)
        try:
            model = KINDS[kind].model_validate(merged)
        except ValidationError as error:
            yield from field_problems(error, KINDS[kind], source, self.hints, given=self.defaults.given.get(kind, ()))
        else:
            self.valid[kind][model.code] = model
            self.sources[kind, model.code] = source

    def world(self) -> Declarations:
        """What the rules between documents are checked on."""
        return Declarations(
            settings=cast("FleetSettings | None", next(iter(self.valid["fleet"].values()), None)),
            servers=cast("dict[str, Server]", self.valid["server"]),
            templates=cast("dict[str, Template]", self.valid["template"]),
            plans=cast("dict[str, Plan]", self.valid["plan"]),
            instances=cast("dict[str, Instance]", self.valid["instance"]),
            codes={kind: documents.keys() for kind, documents in self.declared.items()},
            sources=self.sources,
            references=self.references,
            defaults=self.defaults,
        )


def _foreign_format(written: Mapping[str, object], source: DocumentSource) -> Diagnostic | None:
    """Say one thing about a fleet of another format: whatever else its document holds may mean something else there."""
    number = written.get("format", FORMAT)
    if not isinstance(number, int) or isinstance(number, bool) or number == FORMAT:
        return None
    hint = "a newer odoo-fleet may be needed" if number > FORMAT else f"write `format: {FORMAT}`"
    message = f"this version reads format {FORMAT} of fleets, not {number}"
    return Diagnostic(source.range_of("format"), "unknown-format", message, hint)
