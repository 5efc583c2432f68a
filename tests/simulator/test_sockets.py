"""The host on real sockets: a foreign client library, rude endings, many hosts in one process."""

import asyncio
import contextlib
import gc
import socket
import urllib.error
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import odoorpc
import pytest

from reconciler.simulator import HostSpec, SimulatedHost, serve
from reconciler.simulator.server import listen
from tests.simulator.client import MASTER, a_host, eventually, play

VERSION_CALL = b'{"id":1,"params":{"service":"common","method":"version","args":[]}}'


@contextlib.asynccontextmanager
async def _served(host: SimulatedHost) -> AsyncIterator[int]:
    listener = await listen(host, "127.0.0.1", 0)
    try:
        yield listener.port
    finally:
        listener.close()


def _question(body: bytes = VERSION_CALL) -> bytes:
    head = f"POST /jsonrpc HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def _exchange(port: int, body: bytes = VERSION_CALL) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_question(body))
    try:
        return await reader.read()
    finally:
        writer.close()


def _with_odoorpc(port: int) -> list[Any]:
    odoo = odoorpc.ODOO("127.0.0.1", port=port)
    odoo.db.create(MASTER, "acme", False, "en_US", "wanted")  # noqa: FBT003 -- the library's own signature
    odoo.db.duplicate(MASTER, "acme", "clone")
    odoo.login("clone", "admin", "wanted")
    partners = odoo.env["res.partner"]
    made = partners.create({"name": "Ann", "email": "ann@acme.example"})
    ann = partners.browse(made)
    ann.name = "Anna"
    parameter = odoo.env["ir.config_parameter"].get_param("database.uuid")
    with pytest.raises((odoorpc.error.RPCError, urllib.error.HTTPError)):  # 14 hides its errors
        odoo.execute("res.partner", "no_method")
    user = odoo.env.user
    return [odoo.db.list(), ann.name, ann.email, len(parameter), user.name, "res.partner" in odoo.env, odoo.version]


@pytest.mark.parametrize("version", ["14.0", "19.0"])
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # odoorpc leaves its sockets to the garbage collector
def test_odoorpc_works_with_it(version: str) -> None:
    async def scenario() -> None:
        async with _served(a_host(version)) as port:
            answers = await asyncio.to_thread(_with_odoorpc, port)
        assert answers == [["acme", "clone"], "Anna", "ann@acme.example", 36, "Administrator", True, version]

    play(scenario)


def test_dropped_connection_is_a_reset_and_a_cut_answer_ends_in_the_middle() -> None:
    async def scenario() -> None:
        host = a_host()
        async with _served(host) as port:
            host.faults.add("*:reset-after:count=1")
            with pytest.raises(ConnectionResetError):
                await _exchange(port)
            host.faults.add("*:cut:count=1")
            with contextlib.suppress(ConnectionResetError):
                answer = await _exchange(port)
                assert b"server_version" not in answer or not answer.endswith(b"}")
            assert (await _exchange(port)).endswith(b"}")

    play(scenario)


def test_dripping_answer_takes_its_time_and_is_whole() -> None:
    async def scenario() -> None:
        host = a_host()
        async with _served(host) as port:
            host.faults.add("*:drip=1ms:count=1")
            started = asyncio.get_running_loop().time()
            answer = await _exchange(port)
            assert asyncio.get_running_loop().time() - started > 0.1
            assert b'"server_serie": "19.0"' in answer

    play(scenario)


def test_killed_host_resets_what_is_open_and_refuses_connections_until_it_is_started() -> None:
    async def scenario() -> None:
        host = a_host()
        async with _served(host) as port:
            host.faults.add("*:hang:count=1")
            hanging = asyncio.ensure_future(_exchange(port))
            await eventually(lambda: host.calls)
            host.kill()
            with pytest.raises(ConnectionResetError):
                await hanging
            with pytest.raises(ConnectionRefusedError):
                await _exchange(port)
            host.start()
            assert b"server_serie" in await _exchange(port)

    play(scenario)


def test_connection_that_is_still_open_when_the_program_ends_is_closed() -> None:
    async def scenario() -> socket.socket:
        host = a_host()
        host.faults.add("*:hang")
        client = socket.socket()
        async with _served(host) as port:
            client.settimeout(0)
            await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
            await asyncio.get_running_loop().sock_sendall(client, _question())
            await eventually(lambda: host.calls)
        return client

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        with play(scenario) as client:
            client.settimeout(5)
            assert client.recv(1) == b""
        gc.collect()
    assert [str(warning.message) for warning in caught] == []


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x02\x00", b"GET / HTTP/9\r\n\r\n", b"POST / HTTP/1.1\r\n"])
def test_garbage_ends_the_connection_and_not_the_server(garbage: bytes) -> None:
    async def scenario() -> None:
        async with _served(a_host()) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(garbage)
            writer.write_eof()
            await reader.read()
            writer.close()
            assert b"server_serie" in await _exchange(port)

    play(scenario)


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _serving(ports: list[int], ready: Callable[[Any], None]) -> Awaitable[None]:
    specs = [(HostSpec(f"host-{port}", master_password=MASTER), "127.0.0.1", port) for port in ports]
    return serve(specs, ready=ready)


def test_many_hosts_are_served_from_one_process_until_cancelled() -> None:
    async def scenario() -> None:
        ports, ready = _free_ports(50), asyncio.Event()
        serving = asyncio.ensure_future(_serving(ports, lambda _hosts: ready.set()))
        await asyncio.wait_for(ready.wait(), 5)
        answers = await asyncio.gather(*(_exchange(port) for port in ports))
        assert all(b"server_serie" in answer for answer in answers)
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
        with pytest.raises(OSError, match="Connect call failed"):
            await _exchange(ports[0])

    play(scenario)
