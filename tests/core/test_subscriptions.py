"""Where a subscription stands on a day, and what its end does: by text, plan and moment alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.policies import endings, subscriptions
from reconciler.core.policies.subscriptions import State
from reconciler.fleet.desired import Desired
from tests.core.scenes import desired, instance

ZONES = ("UTC", "Europe/Brussels", "America/New_York", "Pacific/Apia")


def fleet(subscription: Mapping[str, object], *, zone: str = "UTC", **plan: object) -> Desired:
    document = instance("acme", subscription=subscription, timezone=zone)
    text = desired(document)
    changed = text.plans["starter"].model_copy(update={"grace_days": 7, "on_expiry": "suspend", **plan})
    return text.having("plan", {"starter": changed})


def state(text: Desired, moment: datetime) -> State:
    found = subscriptions.standing(text, text.instances["acme"], moment.astimezone(UTC))
    assert found is not None
    return found.state


def noon(day: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("day", "stands"),
    [
        ("2025-12-31", State.UPCOMING),
        ("2026-01-01", State.ACTIVE),
        ("2026-12-01", State.ACTIVE),
        ("2026-12-02", State.EXPIRING),
        ("2026-12-31", State.EXPIRING),
        ("2027-01-01", State.GRACE),
        ("2027-01-07", State.GRACE),
        ("2027-01-08", State.EXPIRED),
    ],
)
def test_it_stands_where_its_days_and_the_grace_of_its_plan_put_it(day: str, stands: State) -> None:
    assert state(fleet({"start": "2026-01-01", "end": "2026-12-31"}), noon(day)) is stands


@pytest.mark.parametrize("zone", ZONES)
def test_a_year_hour_by_hour_changes_at_midnights_of_the_customer_alone(zone: str) -> None:
    """From before the change to summer time until after the change back."""
    text = fleet({"start": "2026-03-01", "end": "2026-10-24"}, zone=zone, grace_days=1)
    moment = datetime(2026, 2, 20, tzinfo=UTC)
    seen: list[tuple[datetime, State]] = []
    while moment < datetime(2027, 1, 1, tzinfo=UTC):
        if not seen or seen[-1][1] is not state(text, moment):
            seen.append((moment.astimezone(ZoneInfo(zone)), state(text, moment)))
        moment += timedelta(minutes=30)
    assert [(f"{at:%m-%d %H:%M}", now) for at, now in seen[1:]] == [
        ("03-01 00:00", State.ACTIVE),
        ("09-25 00:00", State.EXPIRING),
        ("10-25 00:00", State.GRACE),
        ("10-26 00:00", State.EXPIRED),
    ]


@pytest.mark.parametrize(
    ("period", "end", "on", "term"),
    [
        ("month", "2026-01-31", "2026-02-10", ("2026-02-01", "2026-02-28")),
        ("month", "2026-01-31", "2026-03-31", ("2026-03-01", "2026-03-31")),
        ("month", "2026-02-28", "2026-03-10", ("2026-03-01", "2026-03-31")),
        ("month", "2026-01-14", "2026-02-15", ("2026-02-15", "2026-03-14")),
        ("month", "2026-01-30", "2026-02-20", ("2026-01-31", "2026-02-28")),
        ("quarter", "2026-03-31", "2026-06-01", ("2026-04-01", "2026-06-30")),
        ("year", "2028-02-29", "2029-02-28", ("2028-03-01", "2029-02-28")),
        ("year", "2028-02-29", "2032-02-29", ("2031-03-01", "2032-02-29")),
        ("year", "2026-12-31", "2026-06-01", ("2026-01-01", "2026-12-31")),
    ],
)
def test_one_that_renews_itself_is_in_the_term_of_the_day(
    period: str, end: str, on: str, term: tuple[str, str]
) -> None:
    text = fleet({"start": "2026-01-01", "end": end, "auto_renew": True}, period=period)
    found = subscriptions.standing(text, text.instances["acme"], noon(on))
    assert found is not None
    assert (str(found.start), str(found.end), found.over, found.state) == (*term, None, State.ACTIVE)


@given(st.dates(date(2026, 1, 1), date(2030, 1, 1)), st.integers(0, 400), st.integers(0, 4000))
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
def test_terms_follow_one_another_without_a_gap(start: date, length: int, later: int) -> None:
    end = start + timedelta(days=length)
    text = fleet({"start": str(start), "end": str(end), "auto_renew": True}, period="month")
    acme, moment = text.instances["acme"], datetime.combine(start, datetime.min.time(), UTC) + timedelta(days=later)
    found = subscriptions.standing(text, acme, moment)
    assert found is not None
    assert found.end is not None
    assert found.start <= moment.date() <= found.end
    after = subscriptions.standing(text, acme, moment + timedelta(days=(found.end - moment.date()).days + 1))
    assert after is not None
    assert after.start == found.end + timedelta(days=1)


def test_what_is_over_counts_as_suspended_if_the_plan_says_so_and_nothing_else_does() -> None:
    over = {"start": "2026-01-01", "end": "2026-01-31"}

    def counting(text: Desired) -> str:
        return endings.in_force(text, noon("2026-06-01")).instances["acme"].state

    assert counting(fleet(over)) == "suspended"
    assert counting(fleet(over, on_expiry="warn")) == "active"
    assert counting(fleet({**over, "auto_renew": True})) == "active"
    assert counting(fleet({"start": "2026-01-01"})) == "active"
    assert counting(fleet(over, grace_days=120)) == "suspended"
    assert counting(fleet(over, grace_days=121)) == "active"


@pytest.mark.parametrize(
    ("day", "told"),
    [
        ("2026-12-01", ""),
        ("2026-12-02", "ends on 2026-12-31 (within 30 days): suspended on 2027-01-08"),
        ("2026-12-24", "ends on 2026-12-31 (within 30 days): suspended on 2027-01-08"),
        ("2026-12-25", "ends on 2026-12-31 (within 7 days): suspended on 2027-01-08"),
        ("2026-12-31", "ends on 2026-12-31 (within a day): suspended on 2027-01-08"),
        ("2027-01-01", "ended on 2026-12-31: suspended on 2027-01-08"),
    ],
)
def test_its_end_is_told_30_7_and_1_days_before(day: str, told: str) -> None:
    text = fleet({"start": "2026-01-01", "end": "2026-12-31"})
    said = subscriptions.told(text, text.instances["acme"], noon(day))
    assert said.removeprefix("the subscription of instance/acme ") == told


def test_one_that_only_warns_says_that_nothing_is_done() -> None:
    text = fleet({"start": "2026-01-01", "end": "2026-12-31"}, on_expiry="warn")
    said = subscriptions.told(text, text.instances["acme"], noon("2027-03-01"))
    assert said == "the subscription of instance/acme ended on 2026-12-31: nothing is done (`on_expiry: warn`)"
