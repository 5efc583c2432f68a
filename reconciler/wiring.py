"""The one place where adapters meet the engine: real time, real chance, real hosts, the store that was asked for."""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import string
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reconciler.core.desired import Desired
from reconciler.core.events import Event
from reconciler.engine.ports import Clock, Memory, Nonces, Secrets
from reconciler.engine.worlds import World
from reconciler.loading.secrets import SecretResolver
from reconciler.odoo.connection import CallEvent, HostConnection, Timeouts
from reconciler.odoo.hosts import OdooHost
from reconciler.odoo.transport import TlsOptions, Transport, Transports
from schemas.server import Server


class SystemClock:
    """Time of the machine."""

    def now(self) -> datetime:
        """Return the time of day, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds since some moment; never goes back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class SystemNonces:
    """Chance of the machine."""

    def token(self, length: int) -> str:
        """Return so many lowercase letters and digits."""
        return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(length))

    def number(self, low: int, high: int) -> int:
        """Draw a number between both, inclusive."""
        return low + secrets.randbelow(high - low + 1)


@dataclass(frozen=True, slots=True)
class Reach:
    """How this run reaches the world.

    `server_urls` replaces addresses (`--server-url CODE=URL`: a tunnel, a simulator); `on_call` is told of every request.
    """

    root: Path
    environ: Mapping[str, str]
    server_urls: Mapping[str, str] = field(default_factory=dict)
    on_call: Callable[[CallEvent], None] | None = None


@contextlib.asynccontextmanager
async def open_world(
    desired: Desired, reach: Reach, memory: Memory, emit: Callable[[Event], None]
) -> AsyncIterator[World]:
    """Open the ports of one run and close their connections at its end."""
    transports = Transports()
    try:
        carriers = {s.code: transports.get(_tls(s, reach.root)) for s in desired.servers.values()}
        secret_values = SecretResolver(desired, reach.environ, reach.root)
        yield make_world(desired, reach, carriers, secret_values, SystemClock(), SystemNonces(), memory, emit)
    finally:
        await transports.aclose()


def make_world(
    desired: Desired,
    reach: Reach,
    transports: Mapping[str, Transport],
    secret_values: Secrets,
    clock: Clock,
    nonces: Nonces,
    memory: Memory,
    emit: Callable[[Event], None],
) -> World:
    """Put the ports of one run together; tests pass virtual time, seeded chance and simulated hosts."""
    hosts = {
        server.code: OdooHost(
            server,
            _connect(server, reach, transports[server.code], secret_values, clock),
            now=clock.now,
            monotonic=clock.monotonic,
            sleep=clock.sleep,
            build_limit=timedelta(hours=desired.settings.retention.building_hours),
        )
        for server in desired.servers.values()
    }
    return World(hosts, secret_values, clock, nonces, memory, emit)


def _connect(
    server: Server, reach: Reach, transport: Transport, secret_values: Secrets, clock: Clock
) -> HostConnection:
    timeouts = server.timeouts
    return HostConnection(
        server=server.code,
        url=reach.server_urls.get(server.code, server.server_url),
        declared_version=server.odoo_version,
        master_password=lambda: secret_values.resolve(server.master_password, "server", server.code, "master_password"),
        transport=transport,
        timeouts=Timeouts(
            connect=timeouts.connect_seconds,
            read=timeouts.read_seconds,
            create=timeouts.create_seconds,
            clone=timeouts.clone_seconds,
            modules=timeouts.modules_seconds,
            rename=timeouts.rename_seconds,
        ),
        sleep=clock.sleep,
        jitter=random.random,
        on_call=reach.on_call,
    )


def _tls(server: Server, root: Path) -> TlsOptions:
    ca_file = root / server.tls.ca_file if server.tls.ca_file else None
    return TlsOptions(ca_file, server.tls.verify)
