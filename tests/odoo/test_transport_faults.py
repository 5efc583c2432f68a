"""Over real sockets: whatever the network does has one name, for a call that reads and for one that changes."""

import asyncio
import gzip
import json
import socket
import time
import tracemalloc
import zlib

import pytest

from reconciler.core.model.failures import (
    ConnectionCut,
    HostError,
    HostTimeout,
    HostUnreachable,
    NotOdoo,
    ProxyFailure,
    Redirected,
    Refused,
    UnexpectedAnswer,
    UnknownOutcome,
)
from reconciler.odoo.connection import HostConnection
from reconciler.odoo.transport import BODY_LIMIT, HttpxTransport
from tests.odoo.fault_server import (
    Behaviour,
    FaultServer,
    answering,
    dripping,
    fault_server,
    hanging,
    resetting,
    sending,
)
from tests.odoo.scripted import MASTER, TIMEOUTS


def _envelope(result: object, number: int = 1) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": number, "result": result}).encode()


def _connection(url: str, transport: HttpxTransport) -> HostConnection:
    return HostConnection(
        server="eu1",
        url=url,
        declared_version="19.0",
        master_password=lambda: MASTER,
        transport=transport,
        timeouts=TIMEOUTS,
        sleep=asyncio.sleep,
        jitter=lambda: 0.0,
    )


async def _outcomes(url: str, limit: float = 0.3) -> tuple[object, object]:
    """Make one call that reads and one that changes; return what each gave or raised."""
    transport = HttpxTransport()
    try:
        calls = (
            _connection(url, transport).read("db", "list", timeout=limit, attempts=1),
            _connection(url, transport).change("db", "drop", MASTER, "acme", timeout=limit),
        )
        outcomes: list[object] = await asyncio.gather(*calls, return_exceptions=True)
        return outcomes[0], outcomes[1]
    finally:
        await transport.aclose()


def _against(behaviour: Behaviour, limit: float = 0.3) -> tuple[object, object, FaultServer]:
    async def work() -> tuple[object, object, FaultServer]:
        async with fault_server(behaviour) as server:
            return *await _outcomes(server.url, limit), server

    return asyncio.run(work())


def test_an_answer_arrives() -> None:
    read, changed, server = _against(answering(_envelope(["acme"])))
    assert (read, changed) == (["acme"], ["acme"])
    assert server.connections == 2


