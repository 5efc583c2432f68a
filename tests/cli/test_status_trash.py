"""`status trash`: what was ended, since when, and until when it comes back."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import icalendar

from reconciler.reports.trash import Trash, TrashRow, trash_table
from tests.cli.saving import applied  # noqa: F401 -- a fixture
from tests.cli.world import World


def test_it_is_shown_with_its_end(applied: World) -> None:  # noqa: F811
    assert applied.run("status", "trash").out.splitlines() == ["Trash", "none"]
    applied.replace("instances.yaml", "code: acme\n", "code: acme\nstate: absent\n")
    assert applied.run("apply", "--yes").code == 0
    ran = applied.run("status", "trash")
    assert (ran.code, ran.err) == (0, "")
    row = r"prod-1 +trash-\d{12}\.acme +acme +\d{4}-\d\d-\d\d \d\d:\d\d"
    assert re.fullmatch(row, ran.out.splitlines()[-1].rstrip()), "its end is told once"
    document = json.loads(applied.run("status", "trash", "prod-1", "-o", "json").out)
    (row,) = document["trash"]
    assert (row["server"], row["was"]) == ("prod-1", "acme")
    assert row["since"] < row["dropped_after"]
    (event,) = icalendar.Calendar.from_ical(applied.run("status", "trash", "-o", "ics").out).walk("VEVENT")
    assert event.decoded("dtstart").isoformat() == row["dropped_after"][:10]
    assert json.loads(applied.run("status", "trash", "prod-2", "-o", "json").out)["trash"] == []
    rows = json.loads(applied.run("status", "instances", "acme", "-o", "json").out)["instances"]
    assert [(r["state"], r["observed"], r["in_sync"]) for r in rows] == [("absent", "trash", "yes")]


def test_what_it_is_is_said_without_the_end_that_stands_beside_it() -> None:
    at = datetime(2026, 12, 24, 12, tzinfo=UTC)
    end = "dropped for good after 2026-12-24 12:00 UTC"
    told = (
        f"trash: {end} (within 7 days)",
        f"left behind by a move: {end}",
        "trash, and kept: nothing tells whose it is",
    )
    rows = tuple(
        TrashRow("prod-1", f"trash-261124120000.{n}", n, at, at, what) for n, what in zip("abc", told, strict=True)
    )
    table = trash_table(Trash("demo", at, rows, {}))
    assert [row[-1].text for row in table.rows] == [
        "(within 7 days)",
        "left behind by a move",
        "kept: nothing tells whose it is",
    ]
