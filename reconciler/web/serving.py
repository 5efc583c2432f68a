"""Serving the pages with uvicorn until told to stop. It takes no signals, writes no log of its own, and waits for no client.

A connection carries one request (`app` says so to the client), is cut when it has lasted longer than `patience` (unless its
answer is one that goes on, `LASTS`), and makes way for a newer one where there are many: clients that drip their requests or
their reading cannot use up the daemon's files, and who asks and reads at once is answered all the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Callable, Iterable, Iterator

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from reconciler.web.listening import Address

MOST_CONNECTIONS = 64
"""How many connections there are at a time: the oldest is cut for each one more."""

LASTS = "odoo-fleet.lasts"
"""In the scope of a request whose answer goes on for as long as somebody reads it; whoever sets it limits it."""

_AT_ONCE = 16
"""How many are taken before the oldest are cut; asyncio takes as many at once as may wait."""

_GRACE_SECONDS = 1
_ELSEWHERE = "name another address with --listen HOST:PORT"
_WHY = {
    errno.EADDRINUSE: f"the address is in use, perhaps by another daemon: {_ELSEWHERE}",
    errno.EACCES: f"permission denied; ports below 1024 are for root: {_ELSEWHERE}",
    errno.EADDRNOTAVAIL: f"this machine has no such address: {_ELSEWHERE}, 0.0.0.0 for all that it has",
}

Listening = Callable[[str, int], None]
Failed = Callable[[BaseException], None]


class CannotListen(Exception):
    """The address cannot be had; the message names it and says what to do."""


async def serve(
    app: Starlette,
    host: str,
    port: int,
    stop: asyncio.Event,
    listening: Listening,
    failed: Failed,
    *,
    patience: float = 30.0,
) -> None:
    """Serve until `stop` is set, and at most about a second longer.

    Args:
        app: the pages.
        host: a name or an IP address, without brackets.
        port: 0 for any that is free.
        stop: ends it.
        listening: told the address and the port as soon as requests are taken.
        failed: told what a page raised; the client got a 500.
        patience: how many seconds a connection may last.

    Raises:
        CannotListen: the address cannot be had.
    """
    config = uvicorn.Config(
        app,
        http=_Connection,
        backlog=_AT_ONCE,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    bound = await _bind(Address(host, port))
    with contextlib.closing(bound), _told(failed):
        name, number = bound.getsockname()[:2]
        server = _Server(config, stop, lambda: listening(name, number), patience)
        try:
            await server.serve(sockets=[bound])
        finally:
            server.cut()


class _Connection(H11Protocol):
    """One connection, which knows since when it lasts."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.since = asyncio.get_running_loop().time()
        lasting = [each for each in _of_ours(self.connections) if not each.transport.is_closing()]
        if len(lasting) > MOST_CONNECTIONS:
            min(lasting, key=lambda each: each.since).transport.abort()


def _of_ours(connections: Iterable[object]) -> list[_Connection]:
    return [each for each in connections if isinstance(each, _Connection)]


class _Server(uvicorn.Server):
    """Uvicorn's server, told by an event and not by signals."""

    def __init__(self, config: uvicorn.Config, stop: asyncio.Event, begun: Callable[[], None], patience: float) -> None:
        super().__init__(config)
        self._stop = stop
        self._begun = begun
        self._patience = patience

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._begun()

    async def on_tick(self, counter: int) -> bool:
        """Look, ten times a second, for connections that have lasted too long and for the end."""
        now = asyncio.get_running_loop().time()
        for each in _of_ours(self.server_state.connections):
            if now - each.since > self._patience and not (each.scope or {}).get(LASTS):
                each.transport.abort()
        return await super().on_tick(counter) or self._stop.is_set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def cut(self) -> None:
        """Leave nothing open, whoever is still reading."""
        for listener in getattr(self, "servers", ()):
            listener.close()
        for each in list(self.server_state.connections):
            each.transport.abort()


async def _bind(address: Address) -> socket.socket:
    """Listen on the first address of a host, of both kinds the IPv4 one; `::` is every address of both kinds."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        why = f"no host of this name is known: {_ELSEWHERE}"
        raise CannotListen(f"cannot listen on {address}: {why}") from None
    family, _, _, _, place = min(found, key=lambda each: each[0] is not socket.AF_INET)
    both = address.host == "::" and socket.has_dualstack_ipv6()
    try:
        return socket.create_server(place, family=family, dualstack_ipv6=both)
    except OSError as error:
        why = _WHY.get(error.errno or 0, f"{error.strerror or error}: {_ELSEWHERE}")
        raise CannotListen(f"cannot listen on {address}: {why}") from None


@contextlib.contextmanager
def _told(failed: Failed) -> Iterator[None]:
    """Take what uvicorn logs: what a page raised is told, the rest (bad requests, slow clients) concerns nobody."""
    logger = logging.getLogger("uvicorn.error")
    handler, propagated = _Failures(failed), logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.propagate = propagated
        logger.removeHandler(handler)


class _Failures(logging.Handler):
    def __init__(self, failed: Failed) -> None:
        super().__init__(logging.ERROR)
        self._failed = failed

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, asyncio.CancelledError):
            self._failed(error)
