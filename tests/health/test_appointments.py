"""Looks are spread over the interval, each code at its own moment, the same in every process."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from reconciler.health.appointments import next_due
from tests.harness.virtual_time import EPOCH

QUARTER = timedelta(minutes=15)
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- zoned by it
CODES = st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True)


@given(CODES, MOMENTS, st.integers(1, 1440))
def test_the_next_moment_is_later_and_at_most_one_interval_away(code: str, after: datetime, minutes: int) -> None:
    interval = timedelta(minutes=minutes)
    due = next_due(code, after, interval)
    assert after < due <= after + interval
    assert next_due(code, due, interval) == due + interval


def test_it_is_the_same_in_every_process() -> None:
    assert next_due("prod-1", EPOCH, QUARTER) == datetime(2026, 11, 24, 12, 8, 57, tzinfo=UTC)


def test_many_codes_are_spread_evenly() -> None:
    starts = [next_due(f"prod-{n}", EPOCH, QUARTER) - EPOCH - timedelta(seconds=1) for n in range(1500)]
    minutes = Counter(start // timedelta(minutes=1) for start in starts)
    assert set(minutes) == set(range(15))
    assert max(minutes.values()) < 150
    assert min(minutes.values()) > 50
