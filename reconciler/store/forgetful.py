"""Remembering for the length of one run: what `--store none` gives.

What was cleared or verified in this run counts in this run; the next one starts with nothing and looks at everything again.
So did pauses. History goes nowhere, so that a long run does not grow.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Self

from reconciler.access.tokens import Token
from reconciler.core.model.inventory import Entry, Inventory, Usage
from reconciler.core.model.outcomes import Outcome
from reconciler.core.model.pauses import Pause
from reconciler.core.policies.backup_times import BackupRecord
from reconciler.core.policies.due_backups import Key
from reconciler.health.verdicts import HealthRecord
from reconciler.notices.notices import Notice
from reconciler.notices.records import NoticeRecord, OutcomeRecord, PassRecord


class NoMemory:
    """Has the methods of `Store`, and forgets with the process. Those of history take whatever `Store`'s do."""

    where = "none"

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str, str], Entry] = {}
        self._server_states: dict[str, str] = {}
        self._listings: dict[str, tuple[str, ...]] = {}
        self._pauses: dict[tuple[str, str], Pause] = {}
        self._usage: dict[str, Usage] = {}
        self._tokens: dict[str, Token] = {}
        self._backups: dict[Key, BackupRecord] = {}
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close: nothing is open."""

    def inventory(self) -> Inventory:
        """Return a copy of what is remembered; it does not change with what is remembered later."""
        states, listings, pauses = dict(self._server_states), dict(self._listings), dict(self._pauses)
        return Inventory(dict(self._entries), states, listings, pauses, dict(self._usage))

    def used(self, code: str, used: Usage) -> None:
        """After an instance was measured: what it uses."""
        self._usage[code] = used

    def clear(self, kind: str, code: str, server: str) -> None:
        """Before the first write to a database: it no longer counts as verified."""
        entry = self._entries.get((kind, code, server))
        if entry is not None:
            self._entries[kind, code, server] = replace(entry, digest="")

    def verified(self, kind: str, code: str, server: str, target: str, digest: str, at: datetime) -> None:
        """After a look found a database to match its spec."""
        self._entries[kind, code, server] = Entry(kind, code, server, target, digest, at)

    def forget(self, kind: str, code: str) -> tuple[Entry, ...]:
        """No longer expect the databases of a document, or those on a server; return what was remembered of them."""
        keys = [k for k in self._entries if (k[2] == code if kind == "server" else k[:2] == (kind, code))]
        if kind == "instance":
            self._usage.pop(code, None)
        if kind == "server":
            self._server_states.pop(code, None)
            self._listings.pop(code, None)
        for record in [r for r in self._backups.values() if code == (r.server if kind == "server" else r.code)]:
            if kind in ("server", record.kind):
                del self._backups[record.key]
        found = [self._entries.pop(key) for key in keys]
        return tuple(sorted(found, key=lambda entry: (entry.server, entry.target)))

    def server_state(self, server: str, state: str) -> None:
        """The declared state that is now in force."""
        self._server_states[server] = state

    def listing(self, server: str, names: Sequence[str], at: datetime) -> None:
        """What the host listed at the end of a pass."""
        del at
        self._listings[server] = tuple(names)

    def pause(self, kind: str, code: str, reason: str, at: datetime) -> None:
        """Leave a document alone from now on; a pause goes on since it began, and keeps its reason unless there is a new one."""
        before = self._pauses.get((kind, code), Pause(kind, code, since=at))
        self._pauses[kind, code] = replace(before, reason=reason or before.reason)

    def pauses(self) -> Mapping[tuple[str, str], Pause]:
        """Return a copy of the pauses."""
        return dict(self._pauses)

    def resume(self, kind: str, code: str) -> bool:
        """End the pause of a document, and tell whether there was one."""
        return self._pauses.pop((kind, code), None) is not None

    def add_token(self, token: Token) -> None:
        """Let a token be used from now on."""
        self._tokens[token.hash] = token

    def tokens(self) -> tuple[Token, ...]:
        """Return what is kept of the tokens."""
        return tuple(self._tokens.values())

    def revoke_token(self, token_hash: str) -> bool:
        """Let a token be used no more, and tell whether there was one."""
        return self._tokens.pop(token_hash, None) is not None

    def backup_records(self) -> Mapping[Key, BackupRecord]:
        """Return a copy of what is known of backups and their proofs."""
        return dict(self._backups)

    def claim_backup(self, record: BackupRecord, at: datetime) -> bool:
        """Note that a try begins; false if another has begun since `record` was read."""
        now = self._backups.get(record.key, record)
        if (now.tries, now.tried_at) != (record.tries, record.tried_at):
            return False
        self._backups[record.key] = replace(record, tried_at=at, heard_at=at, tries=record.tries + 1)
        return True

    def put_backup(self, record: BackupRecord) -> None:
        """Note what is known of one kind of work on one database."""
        self._backups[record.key] = record

    def begin_pass(self, *_: object, **__: object) -> int:
        """Give a pass a number."""
        return next(self._numbers)

    def record_outcome(self, pass_id: int, outcome: Outcome, at: datetime) -> None:
        """Write nothing down."""

    def end_pass(self, pass_id: int, at: datetime) -> None:
        """Write nothing down."""

    def passes(self, *_: object, **__: object) -> tuple[PassRecord, ...]:
        """Know of no pass."""
        return ()

    def outcomes(self, *_: object, **__: object) -> tuple[OutcomeRecord, ...]:
        """Know of no outcome."""
        return ()

    def record_notice(self, notice: Notice, at: datetime) -> None:
        """Write nothing down."""

    def notices(self, *_: object, **__: object) -> tuple[NoticeRecord, ...]:
        """Know of no notice."""
        return ()

    def record_health(self, record: HealthRecord) -> None:
        """Write nothing down."""

    def health_history(self, *_: object, **__: object) -> tuple[HealthRecord, ...]:
        """Know of no look."""
        return ()

    def latest_health(self) -> Mapping[str, HealthRecord]:
        """Know of no look."""
        return {}

    def forget_history(self, *_: object) -> int:
        """Have nothing to forget."""
        return 0
