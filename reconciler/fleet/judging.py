"""Documents one by one: which kind, whether their code is still free, the fleet's defaults put below them, their fields judged.

The defaults come from the fleet document, so what is read before it waits. A document that was found valid earlier is not judged
again, unless its data or the defaults of its kind have changed since.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from reconciler.fleet.declarations import Declarations, Reference, is_code, references_of
from reconciler.fleet.defaults import ValidDefaults, read_defaults
from reconciler.fleet.diagnostics import Diagnostic, Range
from reconciler.fleet.documents import UNREADABLE, DocumentSource, Hints, Positions, RawDocument
from reconciler.fleet.field_problems import field_problems
from schemas.document import Document
from schemas.fleet import FORMAT
from schemas.kinds import KINDS


@dataclass(frozen=True, slots=True)
class Valid:
    """A document with which nothing was wrong by itself, what it was made from, and where that stands."""

    model: Document
    data: Mapping[str, object] = field(repr=False)  # it may hold a literal secret
    below: str = field(repr=False)
    source: DocumentSource


ValidDocuments = Mapping[tuple[str, str], Valid]
"""By kind and code."""


@dataclass(slots=True)
class Reading:
    """Takes documents one by one: what has been declared, what of it is valid, and what is wrong with the rest.

    Args:
        before: what was found valid in an earlier reading of the fleet.
    """

    before: ValidDocuments
    hints: Hints = field(default_factory=Hints)
    valid: dict[tuple[str, str], Valid] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    judged: int = 0
    _fleet: RawDocument | None = None
    _defaults: ValidDefaults = field(default_factory=ValidDefaults)
    _below: Mapping[str, str] = field(default_factory=dict)
    _waiting: list[RawDocument] = field(default_factory=list)
    _declared: dict[str, dict[str, Positions]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    _of_no_kind: set[str] = field(default_factory=set)
    _models: dict[str, dict[str, Document]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    _sources: dict[tuple[str, str], DocumentSource] = field(default_factory=dict)
    _references: list[Reference] = field(default_factory=list)

    def read(self, document: RawDocument) -> None:
        """Take the next document, or let it wait for the fleet document."""
        if self._fleet is not None:
            self._take(document)
        elif document.kind == "fleet":
            self._fleet = document
            self._begin()
            self._take(document)
        else:
            self._waiting.append(document)

    def finish(self, root: str) -> None:
        """Take what still waits when all is read.

        Args:
            root: the fleet's directory, the place of a problem that no document has.
        """
        if self._fleet is None:
            hint = "write one with `kind: fleet`, `format: 1` and a `code`"
            self.diagnostics.append(Diagnostic(Range(root), "missing-fleet", "no document of kind 'fleet'", hint))
            self._begin()

    def world(self) -> Declarations:
        """What the rules between documents are checked on."""
        return Declarations(
            documents=self._models,
            codes={kind: documents.keys() | self._of_no_kind for kind, documents in self._declared.items()},
            sources=self._sources,
            references=self._references,
            defaults=self._defaults,
        )

    def _begin(self) -> None:
        self._defaults, found = read_defaults(self._fleet, self.hints)
        self._below = {kind: self._defaults.below(kind) for kind in KINDS}
        self.diagnostics += found
        for waiting in self._waiting:
            self._take(waiting)
        self._waiting = []

    def _take(self, document: RawDocument) -> None:
        kind, code, data = document.kind, document.code, document.data
        if kind not in KINDS:
            self.diagnostics += _kind_problems(document, self.hints)
            if is_code(code):
                self._of_no_kind.add(code)
        elif kind == "fleet" and document is not self._fleet:
            self.diagnostics.append(self._second_fleet(document))
        elif (not is_code(code) or self._declare(kind, code, document.positions)) and data is not None:
            known = self.before.get((kind, code or ""))
            fleet = self._positions_below(kind)
            if known is None or known.data is not data or known.below != self._below[kind]:
                self._judge(kind, data, DocumentSource(kind, document.positions, fleet))
            elif known.source.positions is document.positions and known.source.fleet is fleet:
                self._keep(known)
            else:
                self._keep(replace(known, source=DocumentSource(kind, document.positions, fleet)))

    def _judge(self, kind: str, data: Mapping[str, object], source: DocumentSource) -> None:
        foreign = _foreign_format(data, source) if kind == "fleet" else None
        if foreign is not None:
            self.diagnostics.append(foreign)
            return
        merged = self._defaults.merge(kind, data)
        self.judged += 1
        try:
            model = KINDS[kind].model_validate(merged)
        except ValidationError as error:
            given = self._defaults.given.get(kind, ())
            self._references += references_of(kind, merged, source)
            self.diagnostics += field_problems(error, KINDS[kind], source, self.hints, given=given)
        else:
            self._keep(Valid(model, data, self._below[kind], source))

    def _keep(self, valid: Valid) -> None:
        kind, code = key = valid.model.kind, valid.model.code
        self.valid[key] = valid
        self._models[kind][code] = valid.model
        self._sources[key] = valid.source

    def _positions_below(self, kind: str) -> Positions | None:
        """Where the defaults of a kind stand; the fleet document has none."""
        return None if self._fleet is None or kind == "fleet" else self._fleet.positions

    def _declare(self, kind: str, code: str, positions: Positions) -> bool:
        """Note that a code is taken, or say that it was before."""
        first = self._declared[kind].setdefault(code, positions)
        if first is positions:
            return True
        message = f"a second {kind} with the code {code!r}"
        hint = f"the first is at {DocumentSource(kind, first).range_of('code')}"
        place = DocumentSource(kind, positions, self._positions_below(kind)).range_of("code")
        self.diagnostics.append(Diagnostic(place, "duplicate-code", message, hint))
        return False

    def _second_fleet(self, document: RawDocument) -> Diagnostic:
        assert self._fleet is not None
        first, second = (DocumentSource("fleet", each.positions).range_of("kind") for each in (self._fleet, document))
        message, hint = "a second document of kind 'fleet'", f"the first is at {first}"
        return Diagnostic(second, "duplicate-fleet", message, hint)


def _kind_problems(document: RawDocument, hints: Hints) -> Iterator[Diagnostic]:
    source = DocumentSource("", document.positions)
    one_of = f"one of {', '.join(KINDS)}"
    if document.kind is not None:
        hint = hints.did_you_mean(document.kind, KINDS)
        yield Diagnostic(source.range_of("kind"), "unknown-kind", f"no kind {document.kind!r}", hint)
    elif document.data is not None and "kind" not in document.data:
        yield Diagnostic(source.range_of(), "missing-kind", "the document has no `kind`", one_of)
    elif document.data is not None and document.data["kind"] is not UNREADABLE:
        yield Diagnostic(source.range_of("kind"), "wrong-type", "'kind' must be text", one_of)


def _foreign_format(written: Mapping[str, object], source: DocumentSource) -> Diagnostic | None:
    """Say one thing about a fleet of another format: whatever else its document holds may mean something else there."""
    number = written.get("format", FORMAT)
    if not isinstance(number, int) or isinstance(number, bool) or number == FORMAT:
        return None
    hint = "a newer odoo-fleet may be needed" if number > FORMAT else f"write `format: {FORMAT}`"
    message = f"this version reads format {FORMAT} of fleets, not {number}"
    return Diagnostic(source.range_of("format"), "unknown-format", message, hint)
