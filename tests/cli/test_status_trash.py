"""`status trash`: what was ended, since when, and until when it comes back."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import icalendar
import pytest

from reconciler.core.deciding import Limits, decide
from reconciler.core.model import names
from reconciler.core.model.inventory import NOTHING_REMEMBERED
from reconciler.reports.trash import trash, trash_document, trash_table
from tests.cli.saving import applied  # noqa: F401 -- a fixture
from tests.cli.world import World
from tests.core.scenes import NOW, desired, instance, observed, online


def test_it_is_shown_with_its_end(applied: World) -> None:  # noqa: F811
    assert applied.run("status", "trash").out.splitlines() == ["Trash", "none"]
    applied.replace("instances.yaml", "code: acme\n", "code: acme\nstate: absent\n")
    assert applied.run("apply", "--yes").code == 0
    ran = applied.run("status", "trash")
    assert (ran.code, ran.err) == (0, "")
    row = r"prod-1 +trash-\d{12}\.acme +acme +\d{4}-\d\d-\d\d \d\d:\d\d +-"
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


DAY = timedelta(days=1)
SOON, LATER, OVER = NOW - 25 * DAY, NOW - DAY, NOW - 40 * DAY


@pytest.mark.parametrize(
    ("name", "remark"),
    [
        (names.trash("acme", SOON), "(within 7 days)"),
        (names.trash("acme", LATER), ""),
        (names.trash("shop", LATER), "if it is this fleet's"),
        (names.trash("acme", OVER), "kept: its time is over, and it was not looked into"),
        (names.moved("acme", SOON), "left behind by a move (within 7 days)"),
        (names.moved("acme", LATER), "left behind by a move"),
        (names.moved("shop", LATER), "left behind by a move, if it is this fleet's"),
        (names.moved("acme", OVER), "left behind by a move, and kept: its time is over, and it was not looked into"),
    ],
)
def test_what_it_is_is_said_without_the_end_that_stands_beside_it(name: str, remark: str) -> None:
    text = desired(instance("acme", state="absent"))
    seen = decide(text, observed(online("one", lists=(name,))), NOTHING_REMEMBERED, NOW, Limits())
    found = trash(text, seen, NOW)
    (row,) = trash_table(found).rows
    (left,) = seen.changeset.left_alone
    assert (row[-1].text, left.remark) == (remark or "-", remark)
    (told,) = trash_document(found)["trash"]
    assert told["what"] == left.what
    end = f"dropped for good after {row[-2].text} UTC"
    assert (end in left.what) is ("its time is over" not in remark), "the plan has no column for it"
