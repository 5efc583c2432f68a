"""When a database is backed up and when a backup of it is proven: by its policy, what is known of it, and a given moment.

What counts is whether a backup was made since the last time that the schedule names, not whether somebody was awake at that
time. So a time that was missed is made up for, once however many were missed, and a clock that jumps makes no row of backups.
"""

from __future__ import annotations

import functools
import zlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from cronsim import CronSim

from reconciler.core.model.addressed import Addressed
from reconciler.core.policies.endings import CLOCKS_MAY_DIFFER
from schemas.backups import BackupPolicy

FIRST_PATIENCE = timedelta(minutes=10)
STILL_HEARD = timedelta(minutes=5)
LONGEST_PATIENCE = timedelta(hours=6)
_MOST_DOUBLINGS = 10

_DAYS = {"daily": 1, "weekly": 7, "monthly": 30}
_ONE_SECOND = timedelta(seconds=1)
_REMEMBERED = 50_000


class Work(StrEnum):
    """What is done for a database."""

    BACKUP = "backup"
    PROOF = "proof"


@dataclass(frozen=True, slots=True)
class BackupRecord(Addressed):
    """What is known of one kind of work on one database.

    Args:
        kind: of its document.
        code: of its document.
        server: where the database is.
        work: what is done.
        good_at: when the last good backup was taken, or the last proof succeeded; as the catalogue says it.
        tried_at: when the last try began, or failed; None once one was good.
        heard_at: when a try that goes on was last heard of; None while none does.
        tries: how many have begun since one was good.
        problem: why the last one failed; empty once one was good.
    """

    kind: str
    code: str
    server: str
    work: Work
    good_at: datetime | None = None
    tried_at: datetime | None = None
    heard_at: datetime | None = None
    tries: int = 0
    problem: str = ""

    @property
    def key(self) -> tuple[str, str, str, Work]:
        """By what it is found."""
        return self.kind, self.code, self.server, self.work


def due_at(policy: BackupPolicy, zone: str | None, record: BackupRecord, now: datetime) -> datetime | None:
    """Return the moment from which on work is due; None if it is due since ever, as it was never done.

    Args:
        policy: how the database is backed up; one that proves nothing is not asked about proofs.
        zone: the time zone of its schedule; None is UTC.
        record: what is known of it. What a wrong clock dated later than now does not count.
        now: the time of day.
    """
    good = record.good_at
    if good is None or good >= now + CLOCKS_MAY_DIFFER:
        return None
    if record.work is Work.BACKUP:
        return next_time(policy.schedule, zone, good)
    return _first_of_period(policy.schedule, zone, good, _DAYS[policy.verify], zlib.crc32(record.address.encode()))


def may_begin(record: BackupRecord, now: datetime) -> bool:
    """Tell whether work may be tried: not where it is under way, and not soon after it failed.

    A try that has begun counts as one that failed until it is good: what ends the whole process is not tried over and over.
    What a clock that was wrong dated later than now holds nothing up.
    """
    if is_under_way(record, now):
        return False
    if record.tried_at is None or record.tried_at > now + FIRST_PATIENCE:
        return True
    return now >= again_at(record)


def is_under_way(record: BackupRecord, now: datetime) -> bool:
    """Tell whether a try goes on somewhere, as far as was heard of it; who tries lets hear more often than this lasts."""
    return record.heard_at is not None and abs(now - record.heard_at) < STILL_HEARD


def again_at(record: BackupRecord) -> datetime:
    """Return the moment from which on what has begun may be tried again."""
    assert record.tried_at is not None
    doublings = min(max(record.tries - 1, 0), _MOST_DOUBLINGS)
    patience: timedelta = FIRST_PATIENCE * 2**doublings
    return record.tried_at + min(patience, LONGEST_PATIENCE)


@functools.lru_cache(_REMEMBERED)
def next_time(schedule: str, zone: str | None, after: datetime) -> datetime:
    """Return the first time of a schedule that is later than a moment, UTC.

    As with cron of Debian, a time that a clock change leaves out comes right after the change, and one that comes twice
    counts once, unless the schedule names every hour.
    """
    coming: datetime = next(CronSim(schedule, after.astimezone(_zone(zone))))
    return coming.astimezone(UTC)


@functools.lru_cache(_REMEMBERED)
def _first_of_period(schedule: str, zone: str | None, after: datetime, days: int, own: int) -> datetime:
    """Return the first time of a schedule in the next of the periods that `own` places, so that not all begin on one day."""
    today = after.astimezone(_zone(zone)).date().toordinal()
    begins = date.fromordinal(today + 1 + (own - today - 1) % days)
    midnight = datetime.combine(begins, time(), _zone(zone)).astimezone(UTC)
    return next_time(schedule, zone, midnight - _ONE_SECOND)


def _zone(name: str | None) -> ZoneInfo:
    return ZoneInfo(name or "UTC")
