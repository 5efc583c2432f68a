"""What ends when, as a calendar: read back by somebody else's program whatever is in it, and never two of one UID."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import icalendar
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.policies import calendars
from reconciler.core.policies.calendars import CalendarEntry
from reconciler.reports.icalendar import render_icalendar
from tests.harness.universe import fleet, instance, read

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
TEXTS = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp", "Cn", "Co", "Cf")) | st.sampled_from('\n\\;,:"')
)


def events(text: str) -> list[Any]:
    return list(icalendar.Calendar.from_ical(text).walk("VEVENT"))


def plan(text: str, says: str) -> str:
    return text.replace("code: starter\n", f"code: starter\n{says}\n")


@given(
    st.lists(
        st.builds(
            CalendarEntry, st.dates(date(1970, 1, 1)), st.from_regex("[a-z0-9.-]{1,90}", fullmatch=True), TEXTS, TEXTS
        )
    )
)
def test_whatever_is_in_it_is_read_back_by_another_program(endings: list[CalendarEntry]) -> None:
    text = render_icalendar("demo", endings, NOW, "1.0")
    found = events(text)
    assert [each.decoded("dtstart") for each in found] == [each.day for each in endings]
    shown = [(str(each["summary"]), str(each["description"])) for each in found]
    printable = [tuple(part.strip("\n") for part in (e.what, e.then)) for e in endings]
    assert [(a.strip("\n"), b.strip("\n")) for a, b in shown] == [
        tuple("".join(c for c in part if c.isprintable() or c == "\n") for part in pair) for pair in printable
    ]
    assert [str(each["uid"]) for each in found] == [f"{each.key}@demo.odoo-fleet" for each in endings]
    lines = text.encode().split(b"\r\n")
    assert lines.pop() == b""
    assert all(len(line) <= 75 and b"\n" not in line and b"\r" not in line for line in lines)


def test_subscriptions_grace_and_trials_stand_on_their_days_and_move_with_them() -> None:
    def shown(end: str) -> dict[str, tuple[date, str, str]]:
        subscription = f"{{start: 2026-01-01, end: {end}}}"
        text = fleet(
            instance("acme", name="Acme; SA", subscription=subscription, timezone="Europe/Brussels"),
            instance("beta", subscription="{start: 2026-01-01, end: 2026-01-31, auto_renew: true}"),
            instance("cafe", expires="2026-07-01"),
            instance("gone", state="absent", expires="2026-07-01"),
            instance("free", subscription="{start: 2026-01-01}"),
        )
        desired = read(plan(text, "on_expiry: suspend\ngrace_days: 7"))
        found = events(render_icalendar("demo", calendars.of_instances(desired, NOW), NOW, "1.0"))
        return {str(e["uid"]): (e.decoded("dtstart"), str(e["summary"]), str(e["description"])) for e in found}

    before, after = shown("2026-05-31"), shown("2026-12-31")
    assert before == {
        "subscription.instance.acme@demo.odoo-fleet": (
            date(2026, 5, 31),
            "Acme; SA (acme): last day of its subscription",
            "suspended on 2026-06-08",
        ),
        "grace.instance.acme@demo.odoo-fleet": (date(2026, 6, 8), "Acme; SA (acme): its grace is over", "suspended"),
        "subscription.instance.beta@demo.odoo-fleet": (
            date(2026, 3, 31),
            "beta: last day of its subscription",
            "it renews itself",
        ),
        "expires.instance.cafe@demo.odoo-fleet": (
            date(2026, 7, 1),
            "cafe expires",
            "out of service from that day on, and trash",
        ),
    }
    assert before.keys() == after.keys()
    assert after["subscription.instance.acme@demo.odoo-fleet"][0] == date(2026, 12, 31)


def test_where_nothing_is_done_only_the_end_is_shown() -> None:
    text = fleet(instance("acme", subscription="{start: 2026-01-01, end: 2026-05-31}"))
    (found,) = calendars.of_instances(read(text), NOW)
    assert (found.day, found.then) == (date(2026, 5, 31), "nothing is done (on_expiry: warn) on 2026-06-01")


def test_trash_may_be_dropped_on_a_day_where_its_customer_is_and_nothing_else_is_taken_for_it() -> None:
    desired = read(fleet(instance("acme", timezone="Pacific/Auckland")))
    listed = [("one", name) for name in ("trash-260301130000.acme", "moved-260301130000.other", "acme", "x.y")]
    found = {each.key: each.day for each in calendars.of_trash(desired, listed)}
    assert found == {
        "trash.one.trash-260301130000.acme": date(2026, 4, 1),  # 1 April, 02:00 there
        "trash.one.moved-260301130000.other": date(2026, 3, 31),
    }
