"""What ends when, as a calendar of the API: for whoever has a token, with all that the daemon knows of."""

from __future__ import annotations

import asyncio
from datetime import date

import icalendar

from tests.harness.universe import fleet, instance
from tests.web.asked import Asked, asking


def test_a_calendar_has_subscriptions_trials_and_trash_and_is_for_who_has_a_token() -> None:
    text = fleet(
        instance("acme", subscription="{start: 2026-01-01, end: 2027-05-31}"),
        instance("cafe", expires="2027-07-01"),
        servers={"one": "19.0", "two": "19.0"},
    )

    async def story(asked: Asked) -> None:
        assert (await asked.send("GET", "/api/v1/calendar.ics")).status_code == 401
        answer = await asked.ask("GET", "/api/v1/calendar.ics")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
        found = icalendar.Calendar.from_ical(answer.text).walk("VEVENT")
        assert [each.decoded("dtstart") for each in found] == [date(2027, 5, 31), date(2027, 7, 1)]

        absent = text.replace("code: acme\n", "code: acme\nstate: absent\n")
        asked.stage.source.write(absent, "b" * 40)
        await asyncio.sleep(600)
        answer = await asked.ask("GET", "/api/v1/calendar.ics")
        (trash, _) = icalendar.Calendar.from_ical(answer.text).walk("VEVENT")
        assert str(trash["summary"]).endswith(".acme on one may be dropped")

    asking(story, text=text)
