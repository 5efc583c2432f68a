"""The one place where adapters meet the engine: real time, real chance, real hosts, the store that was asked for."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import secrets
import ssl
import string
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Protocol, runtime_checkable

from reconciler.core.model.actions import Action
from reconciler.core.model.failures import MemoryFailure, StorageFailure
from reconciler.core.model.outcomes import Result
from reconciler.engine.ports import Aside, Clock, Memory, Nonces, Secrets
from reconciler.engine.storage import Storage
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired
from reconciler.health.login_pages import is_reserved
from reconciler.health.verdicts import Certificate
from reconciler.hooks.calls import Caller
from reconciler.hooks.runner import HookRunner
from reconciler.loading.named_files import named_file
from reconciler.loading.secrets import SecretResolver
from reconciler.notices.events import CallEvent, Event
from reconciler.notices.records import OutcomeRecord
from reconciler.odoo.connection import HostConnection
from reconciler.odoo.hosts import OdooHost
from reconciler.odoo.observe import certificates
from reconciler.odoo.observe.login_pages import LoginPages
from reconciler.odoo.tls import TlsOptions
from reconciler.odoo.transport import HttpxTransport, PageTransport, Transport, Transports
from reconciler.store.threads import OneThread
from reconciler.targets.opening import encryption, open_target
from schemas.references import KeyReference
from schemas.secrets import Secret
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
    `commands` are the directories whose programs hooks may run.
    """

    root: Path
    environ: Mapping[str, str]
    server_urls: Mapping[str, str] = field(default_factory=dict)
    on_call: Callable[[CallEvent], None] | None = None
    commands: Collection[str] = ()


@runtime_checkable
class JournalStore(Protocol):
    """A memory that keeps how actions ended."""

    where: str

    def outcomes(self, kind: str, code: str, *, server: str, result: str, limit: int) -> Sequence[OutcomeRecord]:
        """Return the last ends of actions, newest first."""
        ...


class DeclaredTargets:
    """The places for backups of one text of the fleet, each opened when it is first used (`engine.ports.Targets`).

    Args:
        desired: the fleet.
        root: the directory in which its text lies.
        values: gives the values of secrets.
    """

    def __init__(self, desired: Desired, root: Path, values: SecretResolver) -> None:
        self._declared = desired.settings.backup_targets
        self._code, self._root, self._values = desired.settings.code, root, values
        self._opened: dict[str, Storage] = {}

    def open(self, name: str) -> Storage:
        """Return one by its name."""
        if name not in self._opened:
            resolve = functools.partial(self._resolve, name)
            self._opened[name] = open_target(name, self._declared[name], self._root, resolve)
        return self._opened[name]

    def encrypt(self, name: str, content: BinaryIO, into: BinaryIO) -> bool:
        """Encrypt a file, if the target asks for that, and tell whether it does."""
        if not self._declared[name].encrypt_to:
            return False
        encryption(name).encrypt(content, into, self._declared[name].encrypt_to)
        return True

    def decrypt(self, name: str, content: BinaryIO, into: BinaryIO) -> None:
        """Decrypt a file of a target."""
        reference = self._declared[name].decrypt_with
        if reference is None:
            what = f"the backup is encrypted, and backup target {name!r} has no `decrypt_with`"
            raise StorageFailure(what, advice="let it name the private key")
        encryption(name).decrypt(content, into, self._resolve(name, reference, "decrypt_with"))

    def archive(self, path: str) -> BinaryIO:
        """Open a file of this machine that was not made here."""
        place = self._root / path
        try:
            if not place.is_file():
                raise StorageFailure(f"{place} is no file", advice="`archive` is relative to the fleet's directory")
            return place.open("rb")
        except OSError as error:
            raise StorageFailure(f"{place} cannot be read: {error.strerror}") from None

    async def aclose(self) -> None:
        """End what is held open."""
        for target in self._opened.values():
            await target.aclose()

    def _resolve(self, name: str, reference: KeyReference, field: str) -> Secret:
        return self._values.resolve(reference, "fleet", self._code, f"backup_targets.{name}.{field}")


MakeWorld = Callable[[Desired, Path, Memory], World]
"""Makes the ports for one text of the fleet; the path is the directory in which that text lies."""


@contextlib.asynccontextmanager
async def open_world(
    desired: Desired, reach: Reach, memory: Memory, emit: Callable[[Event], None]
) -> AsyncIterator[World]:
    """Open the ports of one run and close their connections at its end."""
    async with open_worlds(reach, emit) as make:
        yield make(desired, reach.root, memory)


