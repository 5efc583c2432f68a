"""Digests of documents, each worked out once: an edit of one document of ten thousand costs one digest, not all of them.

What is kept is no state that could be wrong: it counts only while all that it was worked out from are the very same objects,
and those never change.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import is_

Key = tuple[str, ...]


class Fingerprints:
    """Digests by what they are of; one after another of a fleet's texts may share it."""

    def __init__(self) -> None:
        self._kept: dict[Key, tuple[tuple[object, ...], str]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def of(self, key: Key, made_from: tuple[object, ...], make: Callable[[], str]) -> str:
        """Return the digest kept under `key` if it was made from these very objects, else make it and keep it."""
        kept = self._kept.get(key)
        if kept is not None and all(map(is_, kept[0], made_from)):
            return kept[1]
        made = make()
        self._kept[key] = (made_from, made)
        return made
