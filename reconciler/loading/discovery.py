"""Which files make a fleet, and their bytes: all `*.yaml` and `*.yml` below a directory, hidden ones left out.

Nothing here can hang or run in circles: what is not a regular file is never opened, each directory is read once
however many links lead to it, and no more of a file is read than may be used. What cannot be read is a diagnostic.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.fleet.diagnostics import Diagnostic, Range
from reconciler.loading.screening import MAX_BYTES

_ENDINGS = (".yaml", ".yml")
_PIECE = 64 * 1024
_LOOP = "the link leads back to a directory that holds it"


@dataclass(frozen=True)
class FoundFile:
    """A file of the fleet: where it is, and how it is shown to people."""

    path: str
    shown: str


@dataclass(frozen=True)
class _Directory:
    """A directory to read, with the identities of those that lead to it."""

    path: str
    above: frozenset[tuple[int, int]]


@dataclass
class Discovery:
    """One walk through a fleet's directory."""

    root: str
    files: list[FoundFile] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)
    _seen: set[tuple[int, int]] = field(default_factory=set)
    _links: list[tuple[str, _Directory]] = field(default_factory=list)

    def walk(self) -> None:
        """Find all files. Directories are followed through links only after all real ones were read."""
        if not Path(self.root).is_dir():
            what = "is not a directory" if os.path.lexists(self.root) else "does not exist"
            self._report(
                self.root,
                "missing-directory",
                f"the fleet's directory {what}",
                "name the fleet's directory with --fleet",
            )
            return
        self._walk_from(_Directory(self.root, _ancestors(self.root)))
        while self._links:
            path, parent = self._links.pop(0)
            self._follow(path, parent)
        self.files.sort(key=lambda found: found.shown)

    def _walk_from(self, start: _Directory) -> None:
        todo = [start]
        while todo:
            directory = todo.pop()
            todo += self._read(directory)

    def _read(self, directory: _Directory) -> Iterator[_Directory]:
        try:
            identity = _identity(directory.path)
            with os.scandir(directory.path) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self._report(directory.path, "unreadable-file", f"the directory cannot be read: {_reason(error)}")
            return
        if identity in self._seen:
            return
        self._seen.add(identity)
        inner = _Directory(directory.path, directory.above | {identity})
        for entry in listed:
            if not entry.name.startswith("."):
                yield from self._take(entry, inner)

    def _take(self, entry: os.DirEntry[str], directory: _Directory) -> Iterator[_Directory]:
        try:
            if entry.is_dir(follow_symlinks=False):
                yield _Directory(entry.path, directory.above)
            elif entry.is_symlink() and entry.is_dir():
                self._links.append((entry.path, directory))
            elif entry.name.lower().endswith(_ENDINGS):
                self._take_file(entry)
        except OSError as error:
            self._report_unreadable(entry.path, error)

    def _take_file(self, entry: os.DirEntry[str]) -> None:
        if not entry.is_file():
            mode = entry.stat().st_mode
            self._report(
                entry.path, "not-a-file", f"{_kind(mode)} is not a file of text", "remove it, or hide it with a dot"
            )
            return
        self.files.append(FoundFile(entry.path, shown(entry.path)))

    def _follow(self, path: str, parent: _Directory) -> None:
        try:
            identity = _identity(path)
        except OSError as error:
            self._report_unreadable(path, error)
            return
        if identity in parent.above:
            self._report(path, "symlink-loop", _LOOP, "remove the link")
        else:
            self._walk_from(_Directory(path, parent.above))

    def _report_unreadable(self, path: str, error: OSError) -> None:
        if error.errno == errno.ELOOP:
            self._report(path, "symlink-loop", "the link leads to itself", "remove the link")
        else:
            self._report(path, "unreadable-file", f"the file cannot be read: {_reason(error)}")

    def _report(self, path: str, code: str, message: str, hint: str = "") -> None:
        self.problems.append(Diagnostic(Range(shown(path)), code, message, hint))


def discover(root: str) -> Discovery:
    """Walk through a fleet's directory."""
    discovery = Discovery(root)
    discovery.walk()
    return discovery


def read_file(found: FoundFile) -> bytes | Diagnostic:
    """Return the bytes of a file, one more than may be used if there are more, or why it cannot be read."""
    # O_NONBLOCK: between the walk and now the file may have become a pipe, which would be waited for.
    try:
        descriptor = os.open(found.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        return _unreadable(found, error)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return Diagnostic(Range(found.shown), "not-a-file", f"{_kind(status.st_mode)} is not a file of text")
        return _read_all(descriptor, status.st_size)
    except OSError as error:
        return _unreadable(found, error)
    finally:
        os.close(descriptor)


def _read_all(descriptor: int, expected: int) -> bytes:
    # Room for what is expected, not for what may be: a large block that is cut to size keeps a page of memory for itself.
    data = os.read(descriptor, min(expected, MAX_BYTES) + 1)
    while len(data) <= MAX_BYTES:
        more = os.read(descriptor, min(_PIECE, MAX_BYTES + 1 - len(data)))
        if not more:
            break
        data += more
    return data


def _unreadable(found: FoundFile, error: OSError) -> Diagnostic:
    return Diagnostic(Range(found.shown), "unreadable-file", f"the file cannot be read: {_reason(error)}")


def shown(path: str) -> str:
    """Write a path so that it can be printed: names on a disk may hold bytes that are no text, or line breaks."""
    if path.isprintable():
        return path
    text = os.fsencode(path).decode(errors="backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _reason(error: OSError) -> str:
    return (os.strerror(error.errno) if error.errno else str(error)).lower()


def _identity(path: str | Path) -> tuple[int, int]:
    status = Path(path).stat()
    return status.st_dev, status.st_ino


def _ancestors(root: str) -> frozenset[tuple[int, int]]:
    """Identities of the directories above the root: a link to one of them would bring the root itself in again."""
    return frozenset(_identity(above) for above in Path(os.path.realpath(root)).parents)


_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISDIR, "a directory"),
)


def _kind(mode: int) -> str:
    return next((name for test, name in _KINDS if test(mode)), "this")
