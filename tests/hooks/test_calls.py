"""Web calls of hooks, to a real server: what is sent, what counts as taken, and when it is sent again."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import socket
import time
from datetime import UTC, datetime

import pytest

from reconciler.core.model.failures import HookFailed
from reconciler.hooks.calls import Caller
from schemas.secrets import Secret
from tests.hosts.receiver import Receiver, receiving

BODY = '{"verb":"clone","name":"Café"}'.encode()


def send(url: str, seconds: float = 20) -> None:
    async def main() -> None:
        caller = Caller(lambda: datetime.now(UTC), lambda _seconds: asyncio.sleep(0.01))
        try:
            await caller.send(url, BODY, "the-key", Secret("the-hook-secret"), seconds)
        finally:
            await caller.aclose()

    asyncio.run(main())


def failure_of(receiver: Receiver, seconds: float = 20) -> str:
    with pytest.raises(HookFailed) as failure:
        send(receiver.url, seconds)
    return str(failure.value)


def test_whoever_has_the_secret_can_tell_that_the_body_is_ours_and_of_when() -> None:
    with receiving(204) as receiver:
        send(receiver.url)
    (came,) = receiver.came
    assert (came.path, came.body, came.headers["content-type"]) == ("/odoo", BODY, "application/json")
    parts = dict(part.split("=") for part in came.headers["odoo-fleet-signature"].split(","))
    signed = hmac.new(b"the-hook-secret", parts["t"].encode() + b"." + came.body, hashlib.sha256)
    assert parts["v1"] == signed.hexdigest()
    assert abs(int(parts["t"]) - time.time()) < 60
    assert came.headers["idempotency-key"] == "the-key"
    assert "the-hook-secret" not in str(came)


def test_it_is_sent_again_with_the_same_key_while_nobody_takes_it() -> None:
    with receiving(503, 429) as receiver:
        send(receiver.url)
    assert [each.headers["idempotency-key"] for each in receiver.came] == ["the-key"] * 3


def test_it_is_sent_three_times_at_most() -> None:
    with receiving(502, 502, 502, 502, says="upstream\nis away") as receiver:
        assert failure_of(receiver) == "it answered 502 Bad Gateway: upstream is away"
    assert len(receiver.came) == 3


@pytest.mark.parametrize(("status", "words"), [(400, "Bad Request"), (410, "Gone"), (308, "Permanent Redirect")])
def test_a_refusal_stays_one_and_a_redirect_is_not_followed(status: int, words: str) -> None:
    with receiving(status) as receiver:
        assert failure_of(receiver) == f"it answered {status} {words}"
    assert [each.path for each in receiver.came] == ["/odoo"]


def test_one_that_never_answers_is_given_up_within_its_time() -> None:
    with receiving(0) as receiver:
        started = time.monotonic()
        assert failure_of(receiver, 0.3) == "nobody took it within 0.3 s: it does not answer"
        assert time.monotonic() - started < 5


def test_one_that_is_not_there_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        with pytest.raises(HookFailed, match="it does not answer: All connection attempts failed"):
            send(f"http://127.0.0.1:{taken.getsockname()[1]}/")
