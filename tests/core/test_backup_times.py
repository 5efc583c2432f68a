"""When a backup is due: by its schedule, the last good one and a clock that may do anything."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.policies import backup_times
from reconciler.core.policies.backup_times import BackupRecord, Work
from schemas.backups import BackupPolicy, Rhythm

NIGHT = BackupPolicy()
ZONES = ["UTC", "Europe/Brussels", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia"]
SCHEDULES = ["30 2 * * *", "0 * * * *", "*/20 * * * *", "0 4 * * 0", "15 3 1 * *", "0 0 * * *", "59 23 31 12 *"]

RHYTHMS: list[Rhythm] = ["daily", "weekly", "monthly"]

zones = st.sampled_from(ZONES)
schedules = st.sampled_from(SCHEDULES)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
lengths = st.timedeltas(timedelta(0), timedelta(days=800))


def record(good_at: datetime | None, work: Work = Work.BACKUP, **more: object) -> BackupRecord:
    return BackupRecord("instance", "acme", "one", work, good_at, **more)  # type: ignore[arg-type]


def due(good_at: datetime | None, now: datetime, policy: BackupPolicy = NIGHT, zone: str | None = None) -> bool:
    moment = backup_times.due_at(policy, zone, record(good_at), now)
    return moment is None or moment <= now


def at(text: str, zone: str = "Europe/Brussels") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def test_what_was_never_backed_up_is_due_at_once() -> None:
    assert due(None, datetime(2026, 11, 29, 12, tzinfo=UTC))


@pytest.mark.parametrize(
    ("good", "now", "is_due"),
    [
        ("2026-11-28T02:30:10", "2026-11-29T02:29:59", False),
        ("2026-11-28T02:30:10", "2026-11-29T02:30:00", True),
        ("2026-11-29T02:30:00", "2026-11-29T23:00:00", False),
        ("2026-11-28T22:00:00", "2026-11-29T02:30:00", True),
        # The night in which 02:30 does not exist: right after the change, and once.
        ("2026-03-28T02:30:01", "2026-03-29T01:59:59", False),
        ("2026-03-28T02:30:01", "2026-03-29T03:00:00", True),
        ("2026-03-29T03:00:01", "2026-03-29T03:31:00", False),
    ],
)
def test_it_is_due_at_the_times_of_its_schedule_by_the_clock_of_its_time_zone(
    good: str, now: str, *, is_due: bool
) -> None:
    assert due(at(good), at(now), zone="Europe/Brussels") is is_due


def test_in_the_night_in_which_its_time_comes_twice_it_is_due_once() -> None:
    first = datetime(2026, 10, 25, 0, 30, 5, tzinfo=UTC)  # 02:30:05 in summer time
    assert due(at("2026-10-24T02:30:05"), first, zone="Europe/Brussels")
    assert not due(first, first + timedelta(hours=1, minutes=5), zone="Europe/Brussels")
    assert due(first, at("2026-10-26T02:30:00"), zone="Europe/Brussels")


@given(schedules, zones, moments, lengths)
def test_however_many_times_were_missed_one_backup_makes_up_for_them(
    schedule: str, zone: str, good: datetime, away: timedelta
) -> None:
    policy, now = BackupPolicy(schedule=schedule), good + away
    if due(good, now, policy, zone):
        assert not due(now, now, policy, zone)


@given(schedules, zones, moments, lengths, lengths)
def test_what_is_due_stays_due_until_it_is_made(
    schedule: str, zone: str, good: datetime, away: timedelta, longer: timedelta
) -> None:
    policy = BackupPolicy(schedule=schedule)
    if due(good, good + away, policy, zone):
        assert due(good, good + away + longer, policy, zone)


@given(schedules, zones, moments)
def test_the_next_time_is_later_and_never_further_than_a_leap_year_and_a_day(
    schedule: str, zone: str, good: datetime
) -> None:
    moment = backup_times.due_at(BackupPolicy(schedule=schedule), zone, record(good), good)
    assert moment is not None
    assert timedelta(0) < moment - good <= timedelta(days=367)


@given(zones, moments, lengths)
def test_every_night_is_one_backup_a_day_whatever_the_clocks_change(
    zone: str, start: datetime, length: timedelta
) -> None:
    good, made = start, 0
    while (moment := backup_times.due_at(NIGHT, zone, record(good), good)) and moment <= start + length:
        good, made = moment, made + 1
        if made > 1000:
            break
    assert abs(made - length.days) <= 2  # Apia left out a whole day


@given(moments, st.timedeltas(timedelta(days=1), timedelta(days=30_000)))
def test_what_a_wrong_clock_dated_into_the_future_does_not_count(now: datetime, ahead: timedelta) -> None:
    assert due(now + ahead, now)


@given(moments, st.timedeltas(-timedelta(days=5000), timedelta(days=5000)))
def test_a_clock_that_jumps_makes_one_backup_and_no_row_of_them(now: datetime, jump: timedelta) -> None:
    """Whatever is made after the jump is the last one, until the next time of the schedule as the clock has it then."""
    good, made = now, 0
    later = now + jump
    for minute in range(0, 24 * 60, 30):
        moment = later + timedelta(minutes=minute)
        if due(good, moment):
            good, made = moment, made + 1
    assert made <= 2


@given(st.sampled_from(RHYTHMS), schedules, zones, moments)
def test_a_proof_comes_at_a_time_of_the_schedule_within_its_rhythm(
    rhythm: Rhythm, schedule: str, zone: str, proven: datetime
) -> None:
    policy = BackupPolicy(schedule=schedule, verify=rhythm)
    moment = backup_times.due_at(policy, zone, record(proven, Work.PROOF), proven)
    assert moment is not None
    just_before = record(moment - timedelta(seconds=1))
    assert backup_times.due_at(policy, zone, just_before, moment) == moment
    days = {"daily": 1, "weekly": 7, "monthly": 30}[rhythm]
    begins = proven + timedelta(days=days + 2)
    latest = backup_times.due_at(policy, zone, record(begins), begins)
    assert latest is not None
    assert moment <= latest


def test_proofs_of_a_hundred_databases_are_spread_over_the_week() -> None:
    proven = datetime(2026, 11, 29, 3, tzinfo=UTC)
    moments = [
        backup_times.due_at(NIGHT, None, BackupRecord("instance", f"shop-{n}", "one", Work.PROOF, proven), proven)
        for n in range(100)
    ]
    days = [m.date() for m in moments if m is not None]
    assert len(set(days)) == 7
    assert max(days.count(day) for day in days) < 30


def test_what_failed_is_tried_again_with_growing_patience() -> None:
    now = datetime(2026, 11, 29, 3, tzinfo=UTC)
    waits = []
    for tries in range(1, 10):
        failed = record(None, tried_at=now, tries=tries)
        waits.append(next(m for m in range(1000) if backup_times.may_begin(failed, now + timedelta(minutes=m))))
    assert waits == [10, 20, 40, 80, 160, 320, 360, 360, 360]


@given(moments, st.integers(0, 10**9), lengths)
def test_a_try_that_is_dated_into_the_future_holds_nothing_up_for_long(
    now: datetime, tries: int, ahead: timedelta
) -> None:
    tried = record(None, tried_at=now + ahead, tries=tries)
    later = now + backup_times.FIRST_PATIENCE + backup_times.LONGEST_PATIENCE
    assert backup_times.may_begin(tried, now) or backup_times.may_begin(tried, later)
    assert backup_times.may_begin(record(None, tried_at=None, tries=tries), now)
