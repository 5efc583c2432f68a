"""Desired state: all documents of a fleet, valid by themselves and together, or the list of everything that is wrong.

`resolve` puts the fleet's defaults below each document, validates it, checks the rules between documents, and returns
a whole `Desired` or none: a fleet that is half valid is never acted on. It is pure; it neither resolves a secret nor
asks a host.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from operator import is_
from typing import cast

from reconciler.fleet import rules
from reconciler.fleet.declarations import Documents
from reconciler.fleet.declared_names import DeclaredNames, names_of
from reconciler.fleet.diagnostics import Diagnostic, Range, has_errors, sort
from reconciler.fleet.documents import RawDocument
from reconciler.fleet.judging import Reading, ValidDocuments
from schemas.document import Document, Pausable
from schemas.fleet import FleetSettings
from schemas.instance import Instance

_Key = tuple[str, ...]


class Fingerprints:
    """Digests of documents, each worked out once: an edit of one document of ten thousand costs one, not all of them.

    One after another of a fleet's texts may share it. What is kept is no state that could be wrong: it counts only while all
    that it was worked out from are the very same objects, and those never change.
    """

    def __init__(self) -> None:
        self._kept: dict[_Key, tuple[tuple[object, ...], str]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def of(self, key: _Key, made_from: tuple[object, ...], make: Callable[[], str]) -> str:
        """Return the digest kept under `key` if it was made from these very objects, else make it and keep it."""
        kept = self._kept.get(key)
        if kept is not None and all(map(is_, kept[0], made_from)):
            return kept[1]
        made = make()
        self._kept[key] = (made_from, made)
        return made


@dataclass(frozen=True)
class Desired(Documents):
    """A valid fleet. Documents are keyed and sorted by code.

    `named` says what people call its files where that is not where they lie.
    """

    fingerprints: Fingerprints = field(default_factory=Fingerprints, repr=False, compare=False)
    named: Callable[[str], str] = field(default=str, repr=False, compare=False)

    def range_of(self, kind: str, code: str, *path: str | int) -> Range:
        """Where a value stands in the text, as people find it."""
        found = super().range_of(kind, code, *path)
        return replace(found, file=self.named(found.file))

    @cached_property
    def settings(self) -> FleetSettings:
        """The fleet document."""
        (settings,) = self.documents["fleet"].values()
        return cast("FleetSettings", settings)

    def every(self) -> Iterator[Document]:
        """Yield all documents, the fleet's first."""
        return (document for of_kind in self.documents.values() for document in of_kind.values())

    def pausable(self) -> Iterator[Pausable]:
        """Yield the documents to which something is done, the fleet's first."""
        return (document for document in self.every() if isinstance(document, Pausable))

    def subjects(self) -> Iterator[Pausable]:
        """Yield the same without the fleet's: what a run can be limited to."""
        return (document for document in self.pausable() if document.kind != "fleet")

    @cached_property
    def in_use(self) -> frozenset[str]:
        """The servers that a whole pass asks."""
        return frozenset(s.code for s in self.servers.values() if s.active and s.state != "draft")

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """How many documents there are beside the fleet's, by kind."""
        return {kind: len(documents) for kind, documents in self.documents.items() if kind != "fleet"}

    def having(self, kind: str, documents: Mapping[str, Document]) -> Desired:
        """Return the fleet with other documents of a kind."""
        return replace(self, documents={**self.documents, kind: documents})

    def instance_modules(self, instance: Instance) -> tuple[str, ...]:
        """Modules that an instance is to have: of its template, its plan and its own, in this order, each once.

        A copy has those of its source whatever they are, so that nobody keeps its template's in it.
        """
        template, plan = self.templates[self.template_of(instance)], self.plans[instance.plan]
        first = template.modules if instance.clone_of is None else ()
        return tuple(dict.fromkeys((*first, *plan.modules, *instance.modules)))

    @cached_property
    def names(self) -> DeclaredNames:
        """The names of databases that its instances declare."""
        return names_of(self.instances.values())

    def claims(self, target: str) -> bool:
        """Tell whether any document says that this is, or was, the name of its database."""
        return self.names.claims(target) or any(t.template_db == target for t in self.templates.values())

    def declares(self, server: str, target: str) -> bool:
        """Tell whether a document declares a database of this name that may be on a server."""
        if self.names.may_be_on(server, target):
            return True
        return any(t.template_db == target and server in t.server_codes for t in self.templates.values())

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that is declared, in whatever files and order it was written; no secret's value is in it."""
        whole = hashlib.sha256()
        for each in self.every():
            digest = self.fingerprints.of((each.kind, each.code), (each,), partial(_digest_of, each))
            whole.update(f"{each.kind}/{each.code} {digest}\n".encode())
        return whole.hexdigest()


def _digest_of(document: Document) -> str:
    text = json.dumps(document.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Resolved:
    """What became of documents.

    Args:
        desired: the fleet, if nothing is wrong with it.
        diagnostics: everything that is wrong.
        judged: how many had to be validated.
    """

    desired: Desired | None
    diagnostics: tuple[Diagnostic, ...]
    judged: int


class Resolver:
    """Resolves a fleet again and again: a document that was found valid is judged again only if it or its defaults change."""

    def __init__(self) -> None:
        self._valid: ValidDocuments = {}
        self._fingerprints = Fingerprints()

    def resolve(self, documents: Iterable[RawDocument], root: str = "fleet") -> Resolved:
        """Do what the function `resolve` does; a document that did not change has the very same data as last time."""
        reading = Reading(self._valid)
        for document in documents:
            reading.read(document)
        reading.finish(root)
        self._valid = reading.valid
        world = reading.world()
        ordered = sort((*reading.diagnostics, *rules.check(world, reading.hints)))
        if world.settings is None or has_errors(ordered):
            return Resolved(None, ordered, reading.judged)
        if len(self._fingerprints) > _FINGERPRINTS_EACH * len(self._valid):
            # Documents come and go; what was kept for those that went is not worth looking for.
            self._fingerprints = Fingerprints()
        valid = {kind: _by_code(of_kind) for kind, of_kind in world.documents.items()}
        return Resolved(Desired(valid, world.sources, self._fingerprints), ordered, reading.judged)


# Each document has one, each database another; a few more where databases are on other servers than before.
_FINGERPRINTS_EACH = 4


def resolve(documents: Iterable[RawDocument], root: str = "fleet") -> tuple[Desired | None, tuple[Diagnostic, ...]]:
    """Turn documents into the desired state, or into everything that is wrong with them.

    Args:
        documents: in the order in which they were read; of two with one code the first counts.
        root: the fleet's directory, the place of problems that no document has.
    """
    resolved = Resolver().resolve(documents, root)
    return resolved.desired, resolved.diagnostics


def _by_code(documents: Mapping[str, Document]) -> dict[str, Document]:
    return {code: documents[code] for code in sorted(documents)}
