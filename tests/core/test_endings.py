"""When an instance expires, when that and the drop of trash are told, and whose clocks are believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from reconciler.core.deciding import Limits, decide
from reconciler.core.model import names, verbs
from reconciler.core.model.actions import Reason
from reconciler.core.model.changesets import Changeset, Left
from reconciler.core.model.inventory import NOTHING_REMEMBERED
from reconciler.core.model.observed import ObservedHost, host
from reconciler.core.policies import endings
from tests.core.one_instance import look_of, ready
from tests.core.scenes import NOW, desired, instance, observed, online

DAY = timedelta(days=1)
TRIAL = instance("acme", expires='"2026-11-30"', timezone="Europe/Brussels")
MIDNIGHT = datetime(2026, 11, 29, 23, 0, tzinfo=UTC)
"""In Brussels, in winter."""


def planned(document: str, found: ObservedHost, now: datetime, **fleet: str) -> Changeset:
    text = desired(document, **fleet)
    seen = observed(ready(text, found))
    seen = observed(*(host_at(each, now) for each in seen.hosts.values()))
    return decide(text, seen, NOTHING_REMEMBERED, now, Limits()).changeset


def host_at(found: ObservedHost, now: datetime) -> ObservedHost:
    """Let the host's clock show the same time."""
    made = host(found.server, tuple(d.text for d in found.databases), version=found.version, clock=now)
    return ObservedHost(**{**vars(made), "looks": found.looks})


def ends(changeset: Changeset) -> list[tuple[str, str]]:
    return [(a.id, a.reason) for a in changeset.actions if a.verb is verbs.END]


@pytest.mark.parametrize(
    ("zone", "begins"),
    [
        ("Europe/Brussels", MIDNIGHT),
        ("America/New_York", datetime(2026, 11, 30, 5, 0, tzinfo=UTC)),
        ("Pacific/Auckland", datetime(2026, 11, 29, 11, 0, tzinfo=UTC)),
        (None, datetime(2026, 11, 30, 0, 0, tzinfo=UTC)),
    ],
)
def test_it_expires_when_its_day_begins_in_its_time_zone(zone: str | None, begins: datetime) -> None:
    document = instance("acme", expires='"2026-11-30"', **({"timezone": zone} if zone else {}))
    text = desired(document)
    assert endings.in_force(text, begins - timedelta(seconds=1)) is text
    assert endings.in_force(text, begins).instances["acme"].state == "absent"
    assert str(endings.expires_at(text.instances["acme"])) == f"{begins:%Y-%m-%d %H:%M:%S}+00:00", "told as of UTC"
    assert text.instances["acme"].state == "active", "the text says what it says"


def test_the_zone_may_be_the_fleets() -> None:
    text = desired(instance("acme", expires='"2026-11-30"'), defaults="{instance: {timezone: Europe/Brussels}}")
    assert endings.expires_at(text.instances["acme"]) == MIDNIGHT


def test_what_expires_is_ended_for_that_reason_and_comes_to_life_for_a_later_day() -> None:
    there = online("one", look_of(TRIAL))
    assert ends(planned(TRIAL, there, MIDNIGHT - timedelta(seconds=1))) == []
    assert ends(planned(TRIAL, there, MIDNIGHT)) == [("end instance/acme on one", Reason.EXPIRED)]
    later = TRIAL.replace("2026-11-30", "2027-11-30")
    assert ends(planned(later, there, MIDNIGHT)) == []


@pytest.mark.parametrize(
    ("before", "soon"),
    [
        (8 * DAY, ""),
        (7 * DAY, "within 7 days"),
        (2 * DAY, "within 7 days"),
        (DAY, "within a day"),
        (DAY / 24, "within a day"),
    ],
)
def test_it_is_told_seven_days_and_one_day_before(before: timedelta, soon: str) -> None:
    told = [
        e for e in planned(TRIAL, online("one", look_of(TRIAL)), MIDNIGHT - before).left_alone if e.kind is Left.ENDING
    ]
    expected = f"instance/acme expires on 2026-11-30 ({soon}): out of service then, and trash"
    assert [e.what for e in told] == ([expected] if soon else [])


@pytest.mark.parametrize(("age", "kind"), [(1, Left.KEPT), (23, Left.ENDING), (29, Left.ENDING)])
def test_trash_is_told_with_its_end_and_louder_when_it_is_near(age: int, kind: Left) -> None:
    name = names.trash("acme", NOW - age * DAY)
    found = planned(instance("acme", state="absent"), online("one", lists=(name,)), NOW)
    (left,) = found.left_alone
    assert (left.database, left.kind) == (name, kind)
    assert f"dropped for good after {NOW + (30 - age) * DAY:%Y-%m-%d %H:%M} UTC" in left.what


@pytest.mark.parametrize("clock", [None, NOW - 2 * DAY, NOW + 2 * DAY, NOW.replace(year=1970), NOW.replace(year=2100)])
def test_nothing_is_ended_while_the_hosts_clock_says_another_time_or_none(clock: datetime | None) -> None:
    text = desired(instance("acme", state="absent"))
    found = ready(text, online("one", look_of(instance("acme"))))
    found = ObservedHost(**{**vars(host_at(found, NOW)), "clock": clock})
    changeset = decide(text, observed(found), NOTHING_REMEMBERED, NOW, Limits()).changeset
    assert ends(changeset) == []
    (blocked,) = [b for b in changeset.blocked if b.code == "acme"]
    assert "time" in blocked.why or "UTC" in blocked.why


@pytest.mark.parametrize("year", [1900, 2069, 2100, 2200])
def test_nothing_is_ended_in_a_year_that_the_name_of_trash_cannot_hold(year: int) -> None:
    """All clocks agree: trash of 2100 would be read as of 2000, and be past its time."""
    moment = NOW.replace(year=year)
    found = planned(instance("acme", state="absent"), online("one", look_of(instance("acme"))), moment)
    assert ends(found) == []
    assert f"here it is the year {year}" in next(b.why for b in found.blocked if b.code == "acme")


def test_protection_refuses_an_end_in_the_text() -> None:
    with pytest.raises(AssertionError, match="deletion-protected"):
        desired(instance("acme", expires='"2027-01-01"', deletion_protection="true"))


@pytest.mark.usefixtures("far_east")
def test_the_end_is_told_in_utc_wherever_the_machine_stands() -> None:
    assert str(endings.expires_at(desired(TRIAL).instances["acme"])) == "2026-11-29 23:00:00+00:00"


@pytest.mark.parametrize("sign", [1, -1])
def test_clocks_may_differ_by_a_day_and_by_no_second_more(sign: int) -> None:
    assert endings.clock_doubt(NOW, NOW + sign * DAY, "one") is None
    assert endings.clock_doubt(NOW, NOW + sign * (DAY + timedelta(seconds=1)), "one") is not None
