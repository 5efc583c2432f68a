"""The store: the engine's memory of one fleet and its journal, in SQLite or PostgreSQL.

What takes trust away (`clear`) is on the disk before it returns, for then a host may be written to. What gives
trust or tells history is committed, so that no process's death loses it, but the last of it may be lost to a power cut: then
something is looked at once more. A store that is deleted while it is open is made anew, empty, by the next call.

Its methods block: a write for a fraction of a millisecond and the disk's sync where it syncs, `inventory` for some 5 ms for
each thousand entries, and all of them for up to `PATIENCE` when another process hangs while it writes. Asyncio code calls
them as they are, from one thread. Every method may raise `StoreError`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from sqlalchemy import Connection

from reconciler.core.inventory import Entry, Inventory
from reconciler.core.outcomes import Outcome
from reconciler.store import inventory_rows, journal_rows
from reconciler.store.connections import Connections, Place
from reconciler.store.records import OutcomeRecord, PassRecord, PassStart


class Store:
    """One fleet's part of an opened store.

    Args:
        place: where the store is.
        fleet: the fleet's code; others in the same store are neither seen nor touched.
    """

    def __init__(self, place: Place, fleet: str) -> None:
        self.where = place.where
        self._fleet = fleet
        self._running: dict[int, PassStart] = {}
        self._lost: set[int] = set()
        self._connections = Connections(place, self._carry_over)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close; another call would open it again."""
        self._connections.close()

    def inventory(self) -> Inventory:
        """Read all that is remembered of the fleet."""
        with self._connections.reading() as connection:
            return inventory_rows.read(connection, self._fleet)

    def clear(self, kind: str, code: str, server: str) -> None:
        """Before the first write to a database: it no longer counts as verified. On the disk when this returns."""
        with self._connections.writing(durable=True) as connection:
            inventory_rows.clear(connection, self._fleet, kind, code, server)

    def verified(self, kind: str, code: str, server: str, target: str, digest: str, at: datetime) -> None:
        """After a look found a database to match its spec."""
        with self._connections.writing() as connection:
            inventory_rows.put(connection, self._fleet, Entry(kind, code, server, target, digest, at))

    def server_state(self, server: str, state: str) -> None:
        """The declared state that is now in force."""
        with self._connections.writing() as connection:
            inventory_rows.put_server_state(connection, self._fleet, server, state)

    def listing(self, server: str, names: Sequence[str], at: datetime) -> None:
        """What the host listed at the end of a pass."""
        with self._connections.writing() as connection:
            inventory_rows.put_listing(connection, self._fleet, server, names, at)

    def begin_pass(
        self, command: str, at: datetime, tool_version: str, fleet_digest: str, revision: str | None = None
    ) -> int:
        """Write down that a pass begins and return its number."""
        start = PassStart(at, command, tool_version, fleet_digest, revision)
        with self._connections.writing() as connection:
            number = journal_rows.add_pass(connection, self._fleet, start)
        self._running[number] = start
        return number

    def record_outcome(self, pass_id: int, outcome: Outcome, at: datetime) -> None:
        """Write down how an action ended."""
        with self._connections.writing() as connection:
            if pass_id not in self._lost:
                journal_rows.add_outcome(connection, pass_id, outcome, at)

    def end_pass(self, pass_id: int, at: datetime) -> None:
        """Write down that a pass has ended."""
        with self._connections.writing() as connection:
            if pass_id not in self._lost:
                journal_rows.end_pass(connection, pass_id, at)
        self._running.pop(pass_id, None)
        self._lost.discard(pass_id)

    def passes(self, limit: int = 100) -> tuple[PassRecord, ...]:
        """Read the last passes, newest first."""
        with self._connections.reading() as connection:
            return journal_rows.read_passes(connection, self._fleet, limit)

    def outcomes(
        self, kind: str | None = None, code: str | None = None, *, pass_id: int | None = None, limit: int = 100
    ) -> tuple[OutcomeRecord, ...]:
        """Read the last outcomes, newest first: all, or of one kind, document or pass."""
        with self._connections.reading() as connection:
            return journal_rows.read_outcomes(
                connection, self._fleet, kind=kind, code=code, pass_id=pass_id, limit=limit
            )

    def _carry_over(self, connection: Connection) -> None:
        """Write running passes into a store that took the place of a deleted one, so that their outcomes have a home.

        A number that another process has given to a pass of its own meanwhile stays that one's: ours goes unrecorded.
        """
        for number, start in self._running.items():
            if journal_rows.has_pass(connection, number):
                self._lost.add(number)
            else:
                journal_rows.add_pass(connection, self._fleet, start, number)
                self._lost.discard(number)
