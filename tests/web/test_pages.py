"""What monitoring sees on a real socket: alive or not, ready or not, metrics, and nothing else."""

from __future__ import annotations

import asyncio

import pytest

from reconciler.health.standing import Standing
from reconciler.telemetry.metrics import CONTENT_TYPE
from tests.web.site import Told, served


def seen(view: Told, path: str, method: str = "GET", **given: bytes) -> tuple[int, str, dict[str, str]]:
    async def ask() -> tuple[int, str, dict[str, str]]:
        async with served(view) as site:
            answer = await site.ask(path, method, **given)
            return answer.status_code, answer.text, dict(answer.headers)

    return asyncio.run(ask())


def test_healthz_says_that_the_daemon_is_alive_or_why_not() -> None:
    assert seen(Told(), "/healthz")[:2] == (200, "alive\n")
    stuck = Told(why_not_alive="no decision for 900 s")
    assert seen(stuck, "/healthz")[:2] == (503, "not alive: no decision for 900 s\n")


def test_readyz_says_which_revision_is_in_force_or_why_none_is() -> None:
    acting = Told(Standing(fleet="demo", revision="0123abcd"))
    assert seen(acting, "/readyz")[:2] == (200, "ready: fleet demo, revision 0123abcd\n")
    waiting = Told(why_not_ready="no valid text yet")
    assert seen(waiting, "/readyz")[:2] == (503, "not ready: no valid text yet\n")


def test_being_ready_and_being_alive_are_asked_apart() -> None:
    assert seen(Told(why_not_ready="cloning"), "/healthz")[0] == 200
    assert seen(Told(why_not_alive="stuck"), "/readyz")[0] == 200


def test_metrics_are_what_the_view_says_with_the_type_of_prometheus() -> None:
    status, text, headers = seen(Told(), "/metrics")
    assert (status, text, headers["content-type"]) == (200, Told().text.decode(), CONTENT_TYPE)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/elsewhere"])
def test_head_is_answered_like_get_without_the_text(path: str) -> None:
    status, _, headers = seen(Told(), path)
    bare = seen(Told(), path, "HEAD")
    assert bare[:2] == (status, "")
    assert bare[2]["content-length"] == headers["content-length"]


@pytest.mark.parametrize("path", ["/", "/healthz/", "/metrics/..", "/%2e%2e/etc/passwd", "/healthz%00", "//healthz"])
def test_there_is_nothing_else(path: str) -> None:
    assert seen(Told(), path)[:2] == (404, "there is nothing here\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_nothing_can_be_changed(method: str) -> None:
    status, text, headers = seen(Told(), "/healthz", method)
    assert (status, text) == (405, "only GET and HEAD\n")
    assert {"GET", "HEAD"} == set(headers["allow"].split(", "))


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/elsewhere"])
def test_no_answer_is_stored_or_says_what_serves_it(path: str) -> None:
    for method in ("GET", "POST"):
        headers = seen(Told(), path, method)[2]
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers


def test_a_body_is_not_waited_for() -> None:
    async def ask() -> bytes:
        async with served(Told()) as site:
            reader, writer = await site.connect()
            writer.write(b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\nthe beginning")
            answer = await asyncio.wait_for(reader.read(), 5)  # to the end: the connection is closed
            writer.close()
            return answer

    assert asyncio.run(ask()).startswith(b"HTTP/1.1 405 ")


def test_a_page_that_fails_is_a_500_without_details_and_the_failure_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    async def ask() -> tuple[int, str, str, list[BaseException]]:
        view = Told(broken=RuntimeError("a detail"))
        async with served(view) as site:
            answer = await site.ask("/metrics")
            view.broken = None
            assert (await site.ask("/metrics")).status_code == 200
            return answer.status_code, answer.text, answer.headers["cache-control"], site.failures

    status, text, stored, failures = asyncio.run(ask())
    assert (status, text, stored) == (500, "the daemon could not answer; its log says why\n", "no-store")
    assert [str(each) for each in failures] == ["a detail"]
    assert capfd.readouterr() == ("", "")
