"""The revisions on disk: each in a directory of its own, named by its commit, complete or not there at all.

A directory is written aside and renamed when it is whole. The first time that a process uses one that it did not write,
each file is compared with the hash that git has for it: a machine that lost power may have left files empty.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from reconciler.git.clone import Facts
from reconciler.git.commands import Git
from reconciler.git.trees import Checkout, Export, is_intact, write
from reconciler.git.whole_files import is_leftover, name_aside, remove

_FORMAT = 1
_TREE = "tree"
_ABOUT = "revision.json"


@dataclass(frozen=True, slots=True)
class Exported:
    """A revision on disk.

    Args:
        commit: its hash.
        facts: what the commit says of itself.
        export: its files.
    """

    commit: str
    facts: Facts
    export: Export


class Exports:
    """All revisions on disk.

    Args:
        directory: where they are kept.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._known: dict[str, Exported] = {}

    def find(self, commit: str) -> Exported | None:
        """Return a revision that is on disk, whole and unchanged."""
        known = self._known.get(commit)
        if known is not None and known.export.root.is_dir():
            return known
        self._known.pop(commit, None)
        place = self._directory / commit
        if not place.is_dir():
            return None
        found = _read(place, commit)
        if found is None or not is_intact(found.export):
            remove(place)
            return None
        self._known[commit] = found
        return found

    def add(self, git: Git, commit: str, selection: Checkout, *, facts: Facts, like: str | None) -> Exported:
        """Write a revision.

        Args:
            git: git, run in the clone.
            commit: hash of the commit.
            selection: its files.
            facts: what it says of itself.
            like: commit of a revision on disk, whose unchanged files are linked to.

        Raises:
            Damaged: the clone does not have all of it.
            GitUnusable: it cannot be written.
            OSError: the directory cannot be written to.
        """
        self._directory.mkdir(mode=0o700, exist_ok=True)
        aside = name_aside(self._directory)
        aside.mkdir(mode=0o700)
        try:
            former = None if like is None else self.find(like)
            export = write(git, selection, aside / _TREE, None if former is None else former.export)
            (aside / _ABOUT).write_text(_about(facts, export))
            place = self._directory / commit
            remove(place)
            aside.rename(place)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        added = Exported(commit, facts, Export(place / _TREE, export.files, export.links))
        self._known[commit] = added
        return added

    def keep(self, commits: Collection[str]) -> None:
        """Remove all revisions but these, and what was left half done."""
        if not self._directory.is_dir():
            return
        for place in self._directory.iterdir():
            if place.name not in commits:
                self._known.pop(place.name, None)
                remove(place)

    def remove_leftovers(self) -> None:
        """Remove what was left half done."""
        if self._directory.is_dir():
            for place in self._directory.iterdir():
                if is_leftover(place):
                    remove(place)


def _about(facts: Facts, export: Export) -> str:
    about = {
        "format": _FORMAT,
        **asdict(facts),
        "committed_at": facts.committed_at.isoformat(),
        "files": export.files,
        "links": export.links,
    }
    return json.dumps(about)


def _read(place: Path, commit: str) -> Exported | None:
    try:
        about: Mapping[str, Any] = json.loads((place / _ABOUT).read_text())
        if about["format"] != _FORMAT:
            return None
        facts = Facts(datetime.fromisoformat(about["committed_at"]), about["author"], about["subject"])
        return Exported(commit, facts, Export(place / _TREE, about["files"], about["links"]))
    except (OSError, ValueError, KeyError, TypeError):
        # Cut short or from another version: it is written again.
        return None