@contextlib.asynccontextmanager
async def open_worlds(reach: Reach, emit: Callable[[Event], None]) -> AsyncIterator[MakeWorld]:
    """Open what the worlds of several texts of one fleet share, and close all connections at the end.

    What it yields raises `TlsFailure` for a file of authorities that cannot be read.
    """
    transports, aside = Transports(reach.environ), OneThread()
    clock, nonces = SystemClock(), SystemNonces()

    def make(desired: Desired, root: Path, memory: Memory) -> World:
        tls = {s.code: _tls(s, desired, root) for s in desired.servers.values()}
        carriers = {code: transports.get(options) for code, options in tls.items()}
        values = SecretResolver(desired, reach.environ, root)
        world = make_world(desired, reach, carriers, values, clock, nonces, memory, emit, carriers)
        pages = {
            s.code: _login_pages(s, reach, transports.pages(tls[s.code])) for s in desired.servers.values() if s.domain
        }
        targets = DeclaredTargets(desired, root, values)
        opened.add(targets)
        hooks = _hooks(desired, reach, values, caller, memory, aside) if desired.settings.hooks else world.hooks
        return replace(world, pages=pages, aside=aside, targets=targets, hooks=hooks)

    # A daemon makes one for each commit: what no text needs any more goes, with its text.
    opened: weakref.WeakSet[DeclaredTargets] = weakref.WeakSet()
    caller = Caller(clock.now, clock.sleep)

    try:
        yield make
    finally:
        for targets in list(opened):
            await targets.aclose()
        await caller.aclose()
        await transports.aclose()
        await aside.aclose()


def _hooks(
    desired: Desired, reach: Reach, values: SecretResolver, caller: Caller, memory: Memory, aside: Aside
) -> HookRunner:
    """Make what runs the hooks of a text. Without a history each run counts as another time for the same action."""
    this_run = SystemNonces().token(16)

    async def last_done(action: Action) -> str:
        def look() -> str:
            assert isinstance(memory, JournalStore)
            ended = memory.outcomes(action.kind, action.code, server=action.server, result=Result.DONE, limit=1000)
            return next((each.at.isoformat() for each in ended if each.action_id == action.id), "")

        try:
            return await aside.ask(look) if isinstance(memory, JournalStore) and memory.where != "none" else this_run
        except MemoryFailure:
            return this_run  # said where it concerns more than a key

    def resolve(reference: KeyReference, field: str) -> Secret:
        return values.resolve(reference, "fleet", desired.settings.code, field)

    return HookRunner(caller, resolve, reach.environ, reach.commands, last_done)


def make_world(
    desired: Desired,
    reach: Reach,
    transports: Mapping[str, Transport],
    secret_values: Secrets,
    clock: Clock,
    nonces: Nonces,
    memory: Memory,
    emit: Callable[[Event], None],
    trusting: Mapping[str, HttpxTransport] | None = None,
) -> World:
    """Put the ports of one run together; tests pass virtual time, seeded chance and simulated hosts.

    `trusting` are the transports by whose means certificates are looked at; without them none is.
    """
    hosts = {
        server.code: OdooHost(
            server,
            _connect(server, reach, transports[server.code], secret_values, clock, nonces),
            now=clock.now,
            monotonic=clock.monotonic,
            sleep=clock.sleep,
            build_limit=timedelta(hours=desired.settings.retention.building_hours),
            certificate=_certificate(server, reach, trusting[server.code].context) if trusting else None,
        )
        for server in desired.servers.values()
    }
    return World(hosts, secret_values, clock, nonces, memory, emit)


def _certificate(server: Server, reach: Reach, context: ssl.SSLContext) -> Callable[[], Awaitable[Certificate | None]]:
    return functools.partial(certificates.look, _url(server, reach), context, server.timeouts.connect_seconds)


def _login_pages(server: Server, reach: Reach, transport: PageTransport) -> LoginPages:
    """Ask for public names where the server is reached, if that is elsewhere than its text says or nobody can own the names."""
    elsewhere = server.code in reach.server_urls or is_reserved(server.domain or "")
    return LoginPages(transport, _url(server, reach) if elsewhere else "")


def _url(server: Server, reach: Reach) -> str:
    return reach.server_urls.get(server.code, server.server_url)


def _connect(
    server: Server, reach: Reach, transport: Transport, secret_values: Secrets, clock: Clock, nonces: Nonces
) -> HostConnection:
    return HostConnection(
        server=server.code,
        url=_url(server, reach),
        declared_version=server.odoo_version,
        master_password=lambda: secret_values.resolve(server.master_password, "server", server.code, "master_password"),
        transport=transport,
        timeouts=server.timeouts,
        sleep=clock.sleep,
        jitter=lambda: nonces.number(0, 999) / 1000,
        on_call=reach.on_call,
    )


def _tls(server: Server, desired: Desired, root: Path) -> TlsOptions:
    name = server.tls.ca_file
    ca_file = named_file(name, desired, root, "server", server.code, "tls", "ca_file") if name else None
    return TlsOptions(ca_file, server.tls.verify)
