"""`status subscriptions`: whose ends when and what that does; no host is asked."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import icalendar

from tests.cli.world import World


def test_it_is_shown_without_asking_a_host(world: World) -> None:
    day = datetime.now(UTC).date()
    ends = day + timedelta(days=20)
    line = f'subscription: {{start: "2020-01-01", end: "{ends}"}}'
    world.replace("instances.yaml", "code: acme\n", f"code: acme\n{line}\n")
    for host in world.hosts.values():
        host.kill()
    ran = world.run("status", "subscriptions")
    assert (ran.code, ran.err) == (0, "")
    (row,) = (each.split() for each in ran.out.splitlines() if each.startswith("acme"))
    assert row[2:5] == ["expiring", "2020-01-01", str(ends)]
    document = json.loads(world.run("status", "subscriptions", "-o", "json").out)
    (plain,) = document["subscriptions"]
    assert (plain["code"], plain["end"], plain["renews"], plain["suspends"]) == ("acme", str(ends), False, False)
    (event,) = icalendar.Calendar.from_ical(world.run("status", "subscriptions", "-o", "ics").out).walk("VEVENT")
    assert event.decoded("dtstart") == ends
    assert world.run("status", "-o", "ics").code == 64
    assert world.run("status", "subscriptions", "--target", "instance/bistro").out.splitlines()[-1] == "none"


def test_one_that_ends_soon_is_told_by_the_plan(world: World) -> None:
    world.run("apply", "--yes")
    ends = datetime.now(UTC).date() + timedelta(days=3)
    line = f'subscription: {{start: "2020-01-01", end: "{ends}"}}'
    world.replace("instances.yaml", "code: acme\n", f"code: acme\n{line}\n")
    assert f"the subscription of instance/acme ends on {ends} (within 7 days)" in " ".join(
        world.run("plan").out.split()
    )
