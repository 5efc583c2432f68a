"""A directory to a fleet: find the files, read them, resolve the documents; all problems at once, whatever they are.

Nothing is raised for what the directory holds. Reading one twice gives the same result for the same bytes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from reconciler.fleet.declarations import is_code
from reconciler.fleet.desired import Desired, resolve
from reconciler.fleet.diagnostics import Diagnostic, Range, has_errors, sort
from reconciler.fleet.documents import RawDocument
from reconciler.loading.discovery import Discovery, discover, read_file, shown
from reconciler.loading.yaml_reader import read_documents


@dataclass(frozen=True)
class Loaded:
    """A fleet as it was found: the desired state if it is valid, what is wrong, and the text of the files concerned."""

    desired: Desired | None
    diagnostics: tuple[Diagnostic, ...]
    texts: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outline:
    """Which documents a directory holds, by name alone, however wrong the rest of its text is.

    The fleet's code, empty unless there is exactly one; and all documents that could be made out, by kind and code.
    """

    fleet: str
    documents: frozenset[tuple[str, str]]


def load_fleet(root: Path | str) -> Loaded:
    """Load the fleet in a directory. Paths are shown as the directory was given."""
    directory = os.fspath(root)
    found = discover(directory)
    if is_missing(found):
        return Loaded(None, sort(found.problems), {})
    problems = list(found.problems)
    bytes_of: dict[str, bytes] = {}
    desired, resolved = resolve(_read(found, problems, bytes_of), shown(directory))
    return put_together(desired, (*problems, *resolved), bytes_of)


def is_missing(found: Discovery) -> bool:
    """Tell whether there is no such directory, so that nothing else is worth saying."""
    return any(problem.code == "missing-directory" for problem in found.problems)


def put_together(desired: Desired | None, problems: Iterable[Diagnostic], bytes_of: Mapping[str, bytes]) -> Loaded:
    """Make the result of loading: whatever is wrong, in order, with the texts that it is found in.

    Args:
        desired: the desired state, if the documents by themselves allow it.
        problems: with files, texts and documents.
        bytes_of: what was read, by the file's name as shown.
    """
    diagnostics = sort(problems)
    texts: dict[str, str] = {}
    for problem in diagnostics:
        file = problem.range.file
        if file in bytes_of and file not in texts:
            texts[file] = bytes_of[file].decode(errors="replace").removeprefix("\ufeff")
    return Loaded(None if has_errors(diagnostics) else desired, diagnostics, texts)


def load_files(root: Path | str, files: Iterable[Path | str]) -> Loaded:
    """Load the fleet in a directory, but report only what concerns the given files."""
    loaded = load_fleet(root)
    directory = os.fspath(root)
    known = {os.path.realpath(found.path): found.shown for found in discover(directory).files}
    wanted: set[str] = set()
    foreign: list[Diagnostic] = []
    for file in files:
        path = os.fspath(file)
        name = known.get(os.path.realpath(path))
        if name is None:
            foreign.append(_not_in_fleet(path, directory))
        else:
            wanted.add(name)
    kept = [problem for problem in loaded.diagnostics if problem.range.file in wanted]
    return replace(loaded, diagnostics=sort((*kept, *foreign)))


def read_outline(root: Path | str) -> Outline:
    """Read the names of a directory's documents. What cannot be read is passed over: `load_fleet` says what is wrong with it."""
    names: set[tuple[str, str]] = set()
    for file in discover(os.fspath(root)).files:
        data = read_file(file)
        if isinstance(data, Diagnostic):
            continue
        documents, _ = read_documents(file.shown, data)
        names |= {(d.kind, d.code) for d in documents if d.kind is not None and is_code(d.code)}
    fleets = [code for kind, code in names if kind == "fleet"]
    return Outline(fleets[0] if len(fleets) == 1 else "", frozenset(names))


def _not_in_fleet(path: str, directory: str) -> Diagnostic:
    hint = "a fleet's files end in .yaml or .yml and are not hidden"
    message = f"not a file of the fleet in {shown(directory)!r}" if os.path.lexists(path) else "the file does not exist"
    return Diagnostic(Range(shown(path)), "not-in-fleet", message, hint)


def _read(found: Discovery, problems: list[Diagnostic], bytes_of: dict[str, bytes]) -> Iterator[RawDocument]:
    """Yield the documents file by file, so that no more than one file's is held as plain data."""
    for file in found.files:
        data = read_file(file)
        if isinstance(data, Diagnostic):
            problems.append(data)
            continue
        bytes_of[file.shown] = data
        read, wrong = read_documents(file.shown, data)
        problems += wrong
        yield from read
