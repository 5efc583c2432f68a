"""What is remembered from earlier passes. It saves looks and tells orphans from foreign databases; it never decides alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One database that was made or verified by this fleet. An empty digest says: changed since, look at it again."""

    kind: str
    code: str
    server: str
    target: str
    digest: str
    verified_at: datetime


@dataclass(frozen=True, slots=True)
class Inventory:
    """The memory of one fleet: entries by (kind, code, server), declared states of servers in force, last listings."""

    entries: Mapping[tuple[str, str, str], Entry] = field(default_factory=dict)
    server_states: Mapping[str, str] = field(default_factory=dict)
    listings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, kind: str, code: str) -> tuple[Entry, ...]:
        """Return what is remembered of one document's databases, on whatever servers, in the order of servers."""
        return tuple(e for k, e in sorted(self.entries.items()) if k[:2] == (kind, code))


NOTHING_REMEMBERED = Inventory()
