"""One run of a command that touches hosts: the fleet, what of it is meant, the memory, and the events that go to all who listen.

A listener that fails (a closed terminal, a full disk) never ends a run: what is under way on hosts goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

import click

from reconciler.cli import fleets, screens
from reconciler.cli.options import Common, Confirmed, RunOptions
from reconciler.cli.refusals import telling
from reconciler.core.deciding import Limits
from reconciler.core.depths import Depth
from reconciler.core.model.selection import Selection
from reconciler.engine.ports import Aside, InLine
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired
from reconciler.loading.secrets import SecretResolver
from reconciler.notices.events import Event
from reconciler.store.opening import AnyStore, default_url, open_store
from reconciler.telemetry.logs import LogFormat, LogLevel, configure
from reconciler.wiring import Reach, open_world

BY_NAMES = Limits(depth=Depth(shallow=True))
"""All of the fleet, as far as the names of databases tell: two calls a host."""

Listener = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Aim:
    """What a run is limited to, the addresses at which it reaches servers, and what is to be said of the limits beside that."""

    limits: Limits
    server_urls: Mapping[str, str] = field(default_factory=dict)
    remark: str = ""


@dataclass(slots=True)
class Session:
    """What a run works on. `listeners` are told of every event; `stop` and `abandon` are those of its worlds.

    `ran` is what the log says of who does it, and by which text, at the end of each action.
    """

    desired: Desired
    aim: Aim
    reach: Reach
    store: AnyStore
    listeners: list[Listener] = field(default_factory=list)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    abandon: asyncio.Event = field(default_factory=asyncio.Event)
    aside: Aside = field(default_factory=InLine)
    is_logged: bool = False
    ran: dict[str, str] = field(default_factory=dict)

    @property
    def limits(self) -> Limits:
        """What the run is limited to, and what is confirmed for it."""
        return self.aim.limits

    @property
    def selection(self) -> Selection:
        """What the run is limited to."""
        return self.limits.selection

    @property
    def selected(self) -> list[str]:
        """Name what is selected as the user did; nothing for everything."""
        return [*sorted(self.selection.addresses), *(f"{key}={value}" for key, value in self.selection.labels)]

    @property
    def scope(self) -> str:
        """Say in words what the run is limited to; empty for the whole fleet, looked at in depth."""
        parts = [f"only {', '.join(self.selected)}"] if self.selected else []
        parts += [f"only what changed since {self.limits.since.shown}"] if self.limits.since else []
        parts += [self.aim.remark] if self.aim.remark else []
        return "; ".join([*parts, "by names alone: --shallow"] if self.limits.depth.shallow else parts)

    @contextlib.asynccontextmanager
    async def world(self) -> AsyncIterator[World]:
        """Open connections for the time of a pass, or of a part of one."""
        async with open_world(self.desired, self.reach, self.store, self._tell) as world:
            self.aside = world.aside
            try:
                yield replace(world, stop=self.stop, abandon=self.abandon)
            finally:
                self.aside = InLine()
            if isinstance(world.secrets, SecretResolver):
                for warning in world.secrets.warnings:
                    screens.say(f"warning: {warning}")

    @contextlib.contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        """Tell a listener of every event while the body runs."""
        self.listeners.append(listener)
        try:
            yield
        finally:
            self.listeners.remove(listener)

    def _tell(self, event: Event) -> None:
        for listener in self.listeners:
            with contextlib.suppress(OSError):
                listener(event)


@contextlib.contextmanager
def open_session(common: Common, options: RunOptions) -> Iterator[Session]:
    """Load the fleet, look up what the options name, and open the store; what the world denies ends the command with a line."""
    desired = fleets.load(common)
    with begin_session(common, options.store, desired, given_aim(desired, options, Confirmed())) as session:
        yield session


def given_aim(desired: Desired, options: RunOptions, confirmed: Confirmed, earlier: Desired | None = None) -> Aim:
    """Read what the options limit a run to; a name that the fleet does not have, nor the earlier one, is wrong usage."""
    if options.shallow and options.refresh:
        raise click.UsageError("--shallow looks into no database and --refresh into all: choose one")
    limits = Limits(
        selection=fleets.selection(desired, options, earlier),
        depth=Depth.of(desired, shallow=options.shallow, refresh=options.refresh),
        confirmed_listings=_servers(desired, confirmed.listings),
        allowed=confirmed.allowed,
        commands=options.commands,
    )
    return Aim(limits, fleets.server_urls(desired, options))


@contextlib.contextmanager
def begin_session(common: Common, store: str, desired: Desired, aim: Aim) -> Iterator[Session]:
    """Open the store for a run on a fleet that is loaded; what the world denies ends the command with a line.

    Args:
        common: what every command is told.
        store: the URL that was given, or nothing.
        desired: the fleet.
        aim: what of it is meant.
    """
    reach = Reach(common.fleet, os.environ, aim.server_urls, commands=aim.limits.commands or ())
    with telling(), open_store(store or default_url(common.fleet), desired.settings.code) as opened:
        session = Session(desired, aim, reach, opened)
        if common.log_level != "error":  # no event is an error by itself: nothing would be written
            log = configure(cast("LogFormat", common.log_format), cast("LogLevel", common.log_level))
            log.ran = lambda: session.ran
            session.reach = replace(reach, on_call=log.log_call)
            session.listeners.append(log.log_event)
            session.is_logged = True
        yield session


def _servers(desired: Desired, codes: tuple[str, ...]) -> frozenset[str]:
    return frozenset(fleets.code_of([code], desired.servers, "server") for code in codes)
