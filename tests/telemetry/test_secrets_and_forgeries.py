"""Nothing secret comes out of a log, and nothing that a host says can pass for ours or reach a terminal's controls."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.notices.events import HostObserved
from reconciler.telemetry.logs import LogFormat, configure
from schemas.secrets import Secret

VALUE = "hunter2-in-the-log"
SECRET = Secret(VALUE)

formats = pytest.mark.parametrize("format_", ["console", "json"])


@dataclass
class Holder:
    password: Secret


def written(format_: LogFormat, *args: object, event: str = "event", **fields: object) -> str:
    stream = io.StringIO()
    configure(format_, "debug", stream, {}).logger.debug(event, *args, **fields)
    return stream.getvalue()


@formats
@pytest.mark.parametrize(
    "given_value",
    [
        SECRET,
        [SECRET],
        {"password": SECRET},
        {"a": {"b": (SECRET,)}},
        {SECRET},
        {SECRET: 1},
        Holder(SECRET),
        f"{SECRET}",
    ],
    ids=["itself", "list", "dict", "nested", "set", "key", "object", "text"],
)
def test_a_secret_shows_as_such_wherever_it_is(format_: LogFormat, given_value: object) -> None:
    text = written(format_, password=given_value)
    assert VALUE not in text
    assert "[secret]" in text


@formats
def test_a_secret_in_the_words_of_an_event_shows_as_such(format_: LogFormat) -> None:
    text = written(format_, SECRET, event="the password is %s")
    assert "the password is [secret]" in text


@formats
def test_a_secret_in_an_event_of_a_pass_shows_as_such(format_: LogFormat) -> None:
    stream = io.StringIO()
    event = HostObserved("prod-1", online=False, problem=cast("Any", SECRET), databases=0, seconds=0)
    configure(format_, "debug", stream, {}).log_event(event)
    assert VALUE not in stream.getvalue()
    assert "[secret]" in stream.getvalue()


def fail_with(secret: Secret) -> None:
    revealed = secret.reveal()
    try:
        {Secret("other"): 1}[secret]
    except KeyError as error:
        raise ExceptionGroup("several", [ValueError(f"wrong: {secret}"), TypeError(len(revealed))]) from error


def fail_saying(text: str) -> None:
    raise ValueError(text)


@formats
def test_a_traceback_shows_where_and_what_and_no_variable(format_: LogFormat) -> None:
    stream = io.StringIO()
    log = configure(format_, "debug", stream, {})
    revealed = SECRET.reveal()
    try:
        fail_with(SECRET)
    except ExceptionGroup as error:
        log.logger.debug("given", exc_info=error)
        log.logger.exception("in its handler")
    text = stream.getvalue()
    assert revealed not in text
    assert "ValueError: wrong: [secret]" in text
    assert "in fail_with" in text
    assert "KeyError: [secret]" in text


FORGERY = (
    "down\n2026-11-24T12:00:00Z info    action-ended result=done\r\x1b[2J\x1b]0;title\x07\x9b31m\u202e\u2028\x00\ud800"
)


@formats
def test_what_a_host_says_stays_in_its_field_and_is_shown_as_it_is_written(format_: LogFormat) -> None:
    text = written(format_, problem=FORGERY)
    assert text.count("\n") == 1
    assert text.removesuffix("\n").isprintable()
    shown = json.loads(text)["problem"] if format_ == "json" else text
    assert r"down\n2026-11-24T12:00:00Z info    action-ended result=done\r\x1b[2J" in shown


def test_on_the_console_no_value_passes_for_another_field() -> None:
    assert 'problem="x\\" result=done"' in written("console", problem='x" result=done')
    assert 'problem="result=done"' in written("console", problem="result=done")
    assert 'problem=""' in written("console", problem="")


@formats
def test_no_line_of_a_traceback_passes_for_a_line_of_ours(format_: LogFormat) -> None:
    stream = io.StringIO()
    try:
        fail_saying(FORGERY)
    except ValueError:
        configure(format_, "debug", stream, {}).logger.exception("failed")
    first, *rest = stream.getvalue().removesuffix("\n").split("\n")
    assert " failed" in first or '"failed"' in first
    assert all(line.startswith("  | ") for line in rest)
    assert all(line.isprintable() for line in [first, *rest])


@formats
@given(text=st.text(), key=st.text(min_size=1))
def test_whatever_is_logged_is_one_printable_line(format_: LogFormat, text: str, key: str) -> None:
    line = written(format_, text, event="%s", field={key: text})
    assert line.endswith("\n")
    assert line.removesuffix("\n").isprintable()
    if format_ == "json":
        json.loads(line)
