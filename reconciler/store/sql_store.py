"""The store: the engine's memory of one fleet, its pauses and its history, in SQLite or PostgreSQL.

What takes trust away (`clear`) is on the disk before it returns, for then a host may be written to; and so is what a person
asked for (pauses, tokens). What gives trust or tells history is committed, so that no process's death loses it, but the last of
it may be lost to a power cut: then something is looked at once more. A store that is deleted while it is open is
made anew, empty: a file by the next call, tables on a server by the one after the call that finds them gone and says so.

Its methods block: a write for a millisecond and the disk's sync where it syncs, `inventory` for some 5 ms for each thousand
entries, and all of them for up to `PATIENCE` when another process hangs while it writes or a server is slow to answer.
Asyncio code has them called in a thread of their own (`threads`). Every method may raise `StoreError`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from sqlalchemy import Connection

from reconciler.access.tokens import Token
from reconciler.core.model.inventory import Entry, Inventory, Usage
from reconciler.core.model.outcomes import Outcome
from reconciler.core.model.pauses import Pause
from reconciler.core.policies.backup_times import BackupRecord
from reconciler.core.policies.due_backups import Key
from reconciler.health.verdicts import HealthRecord
from reconciler.notices.notices import Notice
from reconciler.notices.records import NoticeRecord, OutcomeRecord, PassRecord, PassStart
from reconciler.store import backup_rows, health_rows, inventory_rows, journal_rows, token_rows
from reconciler.store.connections import Connections, StorePlace

_AT_A_TIME = 5000
"""Rows that are deleted in one transaction: some 50 ms, during which others wait."""


class Store:
    """One fleet's part of an opened store.

    Args:
        place: where the store is.
        fleet: the fleet's code; others in the same store are neither seen nor touched.
    """

    def __init__(self, place: StorePlace, fleet: str) -> None:
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

    def forget(self, kind: str, code: str) -> tuple[Entry, ...]:
        """No longer expect the databases of a document, or those on a server; return what was remembered of them."""
        with self._connections.writing(durable=True) as connection:
            backup_rows.forget(connection, self._fleet, kind, code)
            return inventory_rows.forget(connection, self._fleet, kind, code)

    def server_state(self, server: str, state: str) -> None:
        """The declared state that is now in force."""
        with self._connections.writing() as connection:
            inventory_rows.put_server_state(connection, self._fleet, server, state)

    def listing(self, server: str, names: Sequence[str], at: datetime) -> None:
        """What the host listed at the end of a pass."""
        with self._connections.writing() as connection:
            inventory_rows.put_listing(connection, self._fleet, server, names, at)

    def used(self, code: str, used: Usage) -> None:
        """After an instance was measured: what it uses."""
        with self._connections.writing() as connection:
            inventory_rows.put_usage(connection, self._fleet, code, used)

    def pause(self, kind: str, code: str, reason: str, at: datetime) -> None:
        """Leave a document alone from now on. On the disk when this returns.

        Where it is paused already, the pause goes on since it began; a reason replaces the former one, an empty one does not.
        """
        with self._connections.writing(durable=True) as connection:
            inventory_rows.put_pause(connection, self._fleet, Pause(kind, code, reason, at))

    def pauses(self) -> Mapping[tuple[str, str], Pause]:
        """Read the pauses alone: what `inventory` has of them, without all the rest."""
        with self._connections.reading() as connection:
            return inventory_rows.read_pauses(connection, self._fleet)

    def resume(self, kind: str, code: str) -> bool:
        """End the pause of a document, and tell whether there was one. On the disk when this returns."""
        with self._connections.writing(durable=True) as connection:
            return inventory_rows.drop_pause(connection, self._fleet, kind, code)

    def add_token(self, token: Token) -> None:
        """Let a token be used from now on. On the disk when this returns."""
        with self._connections.writing(durable=True) as connection:
            token_rows.add(connection, self._fleet, token)

    def tokens(self) -> tuple[Token, ...]:
        """Read what is kept of the tokens, the oldest first; those that have ended too."""
        with self._connections.reading() as connection:
            return token_rows.read(connection, self._fleet)

    def revoke_token(self, token_hash: str) -> bool:
        """Let a token be used no more, and tell whether there was one. On the disk when this returns."""
        with self._connections.writing(durable=True) as connection:
            return token_rows.remove(connection, self._fleet, token_hash)

    def backup_records(self) -> Mapping[Key, BackupRecord]:
        """Read what is known of backups and their proofs."""
        with self._connections.reading() as connection:
            return backup_rows.read(connection, self._fleet)

    def claim_backup(self, record: BackupRecord, at: datetime) -> bool:
        """Write down that a try begins; false if another process has begun one since `record` was read."""
        with self._connections.writing() as connection:
            return backup_rows.claim(connection, self._fleet, record, at)

    def put_backup(self, record: BackupRecord) -> None:
        """Write down what is known of one kind of work on one database."""
        with self._connections.writing() as connection:
            backup_rows.put(connection, self._fleet, record)

    def begin_pass(
        self,
        command: str,
        at: datetime,
        tool_version: str,
        fleet_digest: str,
        revision: str | None = None,
        ran_by: str | None = None,
    ) -> int:
        """Write down that a pass begins and return its number."""
        start = PassStart(at, command, tool_version, fleet_digest, revision, ran_by)
        with self._connections.writing() as connection:
            number = journal_rows.add_pass(connection, self._fleet, start)
        self._running[number] = start
        return number

    def record_outcome(self, pass_id: int, outcome: Outcome, at: datetime) -> None:
        """Write down how an action ended."""
        with self._connections.writing() as connection:
            if pass_id not in self._lost:
                journal_rows.add_outcome(connection, self._fleet, pass_id, outcome, at)

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
        self,
        kind: str | None = None,
        code: str | None = None,
        *,
        server: str | None = None,
        reason: str | None = None,
        result: str | None = None,
        since: datetime | None = None,
        limit: int = 100,
    ) -> tuple[OutcomeRecord, ...]:
        """Read the last outcomes, newest first: all, or those that fit everything that is given."""
        wanted = {"kind": kind, "code": code, "server": server, "reason": reason, "result": result}
        with self._connections.reading() as connection:
            return journal_rows.read_outcomes(connection, self._fleet, wanted, since=since, limit=limit)

    def record_notice(self, notice: Notice, at: datetime) -> None:
        """Write down what operators are told."""
        with self._connections.writing() as connection:
            journal_rows.add_notice(connection, self._fleet, notice, at)

    def notices(
        self,
        kind: str | None = None,
        code: str | None = None,
        *,
        server: str | None = None,
        names: Collection[str] = (),
        but_levels: Collection[str] = (),
        since: datetime | None = None,
        limit: int = 100,
    ) -> tuple[NoticeRecord, ...]:
        """Read the last notices, newest first: all, or those that fit everything that is given; `but_levels` are left out."""
        wanted = {"kind": kind, "code": code, "server": server}
        with self._connections.reading() as connection:
            return journal_rows.read_notices(
                connection, self._fleet, wanted, names, but_levels, since=since, limit=limit
            )

    def record_health(self, record: HealthRecord) -> None:
        """Write down a look at a server's health."""
        with self._connections.writing() as connection:
            health_rows.add(connection, self._fleet, record)

    def health_history(self, server: str | None = None, *, limit: int = 100) -> tuple[HealthRecord, ...]:
        """Read the last looks at the health of all servers or of one, newest first."""
        with self._connections.reading() as connection:
            return health_rows.read(connection, self._fleet, server=server, limit=limit)

    def latest_health(self) -> Mapping[str, HealthRecord]:
        """Read the last look at each server's health, by server, however long ago it was."""
        with self._connections.reading() as connection:
            return health_rows.read_latest(connection, self._fleet)

    def forget_history(self, before: datetime) -> int:
        """Delete older passes with their outcomes, older notices and older looks at health; return how many rows.

        A pass is as old as its end, and without one as its last outcome. Passes that this process runs, the last look at each
        server, and everything that is no history (entries, states, listings, pauses, tokens) stay. Done in steps, so that no
        other process waits for long: what fails in the middle has forgotten a part.
        """
        return (
            self._delete_all(lambda c: journal_rows.forget(c, self._fleet, before, list(self._running), _AT_A_TIME))
            + self._delete_all(lambda c: journal_rows.forget_notices(c, self._fleet, before, _AT_A_TIME))
            + self._delete_all(lambda c: health_rows.forget(c, self._fleet, before, _AT_A_TIME))
        )

    def _delete_all(self, delete_some: Callable[[Connection], int]) -> int:
        deleted = 0
        while True:
            with self._connections.writing() as connection:
                count = delete_some(connection)
            if count <= 0:
                return deleted
            deleted += count

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
