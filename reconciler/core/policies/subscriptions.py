"""Where a subscription stands on a day: from its text, its plan and a moment. Nothing is written back into the text.

Days are those of the instance's time zone. A term includes its last day; what follows it begins at the midnight after.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo

from reconciler.fleet.desired import Desired
from schemas.instance import Instance, Subscription
from schemas.plan import Period

_MONTHS: dict[Period, int] = {"month": 1, "quarter": 3, "year": 12}
_DAY = timedelta(days=1)

WARNED = {1: "within a day", 7: "within 7 days", 30: "within 30 days"}
"""How many days before a term ends that is told, each in words that stay the same until it is told again."""


class State(StrEnum):
    """Where a subscription stands."""

    UPCOMING = "upcoming"
    ACTIVE = "active"
    EXPIRING = "expiring"  # it ends within 30 days, and does not renew itself
    GRACE = "in grace"  # its last day is over, and it is still in service
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class SubscriptionState:
    """A subscription on a day.

    `start` and `end` are those of the term of that day, both included, `end` None without one; `over` is the day on which the
    grace is over, of a subscription that ends; `suspends` says whether it goes out of service then.
    """

    state: State
    start: date
    end: date | None
    renews: bool
    over: date | None
    suspends: bool


def today(instance: Instance, now: datetime) -> date:
    """Return the day that it is where an instance's customer is."""
    return now.astimezone(zone_of(instance)).date()


def zone_of(instance: Instance) -> tzinfo:
    """Return the time zone of an instance: UTC where its text names none."""
    return ZoneInfo(instance.timezone) if instance.timezone else UTC


def standing(desired: Desired, instance: Instance, now: datetime) -> SubscriptionState | None:
    """Say where an instance's subscription stands at a moment (UTC); None without one."""
    subscription = instance.subscription
    if subscription is None:
        return None
    plan, day = desired.plans[instance.plan], today(instance, now)
    start, end = _term(subscription, plan.period, day)
    over = None if end is None or subscription.auto_renew else end + _DAY + timedelta(days=plan.grace_days)
    state = _state(start, end, over, day)
    return SubscriptionState(state, start, end, subscription.auto_renew, over, plan.on_expiry == "suspend")


def is_over(desired: Desired, instance: Instance, now: datetime) -> bool:
    """Tell whether a subscription that has ended takes its instance out of service."""
    if instance.subscription is None or instance.subscription.end is None:  # of ten thousand, most
        return False
    found = standing(desired, instance, now)
    return found is not None and found.suspends and found.state is State.EXPIRED


def told(desired: Desired, instance: Instance, now: datetime) -> str:
    """Say what a person should know of a subscription now: that it ends soon, or has ended; or nothing."""
    found = standing(desired, instance, now)
    if found is None or found.over is None or found.end is None:
        return ""
    what = f"the subscription of {instance.address}"
    then = f"suspended on {found.over}" if found.suspends else "nothing is done then (`on_expiry: warn`)"
    if found.state is State.EXPIRING:
        left = (found.end - today(instance, now)).days + 1
        return f"{what} ends on {found.end} ({next(words for days, words in WARNED.items() if left <= days)}): {then}"
    if found.state in (State.GRACE, State.EXPIRED):
        return f"{what} ended on {found.end}: {then.replace(' then', '')}"
    return ""


def _state(start: date, end: date | None, over: date | None, day: date) -> State:
    if day < start:
        return State.UPCOMING
    if end is None or over is None:
        return State.ACTIVE
    if day >= over:
        return State.EXPIRED
    if day > end:
        return State.GRACE
    return State.EXPIRING if (end - day).days < max(WARNED) else State.ACTIVE


def _term(subscription: Subscription, period: Period, day: date) -> tuple[date, date | None]:
    """Return the first and the last day of the term of a day: of one that renews itself, the one that the day is in."""
    start, end = subscription.start, subscription.end
    if end is None or not subscription.auto_renew:
        return start, end
    for renewed in _renewals(end, _MONTHS[period]):
        if day <= renewed:
            return start, renewed
        start = renewed + _DAY
    raise AssertionError("the calendar ends before its term")


def _renewals(end: date, months: int) -> Iterator[date]:
    """Yield the last days of the terms: on the same day of the month as the first, or the month's last if it has no such day.

    A term that ends with a month goes on ending with months: 28 February is followed by 31 March.
    """
    with_month = end.day == monthrange(end.year, end.month)[1]
    for number in range(12 * (date.max.year - end.year)):
        year, month = divmod(12 * end.year + end.month - 1 + months * number, 12)
        last = monthrange(year, month + 1)[1]
        yield date(year, month + 1, last if with_month else min(end.day, last))
