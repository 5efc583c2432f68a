"""Which backups are kept: nothing that a rule keeps is ever removed, and nothing more than the rules keep stays."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from reconciler.backups.retention import kept
from schemas.backups import Keep

NIGHT = datetime(2026, 11, 29, 2, 30, tzinfo=UTC)
MOMENTS = st.lists(
    st.integers(0, 60 * 24 * 800).map(lambda minutes: NIGHT - timedelta(minutes=minutes)), max_size=60, unique=True
)
RULES = st.builds(
    Keep, last=st.integers(1, 5), daily=st.integers(0, 9), weekly=st.integers(0, 6), monthly=st.integers(0, 14)
)


def test_two_years_of_nights_become_the_last_days_weeks_and_months() -> None:
    nights = [NIGHT - timedelta(days=days) for days in range(730)]
    left = kept(nights, Keep(last=3, daily=7, weekly=4, monthly=12))
    ages = sorted((NIGHT - moment).days for moment in left)
    assert ages[:10] == [0, 1, 2, 3, 4, 5, 6, 7, 14, 21], "seven days, then the Sundays of three weeks before"
    assert len(left) == 10 + 11, "this month's newest is one of the days; of eleven months before the last day of each"
    assert all((moment + timedelta(days=1)).day == 1 for moment in left if (NIGHT - moment).days > 21)


def test_a_pause_of_months_takes_nothing_away() -> None:
    old = [NIGHT - timedelta(days=200 + days) for days in range(7)]
    assert kept(old, Keep(last=1, daily=7, weekly=0, monthly=0)) == set(old)


@given(MOMENTS, RULES)
def test_the_newest_always_stay(taken: list[datetime], keep: Keep) -> None:
    assert set(sorted(taken, reverse=True)[: keep.last]) <= kept(taken, keep) <= set(taken)


@given(MOMENTS, RULES)
def test_no_more_stay_than_all_rules_together_keep(taken: list[datetime], keep: Keep) -> None:
    assert len(kept(taken, keep)) <= keep.last + keep.daily + keep.weekly + keep.monthly


@given(MOMENTS, RULES)
def test_what_was_removed_is_not_missed_later(taken: list[datetime], keep: Keep) -> None:
    """Thinning out what is left removes nothing more, in whatever order it is done."""
    left = kept(taken, keep)
    assert kept(left, keep) == left


@given(MOMENTS, RULES, st.integers(0, 60 * 24 * 3))
def test_one_more_backup_never_makes_an_older_one_stay_that_was_to_go(
    taken: list[datetime], keep: Keep, minutes: int
) -> None:
    newer = NIGHT + timedelta(minutes=minutes + 1)
    assert kept([*taken, newer], keep) - {newer} <= kept(taken, keep)


@given(MOMENTS, RULES)
def test_each_rule_keeps_the_newest_of_its_periods(taken: list[datetime], keep: Keep) -> None:
    days = sorted({moment.date() for moment in taken}, reverse=True)[: keep.daily]
    assert {max(m for m in taken if m.date() == day) for day in days} <= kept(taken, keep)
