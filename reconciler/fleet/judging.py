"""Documents one by one: which kind, whether their code is still free, the fleet's defaults put below them, their fields judged.

The defaults come from the fleet document, so what is read before it waits. A document that was found valid earlier is taken as
it is, unless the defaults of its kind have changed since.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from reconciler.fleet.declarations import Declarations, Reference, is_code, references_of
from reconciler.fleet.defaults import Defaults, read_defaults
from reconciler.fleet.diagnostics import Diagnostic, Range
from reconciler.fleet.documents import (
    UNREADABLE,
    AnyRead,
    DocumentSource,
    Hints,
    Positions,
    RawDocument,
    ValidDocument,
)
from reconciler.fleet.field_problems import field_problems
from schemas.document import Document
from schemas.fleet import FORMAT
from schemas.kinds import KINDS

Again = Callable[[Positions], RawDocument]
"""Reads the text of a document once more."""

# How many documents may wait for the defaults with their data; more are read again by then, as theirs is heavy.
_WAITING = 500


@dataclass(frozen=True, slots=True)
class _SetAside:
    """A document that waits without its data."""

    positions: Positions


@dataclass(slots=True)
class Reading:
    """Takes documents one by one: what has been declared, what of it is valid, and what is wrong with the rest.

    Args:
        again: reads a document's text again; without it, no document given may have been found valid before.
    """

    again: Again | None
    hints: Hints = field(default_factory=Hints)
    documents: list[AnyRead] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    judged: int = 0
    _fleet: AnyRead | None = None
    _defaults: Defaults = field(default_factory=Defaults)
    _below: Mapping[str, str] = field(default_factory=dict)
    _waiting: deque[AnyRead | _SetAside] = field(default_factory=deque)
    _declared: dict[str, dict[str, Positions]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    _valid: dict[str, dict[str, Document]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    _sources: dict[tuple[str, str], DocumentSource] = field(default_factory=dict)
    _references: list[Reference] = field(default_factory=list)

    def read(self, document: AnyRead) -> None:
        """Take the next document, or let it wait for the fleet document."""
        if self._fleet is not None:
            self._take(document)
        elif document.kind == "fleet":
            self._fleet = document
            self._begin()
            self._take(document)
        else:
            bulky = isinstance(document, RawDocument) and document.data is not None
            if bulky and self.again is not None and len(self._waiting) >= _WAITING:
                self._waiting.append(_SetAside(document.positions))
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
            documents=self._valid,
            codes={kind: documents.keys() for kind, documents in self._declared.items()},
            sources=self._sources,
            references=self._references,
            defaults=self._defaults,
        )

    def _begin(self) -> None:
        self._defaults, found = read_defaults(self._fleet, self.hints)
        self._below = {kind: self._defaults.below(kind) for kind in KINDS}
        self.diagnostics += found
        while self._waiting:
            waiting = self._waiting.popleft()
            self._take(self._reread(waiting.positions) if isinstance(waiting, _SetAside) else waiting)

    def _reread(self, positions: Positions) -> RawDocument:
        assert self.again is not None
        return self.again(positions)

    def _take(self, document: AnyRead) -> None:
        kind = document.kind
        if kind not in KINDS:
            assert isinstance(document, RawDocument)
            self.diagnostics += _kind_problems(document, self.hints)
            self.documents.append(document)
        elif kind == "fleet" and document is not self._fleet:
            self.diagnostics.append(self._second_fleet(document))
            self.documents.append(document)
        elif isinstance(document, RawDocument):
            self.documents.append(self._judge(kind, document))
        elif document.defaults == self._below[kind]:
            self.documents.append(self._accept(kind, document))
        else:
            self.documents.append(self._judge(kind, self._reread(document.positions)))

    def _accept(self, kind: str, document: ValidDocument) -> ValidDocument:
        """Take a document that was found valid before."""
        code = document.model.code
        if not self._declare(kind, code, document.source.positions):
            return document
        source, fleet = document.source, self._positions_below(kind)
        if source.fleet is not fleet:
            source = DocumentSource(kind, source.positions, fleet)
            document = ValidDocument(document.model, source, document.defaults, document.data)
        self._valid[kind][code] = document.model
        self._sources[kind, code] = source
        return document

    def _judge(self, kind: str, document: RawDocument) -> AnyRead:
        """Take a document that has to be validated; return it as it is to be handed in next time."""
        if is_code(document.code) and not self._declare(kind, document.code, document.positions):
            return document
        if document.data is None:
            return document
        source = DocumentSource(kind, document.positions, self._positions_below(kind))
        foreign = _foreign_format(document.data, source) if kind == "fleet" else None
        if foreign is not None:
            self.diagnostics.append(foreign)
            return document
        merged = self._defaults.merge(kind, document.data)
        self.judged += 1
        try:
            model = KINDS[kind].model_validate(merged)
        except ValidationError as error:
            given = self._defaults.given.get(kind, ())
            self._references += references_of(kind, merged, source)
            self.diagnostics += field_problems(error, KINDS[kind], source, self.hints, given=given)
            return document
        self._valid[kind][model.code] = model
        self._sources[kind, model.code] = source
        return ValidDocument(model, source, self._below[kind], document.data if kind == "fleet" else None)

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

    def _second_fleet(self, document: AnyRead) -> Diagnostic:
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
