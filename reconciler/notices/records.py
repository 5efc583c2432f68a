"""What the journal gives back: passes, outcomes and notices as they were written down.

Verbs, reasons, results and names are plain text here: an old journal may name some that this version no longer has.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PassStart:
    """What is known of a pass when it begins.

    `revision` is the commit, where the fleet comes from git; `ran_by` account and machine, None where an old version ran it.
    """

    started_at: datetime
    command: str
    tool_version: str
    fleet_digest: str
    revision: str | None = None
    ran_by: str | None = None


@dataclass(frozen=True, slots=True)
class PassRecord:
    """One pass. Without an end it is still running, or was killed; its counts are right all the same."""

    id: int
    started_at: datetime
    ended_at: datetime | None
    command: str
    tool_version: str
    fleet_digest: str
    revision: str | None
    ran_by: str | None
    done: int
    failed: int
    unknown: int
    skipped: int


@dataclass(frozen=True, slots=True)
class OutcomeRecord:
    """The end of one action; see `reconciler.core.model.outcomes`.

    `changes` are field, observed, desired. `command`, `ran_by` and `revision` are those of its pass: who did it, by which text.
    """

    pass_id: int
    at: datetime
    action_id: str
    verb: str
    kind: str
    code: str
    server: str
    database: str
    becomes: str
    reason: str
    result: str
    detail: str
    seconds: float
    changes: tuple[tuple[str, str, str], ...]
    revision: str | None
    command: str
    ran_by: str | None


@dataclass(frozen=True, slots=True)
class NoticeRecord:
    """One notice; see `reconciler.notices.notices`."""

    id: int
    at: datetime
    name: str
    level: str
    detail: str
    kind: str
    code: str
    server: str
    revision: str
    fields: tuple[str, ...]
