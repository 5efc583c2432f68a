"""Messages by Apprise, to a real mail server and a real web server; whoever hangs is killed, and no address is told."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time

import pytest

from reconciler.alerts.sending import send
from reconciler.core.model.failures import AlertFailed
from reconciler.notices.alerting import Message
from reconciler.notices.notices import Level
from schemas.secrets import Secret
from tests.hosts.mail_sink import mail_sink
from tests.hosts.receiver import receiving

MESSAGE = Message("[demo] 1 error", "error: <b>one</b> is *offline* (host-offline)\nwarning: über", Level.ERROR)
TOKEN = "T0KENinTHEpath"


def deliver(url: str, seconds: float = 60) -> None:
    asyncio.run(send(Secret(url), MESSAGE, os.environ, seconds))


def failure(url: str, seconds: float = 60) -> str:
    with pytest.raises(AlertFailed) as failed:
        deliver(url, seconds)
    return str(failed.value)


def test_a_mail_comes_as_it_was_written() -> None:
    with mail_sink() as sink:
        deliver(f"mailto://127.0.0.1:{sink.port}/?from=fleet@example.com&to=ops@example.com&mode=insecure")
    (mail,) = sink.mails
    assert "Subject: [demo] 1 error" in mail
    assert "To: ops@example.com" in mail
    assert "error: <b>one</b> is *offline* (host-offline)\nwarning: =C3=BCber" in mail


def test_a_web_address_gets_it_as_json() -> None:
    with receiving() as receiver:
        deliver(f"json://127.0.0.1:{receiver.port}/{TOKEN}")
    (came,) = receiver.came
    body = json.loads(came.body)
    assert (came.path, body["title"], body["message"]) == (f"/{TOKEN}", MESSAGE.title, MESSAGE.body)
    assert body["type"] == "failure"


def test_a_refusal_says_what_came_back_and_nothing_of_the_address() -> None:
    with receiving(500) as receiver:
        said = failure(f"json://eve:hunter2@127.0.0.1:{receiver.port}/{TOKEN}/")
    assert said == "Failed to send JSON POST notification: Internal server error., error=500."
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        said = failure(f"json://eve:hunter2@127.0.0.1:{taken.getsockname()[1]}/{TOKEN}/")
    assert said == "A Connection error occurred sending JSON notification to [secret]."
    assert failure(f"nonsense://{TOKEN}") == "its address is none that Apprise knows"


def test_one_that_never_answers_is_given_up_within_its_time() -> None:
    with receiving(0) as receiver:
        started = time.monotonic()
        said = failure(f"json://127.0.0.1:{receiver.port}/{TOKEN}?rto=600", seconds=4)
        assert time.monotonic() - started < 20
    assert said.startswith("it did not end within 4 s and was killed")
