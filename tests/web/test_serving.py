"""The server's life: where it listens, what it says when it cannot, and that no client delays its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import time

import psutil
import pytest

from reconciler.web.serving import MOST_CONNECTIONS, CannotListen
from tests.web.site import Told, served

SOON = 5
"""Seconds: some four more than the end may take, and far fewer than a client may last."""

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"


def test_port_0_is_any_that_is_free_and_it_is_said_which() -> None:
    async def ask() -> None:
        async with served(Told()) as one, served(Told(why_not_alive="the other")) as other:
            assert 0 != one.port != other.port != 0
            assert (await one.ask("/healthz")).status_code == 200
            assert (await other.ask("/healthz")).status_code == 503

    asyncio.run(ask())


@pytest.mark.parametrize("host", ["localhost", "::1"])
def test_names_and_ipv6_are_listened_on(host: str) -> None:
    async def ask() -> int:
        async with served(Told(), host) as site:
            return (await site.ask("/healthz")).status_code

    assert asyncio.run(ask()) == 200


def test_all_addresses_of_both_kinds_are_one_address() -> None:
    async def ask() -> list[int]:
        async with served(Told(), "::") as site:
            answers = []
            for host in ("127.0.0.1", "::1"):
                site.host = host
                answers.append((await site.ask("/healthz")).status_code)
            return answers

    assert asyncio.run(ask()) == [200, 200]


def why_not(host: str, port: int) -> str:
    async def ask() -> None:
        async with served(Told(), host, port):
            pass

    with pytest.raises(CannotListen) as refused:
        asyncio.run(ask())
    return str(refused.value)


def test_an_address_in_use_is_named_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = why_not("127.0.0.1", port)
    assert said.startswith(f"cannot listen on 127.0.0.1:{port}: the address is in use")
    assert "--listen HOST:PORT" in said


def test_a_forbidden_port_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(*_: object, **__: object) -> socket.socket:
        raise PermissionError(13, "Permission denied")  # as the kernel says it; the tests may run as root

    monkeypatch.setattr(socket, "create_server", forbid)
    said = why_not("::1", 80)
    assert said.startswith("cannot listen on [::1]:80: permission denied")
    assert "--listen HOST:PORT" in said


def test_an_address_of_another_machine_is_named_with_what_to_do() -> None:
    assert why_not("192.0.2.1", 9090).startswith("cannot listen on 192.0.2.1:9090: this machine has no such address")


def test_an_unknown_name_is_named_with_what_to_do() -> None:
    assert why_not("no.such.invalid", 9090).startswith("cannot listen on no.such.invalid:9090: no host of this name")


def test_after_its_end_the_address_is_free_again() -> None:
    async def ask() -> None:
        async with served(Told()) as site:
            await site.ask("/healthz")
        async with served(Told(), port=site.port) as again:
            assert again.port == site.port

    asyncio.run(ask())


def seconds_to_the_end(*, sent: bytes, text: bytes = b"", reads: int = 0) -> float:
    """Let a client send something, read so much of the answer, and then do nothing; how long does the end take?"""

    async def ask() -> float:
        async with served(Told(text=text)) as site:
            reader, writer = await site.connect()
            writer.write(sent)
            await writer.drain()
            await reader.readexactly(reads)
            await asyncio.sleep(0.1)  # what was sent has arrived
            begun = time.monotonic()
            site.stop.set()
            await asyncio.wait_for(site.task, 10)
            ended = time.monotonic()
            with contextlib.suppress(ConnectionError):
                await reader.read()
            writer.close()
            return ended - begun

    return asyncio.run(ask())


def test_the_end_comes_at_once_when_nobody_asks() -> None:
    assert seconds_to_the_end(sent=b"") < SOON


def test_a_client_that_never_ends_its_request_does_not_delay_the_end() -> None:
    assert seconds_to_the_end(sent=REQUEST) < SOON


def test_a_client_that_never_sends_its_body_does_not_delay_the_end() -> None:
    assert seconds_to_the_end(sent=REQUEST + b"Content-Length: 1000\r\n\r\n") < SOON


def test_a_client_that_never_reads_does_not_delay_the_end() -> None:
    sent = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    assert seconds_to_the_end(sent=sent, text=b"#" * 50_000_000, reads=100) < SOON


def test_a_client_that_never_ends_its_request_is_cut_off_and_others_are_served_meanwhile() -> None:
    async def ask() -> bytes:
        async with served(Told(), patience=0.5) as site:
            reader, writer = await site.connect()
            writer.write(REQUEST)
            await writer.drain()
            assert (await site.ask("/healthz")).status_code == 200
            try:
                answer = await asyncio.wait_for(reader.read(), 5)
            except ConnectionError:
                answer = b""
            writer.close()
            assert (await site.ask("/healthz")).status_code == 200
            return answer

    assert asyncio.run(ask()) == b""


def test_a_thousand_clients_that_never_end_their_requests_keep_nobody_from_being_answered() -> None:
    async def ask() -> tuple[list[int], int]:
        async with served(Told()) as site:
            slow, codes = [], []
            for _ in range(10):
                for _, writer in await asyncio.gather(*(site.connect() for _ in range(100))):
                    writer.write(REQUEST)
                    slow.append(writer)
                codes.append((await site.ask("/healthz")).status_code)
            await asyncio.sleep(0.2)
            mine = psutil.Process().net_connections("tcp")
            left = sum(each.status == psutil.CONN_ESTABLISHED and each.laddr[1:] == (site.port,) for each in mine)
            for writer in slow:
                writer.transport.abort()
            return codes, left

    codes, left = asyncio.run(ask())
    assert codes == [200] * 10
    assert left <= MOST_CONNECTIONS


def test_what_is_no_request_is_refused_and_nothing_is_written(capfd: pytest.CaptureFixture[str]) -> None:
    async def ask() -> tuple[bytes, list[BaseException]]:
        async with served(Told()) as site:
            reader, writer = await site.connect()
            writer.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
            answer = await asyncio.wait_for(reader.read(), 5)
            writer.close()
            return answer, site.failures

    answer, failures = asyncio.run(ask())
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert (failures, capfd.readouterr()) == ([], ("", ""))


def test_signals_and_the_log_are_left_to_the_daemon() -> None:
    async def ask() -> list[int]:
        received: list[int] = []
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, received.append, signal.SIGTERM)
        async with served(Told()) as site:
            os.kill(os.getpid(), signal.SIGTERM)
            await site.ask("/healthz")
            assert not site.task.done()
        loop.remove_signal_handler(signal.SIGTERM)
        return received

    logger = logging.getLogger("uvicorn.error")
    before = (list(logger.handlers), logger.propagate)
    assert asyncio.run(ask()) == [signal.SIGTERM]
    assert (list(logger.handlers), logger.propagate) == before


def test_a_server_that_is_cancelled_lets_go_of_its_address() -> None:
    async def ask() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            async with served(Told()) as site:
                _, writer = await site.connect()
                site.task.cancel()
                await asyncio.wait([site.task])
        async with served(Told(), port=site.port) as again:
            assert (await again.ask("/healthz")).status_code == 200
        writer.close()

    asyncio.run(ask())