def test_a_packed_answer_arrives() -> None:
    packed = gzip.compress(_envelope("x" * 3_000_000))
    read, _, server = _against(answering(packed, b"content-encoding: gzip"), limit=3)
    assert read == "x" * 3_000_000
    assert b"accept-encoding: gzip\r\n" in server.requests[0].lower()


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (resetting, ConnectionCut),
        (sending(b""), ConnectionCut),
        (sending(b"HTTP/1.1 200 OK\r\ncont"), ConnectionCut),
        (sending(HEAD + b"content-length: 99\r\n\r\n{"), ConnectionCut),
        (sending(HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\n{"), ConnectionCut),
        (sending(HEAD + b"content-encoding: gzip\r\n\r\n" + gzip.compress(_envelope(1))[:-9]), ConnectionCut),
        (sending(b"\x16\x03\x01 not http at all\r\n\r\n"), ConnectionCut),
        (sending(HEAD + b"content-encoding: gzip\r\n\r\nnot gzip"), UnexpectedAnswer),
        (sending(HEAD + b"content-encoding: br\r\n\r\nxxx"), UnexpectedAnswer),
        (sending(HEAD + b"\r\n" + _envelope([])[:-5]), UnexpectedAnswer),
        (hanging, HostTimeout),
        (dripping, HostTimeout),
        (answering(b"<html><title>Bad Gateway</title></html>", status=b"502 Bad Gateway"), ProxyFailure),
        (answering(b"", b"location: https://odoo.example.com/jsonrpc", status=b"301 Moved"), Redirected),
        (answering(b"<!doctype html><title>Hello</title>"), NotOdoo),
    ],
)
def test_a_fault_after_sending_names_a_read_s_failure_and_leaves_a_change_unknown(
    behaviour: Behaviour, kind: type[HostError]
) -> None:
    read, changed, server = _against(behaviour)
    assert type(read) is kind
    assert isinstance(changed, UnknownOutcome)
    assert len(server.requests) == 2


def test_a_drip_ends_at_the_limit() -> None:
    start = time.monotonic()
    _against(dripping, limit=0.3)
    assert 0.3 <= time.monotonic() - start < 1.5


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    _is_too_large(answering(b" " * (4 * BODY_LIMIT)))


def test_a_bomb_is_unpacked_no_further_than_the_limit() -> None:
    bomb = _packed(b" " * (8 * BODY_LIMIT))
    tracemalloc.start()
    _is_too_large(answering(bomb, b"content-encoding: gzip"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * BODY_LIMIT  # one read of it alone holds four times the limit


def _is_too_large(behaviour: Behaviour) -> None:
    read, changed, _ = _against(behaviour, limit=5)
    assert isinstance(read, UnexpectedAnswer)
    assert "larger than 16 MiB" in str(read)
    assert isinstance(changed, UnknownOutcome)


def _packed(data: bytes) -> bytes:
    """Pack fast: the test is about unpacking."""
    packer = zlib.compressobj(1, wbits=31)
    return packer.compress(data) + packer.flush()


def test_nobody_listening_is_unreachable_for_reads_and_changes_alike() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    read, changed = asyncio.run(_outcomes(f"http://127.0.0.1:{port}"))
    assert type(read) is type(changed) is HostUnreachable


def test_a_name_without_an_address_is_unreachable() -> None:
    read, changed = asyncio.run(_outcomes("http://nowhere.invalid", limit=5))
    assert type(read) is type(changed) is HostUnreachable


@pytest.mark.parametrize(
    "url", ["ftp://localhost", "http://", "http://a..b", f"http://{'a' * 70}.example", "http://xn--", "http://x:99999"]
)
def test_an_address_that_cannot_be_used_sends_nothing(url: str) -> None:
    read, changed = asyncio.run(_outcomes(url))
    assert isinstance(read, Refused | HostUnreachable)
    assert type(changed) is type(read)


def test_no_cookie_is_sent_back_and_no_redirect_followed() -> None:
    async def work() -> list[bytes]:
        behaviour = answering(_envelope([]), b"set-cookie: session_id=abc; Path=/")
        async with fault_server(behaviour) as server:
            transport = HttpxTransport()
            for _ in range(2):
                await _connection(server.url, transport).read("db", "list")
            await transport.aclose()
            return server.requests

    assert not any(b"cookie" in request.lower() for request in asyncio.run(work()))


def test_reads_share_a_connection_and_every_change_has_its_own() -> None:
    async def connections(*, changes: bool) -> int:
        async with fault_server(answering(_envelope([]))) as server:
            transport = HttpxTransport()
            for _ in range(3):
                connection = _connection(server.url, transport)
                await (connection.change("db", "x", timeout=1) if changes else connection.read("db", "x"))
            await transport.aclose()
            return server.connections

    assert asyncio.run(connections(changes=False)) == 1
    assert asyncio.run(connections(changes=True)) == 3


def test_a_site_s_name_goes_into_the_host_header() -> None:
    async def work() -> bytes:
        async with fault_server(answering(_envelope([]))) as server:
            transport = HttpxTransport()
            assert await _connection(server.url, transport).served_databases("acme.example.com") == ()
            await transport.aclose()
            return server.requests[0]

    assert b"\r\nhost: acme.example.com\r\n" in asyncio.run(work()).lower()


@pytest.mark.parametrize("name", ["münchen.example.com", "a\r\nx-other: b"])
def test_a_site_s_name_that_no_header_can_hold_sends_nothing(name: str) -> None:
    async def work() -> list[bytes]:
        async with fault_server(answering(_envelope([]))) as server:
            transport = HttpxTransport()
            with pytest.raises(Refused):
                await _connection(server.url, transport).served_databases(name)
            await transport.aclose()
            return server.requests

    assert asyncio.run(work()) == []


def test_a_cancelled_call_leaves_the_transport_usable() -> None:
    async def work() -> object:
        async with fault_server(hanging) as stuck, fault_server(answering(_envelope(["a"]))) as good:
            transport = HttpxTransport()
            task = asyncio.create_task(_connection(stuck.url, transport).read("db", "list"))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            answer = await _connection(good.url, transport).read("db", "list")
            await transport.aclose()
            return answer

    assert asyncio.run(work()) == ["a"]
