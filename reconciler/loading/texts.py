"""What the files of a fleet say, kept from one reading to the next: bytes, and documents as they were resolved last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from reconciler.fleet.diagnostics import Diagnostic, Range
from reconciler.fleet.documents import AnyRead, DocumentSource, Positions, RawDocument
from reconciler.loading.nodes import HeadPositions, TextPositions
from reconciler.loading.yaml_reader import read_documents


@dataclass(eq=False, slots=True)
class FileText:
    """What one file says, parsed or still to be; `shown` is how the file is shown to people."""

    shown: str
    data: bytes
    documents: Sequence[AnyRead] | None = None
    problems: Sequence[Diagnostic] = ()

    def at(self, name: str) -> FileText:
        """Return what a file says that has the same bytes and is shown by another name."""
        if self.documents is None:
            return FileText(name, self.data)
        documents = tuple(_document_at(name, document) for document in self.documents)
        problems = tuple(replace(problem, range=_range_at(name, problem.range)) for problem in self.problems)
        return FileText(name, self.data, documents, problems)


class Rereader:
    """Reads documents again whose data was let go; those of one file should be asked for one after the other."""

    def __init__(self) -> None:
        self.files_parsed = 0
        self._file: tuple[str, bytes] | None = None
        self._documents: dict[int, RawDocument] = {}

    def __call__(self, positions: Positions) -> RawDocument:
        """Return the document that has these positions."""
        assert isinstance(positions, TextPositions)
        file = (positions.file, positions.data)
        if self._file != file:
            read, _ = read_documents(*file)
            self.files_parsed += 1
            self._file = file
            self._documents = {each.positions.index: each for each in read if isinstance(each.positions, TextPositions)}
        return self._documents[positions.index]

    def forget(self) -> None:
        """Let go of the last file."""
        self._file, self._documents = None, {}


class Parsing:
    """Hands out the documents of texts one by one, parsing where that is still to be done, and takes them back in the end."""

    def __init__(self, texts: Sequence[FileText]) -> None:
        self.files_parsed = 0
        self._texts = texts
        self._lengths: list[int] = []

    def documents(self) -> Iterator[AnyRead]:
        """Yield all documents; of what is newly parsed, no more than one file's is held."""
        for text in self._texts:
            documents = text.documents
            if documents is None:
                documents, text.problems = read_documents(text.shown, text.data)
                self.files_parsed += 1
            self._lengths.append(len(documents))
            yield from documents

    def take_back(self, documents: Sequence[AnyRead]) -> None:
        """Keep documents as they are to be handed out next time: as many as were handed out, in the same order."""
        handed = iter(documents)
        for text, length in zip(self._texts, self._lengths, strict=True):
            taken = tuple(islice(handed, length))
            if text.documents != taken:  # nearly all are the very same objects: no new tuples for those
                text.documents = taken


def _document_at(name: str, document: AnyRead) -> AnyRead:
    positions = _positions_at(name, document.positions)
    if isinstance(document, RawDocument):
        return replace(document, positions=positions)
    return replace(document, source=DocumentSource(document.kind, positions, document.source.fleet))


def _positions_at(name: str, positions: Positions) -> Positions:
    if isinstance(positions, TextPositions):
        return TextPositions(name, positions.data, positions.index)
    assert isinstance(positions, HeadPositions)
    kind, code = (None if place is None else _range_at(name, place) for place in (positions.kind, positions.code))
    return HeadPositions(name, kind, code)


def _range_at(name: str, place: Range) -> Range:
    return replace(place, file=name)
