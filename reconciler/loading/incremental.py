"""A fleet's directory read again and again: what `load_fleet` returns, at the cost of what changed.

Which files changed is seen from their status (times, size, inode), by git's rule: a file that was written so shortly before it
was read that a second write could leave the same status is read again, and its bytes compared. What a file says is known by its
bytes, so that one that was touched, renamed or exported anew to another directory is read, but not parsed.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from reconciler.fleet.desired import Resolver
from reconciler.fleet.diagnostics import Diagnostic, Range
from reconciler.fleet.documents import Positions, RawDocument
from reconciler.loading.discovery import FoundFile, discover, read_file, shown
from reconciler.loading.fleet_directory import Loaded, is_missing, put_together
from reconciler.loading.nodes import HeadPositions, TextPositions, forget_nodes
from reconciler.loading.yaml_reader import read_documents

# The coarsest stamps of a file system that may hold a fleet: FAT's are two seconds apart.
_STAMP = 2_000_000_000
_STATUS = struct.Struct("=5Q")
_64_BITS = 2**64 - 1
_UNPROVEN = b""


@dataclass(frozen=True, slots=True)
class Counts:
    """What a reading cost: files opened, files parsed, documents validated."""

    files_read: int = 0
    files_parsed: int = 0
    documents_validated: int = 0


@dataclass(frozen=True, slots=True)
class FileRead:
    """A file of the fleet as it was read: its path as it was opened, its bytes, and the documents that it holds."""

    path: str
    data: bytes = field(repr=False)
    documents: Sequence[RawDocument]


class FleetReader:
    """Reads one fleet again and again; one thread at a time.

    A document that did not change is the same object in each result, so that what did is found by identity. If nothing at all
    changed, the result is the same object.

    Args:
        root: the fleet's directory, shown to people as it is given here.
        now: nanoseconds of the clock that stamps files.
    """

    def __init__(self, root: Path | str, now: Callable[[], int] = time.time_ns) -> None:
        self.counts = Counts()
        """Of the last reading."""
        self._root = os.fspath(root)
        self._now = now
        self._known: dict[str, _KnownFile] = {}
        self._resolver = Resolver()
        self._last: tuple[_State, Loaded] | None = None

    def read(self, root: Path | str | None = None) -> Loaded:
        """Return what `load_fleet` would.

        Args:
            root: another directory that holds the fleet from now on, such as a newer revision of it.
        """
        if root is not None:
            self._root = os.fspath(root)
        before = self._now() - _STAMP
        found = discover(self._root)
        self.counts = Counts()
        if is_missing(found):
            # What is known stays: a mount that was away for a moment costs nothing.
            return put_together(None, found.problems, {})
        look = _Look(self._known, before)
        state = _State(self._root, look.at(found.files), [*found.problems, *look.problems])
        self.counts = Counts(look.files_read, look.files_parsed)
        if self._last is None or self._last[0] != state:
            self._last = None  # should anything interrupt this, nothing may be taken for resolved
            self._last = state, self._resolve(state)
        return self._last[1]

    @property
    def files(self) -> Iterator[FileRead]:
        """The files as they were read last."""
        for path, known in self._known.items():
            yield FileRead(path, known.text.data, known.text.documents)

    def trial(self, path: str, data: bytes) -> Loaded:
        """Return what `read` would if one file, new or known, had these bytes. What is known stays as it is."""
        assert self._last is not None, "a fleet is read before anything of it is tried"
        texts = {known.text.shown: known.text for known in self._known.values()}
        texts[shown(path)] = _parsed(shown(path), data)
        last, self._last = self._last, None
        loaded = self._resolve(_State(self._root, [texts[name] for name in sorted(texts)], last[0].problems))
        self._last = last
        return loaded

    def take(self, path: str, data: bytes) -> None:
        """Count a file as having these bytes from now on, until it is read again."""
        self._known[path] = _KnownFile(_UNPROVEN, _parsed(shown(path), data))

    def _resolve(self, state: _State) -> Loaded:
        documents = (document for text in state.texts for document in text.documents)
        resolved = self._resolver.resolve(documents, shown(state.root))
        self.counts = replace(self.counts, documents_validated=resolved.judged)
        wrong = [problem for text in state.texts for problem in text.problems]
        bytes_of = {text.shown: text.data for text in state.texts}
        loaded = put_together(resolved.desired, (*state.problems, *wrong, *resolved.diagnostics), bytes_of)
        forget_nodes()
        return loaded


@dataclass(frozen=True, eq=False, slots=True)
class _FileText:
    """What one file says; `shown` is how the file is shown to people."""

    shown: str
    data: bytes
    documents: Sequence[RawDocument]
    problems: Sequence[Diagnostic]

    def at(self, name: str) -> _FileText:
        """Return what a file says that has the same bytes and is shown by another name."""
        documents = tuple(replace(each, positions=_positions_at(name, each.positions)) for each in self.documents)
        problems = tuple(replace(problem, range=_range_at(name, problem.range)) for problem in self.problems)
        return _FileText(name, self.data, documents, problems)


def _parsed(name: str, data: bytes) -> _FileText:
    documents, problems = read_documents(name, data)
    return _FileText(name, data, tuple(documents), tuple(problems))  # lists take more room than they need


def _positions_at(name: str, positions: Positions) -> Positions:
    if isinstance(positions, TextPositions):
        return replace(positions, file=name)
    assert isinstance(positions, HeadPositions)
    kind, code = (None if place is None else _range_at(name, place) for place in (positions.kind, positions.code))
    return HeadPositions(name, kind, code)


def _range_at(name: str, place: Range) -> Range:
    return replace(place, file=name)


@dataclass(frozen=True, slots=True)
class _State:
    """All that a result depends on. Texts are compared by identity: one that changes is another one."""

    root: str
    texts: Sequence[_FileText]
    problems: Sequence[Diagnostic]


@dataclass(slots=True)
class _KnownFile:
    """What was read of a file, and the status that proves that it still says the same; `_UNPROVEN` if none does."""

    status: bytes
    text: _FileText


@dataclass(slots=True)
class _Look:
    """One look at all files of a fleet.

    Args:
        known: what is known of files by path; brought up to date.
        before: nanoseconds; a file stamped at this time or later may change without getting another stamp.
    """

    known: dict[str, _KnownFile]
    before: int
    problems: list[Diagnostic] = field(default_factory=list)
    files_read: int = 0
    files_parsed: int = 0
    _by_bytes: Mapping[bytes, _FileText] | None = None

    def at(self, files: Sequence[FoundFile]) -> list[_FileText]:
        """Return what files say, in their order; those that cannot be read are left out."""
        texts = [text for text in map(self._text_of, files) if text is not None]
        if len(self.known) > len(texts):
            gone = self.known.keys() - {file.path for file in files}
            for path in gone:
                del self.known[path]
        return texts

    def _text_of(self, file: FoundFile) -> _FileText | None:
        known = self.known.get(file.path)
        status = self._status(file.path)
        if known is not None and status != _UNPROVEN and known.status == status:
            return known.text
        # The status was taken before: if the file is written in between, the next look finds another one.
        data = read_file(file)
        self.files_read += 1
        if isinstance(data, Diagnostic):
            self.problems.append(data)
            return None
        if known is None:
            text = self._new_text(file, data)
            self.known[file.path] = _KnownFile(status, text)
            return text
        if known.text.data != data:
            known.text = self._new_text(file, data)
        known.status = status
        return known.text

    def _status(self, path: str) -> bytes:
        try:
            found = os.stat(path)  # noqa: PTH116 -- ten thousand times
        except OSError:
            return _UNPROVEN
        written, changed = found.st_mtime_ns, found.st_ctime_ns
        if written >= self.before or changed >= self.before:
            return _UNPROVEN
        return _STATUS.pack(found.st_dev, found.st_ino, found.st_size, written & _64_BITS, changed & _64_BITS)

    def _new_text(self, file: FoundFile, data: bytes) -> _FileText:
        if self._by_bytes is None:
            self._by_bytes = {known.text.data: known.text for known in self.known.values()}
        same = self._by_bytes.get(data)
        if same is not None:
            return same.at(file.shown)
        self.files_parsed += 1
        return _parsed(file.shown, data)
