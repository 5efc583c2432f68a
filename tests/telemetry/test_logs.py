"""One line for each event and call, for people or for programs, and no more than was asked for."""

from __future__ import annotations

import errno
import io
import json
import subprocess
import sys
from typing import Any

import pytest

from reconciler.core.model import verbs
from reconciler.core.model.actions import Action, FieldChange, Reason
from reconciler.core.model.outcomes import Outcome, Result
from reconciler.notices.events import (
    ActionEnded,
    ActionStarted,
    ActionStep,
    CallEvent,
    DatabaseObserved,
    Event,
    HostObserved,
)
from reconciler.telemetry.logs import LogLevel, configure

ACTION = Action(verbs.CLONE, "instance", "acme", "prod-1", Reason.DECLARED, database="template", becomes="acme")

WELL: list[Event] = [
    HostObserved("prod-1", online=True, problem="", databases=3, seconds=0.01234),
    ActionStarted(ACTION),
    ActionEnded(Outcome(ACTION, Result.DONE, "", 1.5)),
    ActionEnded(Outcome(ACTION, Result.SKIPPED, "'create' failed")),
]
DETAILS: list[Event] = [
    DatabaseObserved("prod-1", "acme", "current", problem="", seconds=0.5),
    ActionStep(ACTION, "verifying"),
]
WRONG: list[Event] = [
    HostObserved("prod-1", online=False, problem="no route", databases=0, seconds=5),
    DatabaseObserved("prod-1", "acme", "refused", problem="the password is refused", seconds=0.5),
    ActionEnded(Outcome(ACTION, Result.FAILED, "no disk", 1.5)),
    ActionEnded(Outcome(ACTION, Result.UNKNOWN, "no answer", 1.5)),
]
CALL = CallEvent("prod-1", "db", "rename", "db.rename", "acme", changes=True, seconds=0.1)
FAILED_CALL = CallEvent("prod-1", "db", "rename", "db.rename", "", changes=True, seconds=0.1, error="HostTimeout")


def logged(level: LogLevel, *events: Event, calls: tuple[CallEvent, ...] = ()) -> list[dict[str, Any]]:
    stream = io.StringIO()
    log = configure("json", level, stream)
    for event in events:
        log.log_event(event)
    for call in calls:
        log.log_call(call)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_each_event_and_call_is_one_object_on_one_line() -> None:
    entries = logged("debug", *WELL, *DETAILS, *WRONG, calls=(CALL, FAILED_CALL))
    assert [e["event"] for e in entries] == [
        *("host-observed", "action-started", "action-ended", "action-ended"),
        *("database-observed", "action-step"),
        *("host-observed", "database-observed", "action-ended", "action-ended"),
        *("call", "call"),
    ]
    assert all(list(e)[:3] == ["at", "level", "event"] for e in entries)


@pytest.mark.parametrize(("level", "count"), [("debug", 12), ("info", 8), ("warning", 4), ("error", 0)])
def test_what_is_less_than_the_level_is_left_out(level: LogLevel, count: int) -> None:
    assert len(logged(level, *WELL, *DETAILS, *WRONG, calls=(CALL, FAILED_CALL))) == count


def test_what_did_not_go_well_is_a_warning() -> None:
    assert {e["level"] for e in logged("debug", *WRONG)} == {"warning"}
    assert {e["level"] for e in logged("debug", *WELL)} == {"info"}
    assert {e["level"] for e in logged("debug", *DETAILS, calls=(CALL, FAILED_CALL))} == {"debug"}


def test_an_outcome_says_what_was_done_where_how_it_ended_and_why() -> None:
    (entry,) = logged("info", ActionEnded(Outcome(ACTION, Result.FAILED, "no disk", 1.23456)))
    assert entry | {"at": ""} == {
        "at": "",
        "level": "warning",
        "event": "action-ended",
        "action": "clone instance/acme on prod-1",
        "server": "prod-1",
        "database": "template",
        "becomes": "acme",
        "result": "failed",
        "seconds": 1.235,
        "detail": "no disk",
    }


def test_an_outcome_names_the_fields_that_changed_and_who_did_it_by_which_text() -> None:
    changes = (FieldChange("lang", "de_DE", "fr_BE"), FieldChange("mark.digest", "old", "new"))
    action = Action(verbs.CONFIGURE, "instance", "acme", "prod-1", Reason.DRIFTED, "acme", "acme", changes)
    stream = io.StringIO()
    log = configure("json", "info", stream)
    log.ran = lambda: {"by": "ann@laptop", "revision": "1a2b3c4d"}
    log.log_event(ActionEnded(Outcome(action, Result.DONE)))
    entry = json.loads(stream.getvalue())
    assert (entry["fields"], entry["by"], entry["revision"]) == (["lang"], "ann@laptop", "1a2b3c4d")
    assert "fr_BE" not in stream.getvalue()


def test_a_call_says_which_and_how_it_ended() -> None:
    (entry,) = logged("debug", calls=(FAILED_CALL,))
    expected = {"server": "prod-1", "operation": "db.rename", "changes": True, "seconds": 0.1, "error": "HostTimeout"}
    assert entry | expected == entry


def test_other_things_are_logged_with_their_fields() -> None:
    stream = io.StringIO()
    configure("json", "info", stream).logger.info(
        "fleet-loaded", documents=12, nan=float("nan"), nested={"a": (1, None)}
    )
    entry = json.loads(stream.getvalue())
    assert (entry["event"], entry["documents"], entry["nan"], entry["nested"]) == (
        *("fleet-loaded", 12, "nan"),
        {"a": [1, None]},
    )


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "colored"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {}, False),
    ],
)
def test_colors_are_for_terminals_whose_user_did_not_decline(
    stream: io.StringIO,
    environ: dict[str, str],
    colored: bool,  # noqa: FBT001 -- a column of the table above
) -> None:
    configure("console", "info", stream, environ).log_event(WELL[0])
    assert ("\x1b[" in stream.getvalue()) is colored


def test_the_console_shows_time_level_event_and_fields_on_one_line() -> None:
    stream = io.StringIO()
    configure("console", "info", stream, {}).log_event(WRONG[0])
    at, rest = stream.getvalue().split(" ", 1)
    assert at.endswith("Z")
    assert rest == 'warning host-observed server=prod-1 online=false databases=0 seconds=5 problem="no route"\n'


class Full(io.StringIO):
    def write(self, text: str, /) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_stream_that_cannot_be_written_does_not_stop_a_pass() -> None:
    closed = io.StringIO()
    log = configure("console", "info", closed)
    closed.close()
    log.log_event(WELL[0])
    configure("json", "info", Full()).log_event(WELL[0])


def test_two_logs_do_not_disturb_each_other() -> None:
    quiet, loud = io.StringIO(), io.StringIO()
    first, second = configure("json", "error", quiet), configure("console", "debug", loud, {})
    for log in (first, second):
        log.log_event(WELL[0])
    assert quiet.getvalue() == ""
    assert "host-observed" in loud.getvalue()


def test_structlog_is_imported_when_a_log_is_made_and_left_as_it_was() -> None:
    code = """
import sys
from reconciler.telemetry.logs import configure
assert "structlog" not in sys.modules
configure("json", "info")
import structlog
assert not structlog.is_configured()
"""
    subprocess.run([sys.executable, "-c", code], check=True)
