"""Which documents a fleet's directory holds, by name alone, however wrong the rest of its text is.

Enough to ask the store about a document, or to pause one, while somebody repairs the text.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from reconciler.fleet.declarations import is_code
from reconciler.fleet.diagnostics import Diagnostic
from reconciler.loading.discovery import discover, read_file
from reconciler.loading.yaml_reader import read_documents


@dataclass(frozen=True, slots=True)
class Outline:
    """The fleet's code, empty unless there is exactly one; and all documents that could be made out, by kind and code."""

    fleet: str
    documents: frozenset[tuple[str, str]]


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
