"""What is remembered from earlier passes. It saves looks and tells orphans from foreign databases; it never decides alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from reconciler.core.model.names import parse
from reconciler.core.model.pauses import Pause

PRUNES = "fleet: prune"
"""Where, among the states in force, stands whether the last text said `prune: true`; no server can be called so."""

ORPHANED = "orphaned:"
"""What stands before the digest of an entry whose document is not in the text any more."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One database that was made or verified by this fleet. An empty digest says: changed since, look at it again."""

    kind: str
    code: str
    server: str
    target: str
    digest: str
    verified_at: datetime

    @property
    def orphaned(self) -> bool:
        """Tell whether its document was seen to be gone; a look clears that when a document of its code is back."""
        return self.digest.startswith(ORPHANED)

    @property
    def last_digest(self) -> str:
        """Return the digest that was applied last, orphaned since or not."""
        return self.digest.removeprefix(ORPHANED)


@dataclass(frozen=True, slots=True)
class Usage:
    """What an instance used when it was measured last: people who log in beside the operator, and bytes of rows and files.

    `over_since` is when it was first seen to be more than its plan includes; None while it is not.
    """

    users: int
    bytes: int
    at: datetime
    over_since: datetime | None = None


@dataclass(frozen=True)  # without slots: what is looked up for each of ten thousand instances is sorted once
class Inventory:
    """The memory of one fleet: entries by (kind, code, server), declared states of servers in force, last listings, pauses.

    `pauses` are those that a command began; those of the text are in the text. `usage` is by the code of an instance.
    """

    entries: Mapping[tuple[str, str, str], Entry] = field(default_factory=dict)
    server_states: Mapping[str, str] = field(default_factory=dict)
    listings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pauses: Mapping[tuple[str, str], Pause] = field(default_factory=dict)
    usage: Mapping[str, Usage] = field(default_factory=dict)

    @property
    def prunes(self) -> bool:
        """Tell whether an earlier text said `prune: true`, so that what is gone since was removed under that."""
        return self.server_states.get(PRUNES) == "yes"

    def of(self, kind: str, code: str) -> tuple[Entry, ...]:
        """Return what is remembered of one document's databases, on whatever servers, in the order of servers."""
        return self._by_document.get((kind, code), ())

    def on(self, server: str) -> tuple[Entry, ...]:
        """Return what is remembered of one server's databases, in the order of kinds and codes."""
        return self._by_server.get(server, ())

    def listed(self, server: str) -> frozenset[str] | None:
        """Return the declared names that a server's last listing held in whatever form; None if there is no listing."""
        return self._listed.get(server)

    @cached_property
    def _listed(self) -> Mapping[str, frozenset[str]]:
        return {server: frozenset(parse(name).target for name in names) for server, names in self.listings.items()}

    @cached_property
    def _by_document(self) -> Mapping[tuple[str, str], tuple[Entry, ...]]:
        found: defaultdict[tuple[str, str], list[Entry]] = defaultdict(list)
        for (kind, code, _), entry in sorted(self.entries.items(), key=lambda item: item[0]):
            found[kind, code].append(entry)
        return {document: tuple(entries) for document, entries in found.items()}

    @cached_property
    def _by_server(self) -> Mapping[str, tuple[Entry, ...]]:
        found: defaultdict[str, list[Entry]] = defaultdict(list)
        for (_, _, server), entry in sorted(self.entries.items(), key=lambda item: item[0]):
            found[server].append(entry)
        return {server: tuple(entries) for server, entries in found.items()}


NOTHING_REMEMBERED = Inventory()
