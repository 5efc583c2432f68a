"""A host on a socket: HTTP/1.1 by h11, with the rude endings that a server framework would not allow.

A dropped connection is a real reset, a cut answer really ends in the middle, a dripping one really drips. The
server knows nothing of Odoo: it hands requests to `SimulatedHost.respond` and writes what comes back.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import TYPE_CHECKING

import h11

from .errors import ConnectionDropped, ConnectionRefused
from .wire import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from .host import SimulatedHost

_CHUNK = 65536
_LARGEST_BODY = 64 * 1024 * 1024


class Listener:
    """The open door of a host: shut while the host is dead, so that connections are refused, open while it lives."""

    def __init__(self, host: SimulatedHost, address: str, port: int) -> None:
        self._host = host
        self._family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.create_server((address, port), family=self._family, backlog=512)
        self.address, self.port = self._socket.getsockname()[:2]
        self._server: asyncio.Server | None = None
        self._opening: asyncio.Future[None] | None = None
        host.on_life = self._follow

    async def open(self) -> None:
        """Let connections in."""
        self._server = await asyncio.start_server(self._serve, sock=self._socket)

    def close(self) -> None:
        """Let nobody in any more; connections that are there go on."""
        self._host.on_life = lambda _alive: None
        self._shut()

    def _follow(self, alive: bool) -> None:  # noqa: FBT001 -- the shape of `on_life`
        if alive:
            self._socket = socket.create_server((self.address, self.port), family=self._family, backlog=512)
            self._opening = asyncio.ensure_future(self.open())
        else:
            self._shut()

    def _shut(self) -> None:
        if self._server:
            self._server.close()
        self._socket.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, h11.RemoteProtocolError, h11.LocalProtocolError):
                await _connection(self._host, reader, writer)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        except asyncio.CancelledError:
            writer.transport.abort()  # what is not sent yet would keep it open
            raise


async def listen(host: SimulatedHost, address: str, port: int) -> Listener:
    """Serve a host at an address, port 0 for any, until the listener is closed."""
    listener = Listener(host, address, port)
    await listener.open()
    return listener


async def _connection(host: SimulatedHost, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the one request of a connection: Odoo's own server keeps none alive."""
    connection = h11.Connection(h11.SERVER)
    peer = str((writer.get_extra_info("peername") or ("127.0.0.1",))[0])
    request = await _next_request(connection, reader, peer)
    if request is None:
        return
    try:
        response = await host.respond(request)
    except ConnectionRefused:
        _reset(writer)
    except ConnectionDropped as dropped:
        if dropped.partial:
            await _cut(writer, dropped.partial)
        _reset(writer)
    else:
        await _send(connection, writer, response)


async def _next_request(connection: h11.Connection, reader: asyncio.StreamReader, peer: str) -> HttpRequest | None:
    head: h11.Request | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_CHUNK))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > _LARGEST_BODY:
                return None
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
            return HttpRequest(head.method.decode(), head.target.decode("latin-1"), headers, bytes(body), peer)
        else:
            return None


async def _send(connection: h11.Connection, writer: asyncio.StreamWriter, response: HttpResponse) -> None:
    headers = [*response.headers.items(), ("Content-Length", str(len(response.body))), ("Connection", "close")]
    writer.write(connection.send(h11.Response(status_code=response.status, headers=headers)) or b"")
    if response.drip:
        for position in range(len(response.body)):
            writer.write(connection.send(h11.Data(data=response.body[position : position + 1])) or b"")
            await writer.drain()
            await asyncio.sleep(response.drip)
    elif response.body:
        writer.write(connection.send(h11.Data(data=response.body)) or b"")
    writer.write(connection.send(h11.EndOfMessage()) or b"")
    await writer.drain()


async def _cut(writer: asyncio.StreamWriter, partial: bytes) -> None:
    """Send half an answer."""
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (2 * len(partial) + 1)
    )
    writer.write(partial)
    await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End the connection with a reset instead of a farewell."""
    raw = writer.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
