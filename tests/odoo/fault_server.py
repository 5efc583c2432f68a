"""A host of raw sockets that fails as networks do: it answers bytes, or resets, closes, drips, hangs."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Behaviour = Callable[["Client"], Awaitable[None]]


@dataclass
class Client:
    """One connection, whose request was read whole."""

    request: bytes
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """Close with a TCP reset instead of an end of stream."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass
class FaultServer:
    """Shows one behaviour to every request (or at once to every connection), and keeps count."""

    behaviour: Behaviour
    at_once: bool
    url: str = ""
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    serving: set[asyncio.Task[None]] = field(default_factory=set)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.serving.add(asyncio.create_task(self._serve(reader, writer)))

    async def end(self) -> None:
        for task in self.serving:
            task.cancel()
        await asyncio.gather(*self.serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.at_once:
                await self.behaviour(Client(b"", reader, writer))
            while request := await _request(reader):
                self.requests.append(request)
                await self.behaviour(Client(request, reader, writer))
        except (ConnectionError, ssl.SSLError):
            pass  # the client has gone
        finally:
            writer.transport.abort()


async def _request(reader: asyncio.StreamReader) -> bytes:
    """Read one request; nothing when the client has gone."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    return head + await reader.readexactly(int(lengths[0]))


@asynccontextmanager
async def fault_server(
    behaviour: Behaviour, tls: ssl.SSLContext | None = None, *, at_once: bool = False
) -> AsyncIterator[FaultServer]:
    server = FaultServer(behaviour, at_once)
    async with await asyncio.start_server(server.accept, "127.0.0.1", 0, ssl=tls) as listening:
        port = listening.sockets[0].getsockname()[1]
        server.url = f"http://127.0.0.1:{port}" if tls is None else f"https://localhost:{port}"
        try:
            yield server
        finally:
            await server.end()


def answering(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> Behaviour:
    """Answer with these bytes and keep the connection."""

    async def behave(client: Client) -> None:
        lines = [b"HTTP/1.1 " + status, b"content-length: %d" % len(body), *headers, b"", body]
        await client.send(b"\r\n".join(lines))

    return behave


def sending(data: bytes) -> Behaviour:
    """Send exactly these bytes and close."""

    async def behave(client: Client) -> None:
        await client.send(data)
        client.writer.close()
        await client.writer.wait_closed()

    return behave


async def resetting(client: Client) -> None:
    """Reset the connection once the request is there."""
    client.reset()


async def hanging(client: Client) -> None:
    """Never answer."""
    await client.reader.read()


async def dripping(client: Client) -> None:
    """Send the answer so slowly that no single read ever times out."""
    await client.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    while not client.writer.is_closing():
        await client.send(b" ")
        await asyncio.sleep(0.01)
