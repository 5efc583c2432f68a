"""The health rounds of a daemon: every server, and every published instance's login page, once in each interval.

Each has its own moment in the interval (`health.appointments`), so that looks are spread out and nothing is asked in bursts.
Waits are counted on the monotonic clock and measured anew for each look: a time of day that is set forward or back makes
neither a row of looks nor a silence.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal

from reconciler.core.model import whereabouts
from reconciler.core.model.failures import MemoryFailure
from reconciler.core.model.inventory import Inventory
from reconciler.core.model.observed import ObservedHost
from reconciler.engine.ports import Clock
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired
from reconciler.health.appointments import next_due
from reconciler.health.login_pages import PageRecord, judge_page, page_changes
from reconciler.health.looks import check_page, check_server
from reconciler.health.verdicts import HealthRecord, changes, is_watched, judge
from reconciler.notices.notices import Notice
from schemas.instance import Instance
from schemas.server import Server

SERVERS_AT_ONCE = 20
PAGES_AT_ONCE = 40
PAGES_PER_SERVER = 4

TAKE_UP_SECONDS = 5.0
"""How soon another text of the fleet is taken up."""

REMEMBERED_SECONDS = 60.0
"""How long what was read of the store serves the looks of many servers."""

Key = tuple[Literal["server", "instance"], str]
SERVER: Final = "server"
INSTANCE: Final = "instance"


@dataclass(slots=True)
class HealthRounds:
    """Looks at servers and login pages.

    Servers that were not looked at for an interval, and new ones, are looked at when the rounds begin. Login pages are asked
    for only where the last look at their server was answered and listed the database as published.

    Args:
        current: the text in force; another one is taken up within five seconds, with its interval.
        world: the ports made for that text.
        clock: time.
        records: the last records of servers, at first from the store.
        record: told of every look at a server, and of what a person should know of it.
        tell: told what a person should know of login pages.
        pages: the last judgement of each page that is looked at, by instance. They do not outlive a restart.
        asked: servers that are to be looked at now, beside their moments; taken out of it within five seconds.
    """

    current: Callable[[], Desired]
    world: Callable[[], World]
    clock: Clock
    records: dict[str, HealthRecord]
    record: Callable[[HealthRecord, tuple[Notice, ...]], None]
    tell: Callable[[tuple[Notice, ...]], None]
    pages: dict[str, PageRecord]
    asked: set[str]
    _desired: Desired | None = None
    _interval: timedelta = timedelta(0)
    _hosts: dict[str, ObservedHost] = field(default_factory=dict)  # of each server, its last look
    _booked: dict[Key, float] = field(default_factory=dict)  # on the monotonic clock; absent while a look is under way
    _wanted: set[Key] = field(default_factory=set)
    _queue: list[tuple[float, Key]] = field(default_factory=list)  # may hold bookings that were changed since
    _remembered: tuple[float, Inventory] | None = None
    _servers: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SERVERS_AT_ONCE))
    _pages: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PAGES_AT_ONCE))
    _pages_of: dict[str, asyncio.Semaphore] = field(default_factory=dict)

    async def run(self) -> None:
        """Make rounds until cancelled, which is safe at any moment: a look changes nothing."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._take_up()
                self._hurry()
                for key in self._due():
                    group.create_task(self._keep(key))
                await self.clock.sleep(self._pause())

    def _take_up(self) -> None:
        """Follow the text in force: book what is new, forget what is gone, book all again if the interval is another."""
        desired = self.current()
        if desired is self._desired:
            return
        self._desired = desired
        interval = timedelta(minutes=desired.settings.health.interval_minutes)
        before, self._wanted = self._wanted, set(_subjects(desired))
        for kind, code in before - self._wanted:
            self._booked.pop((kind, code), None)
            if kind == SERVER:
                self._hosts.pop(code, None)
                self.records.pop(code, None)  # looked after again, it is judged anew
            else:
                self.pages.pop(code, None)
        if interval != self._interval:
            self._interval = interval
            for key in self._booked:
                self._book(key, self._until_due(key))
        for key in self._wanted - before:
            overdue = key[0] == SERVER and not self._was_seen(key[1])
            self._book(key, 0.0 if overdue else self._until_due(key))

    def _hurry(self) -> None:
        """Look at servers now that somebody asks for; where a look goes on, once more when it has ended."""
        for code in [
            code for code in self.asked if (SERVER, code) not in self._wanted or (SERVER, code) in self._booked
        ]:
            self.asked.discard(code)
            if (SERVER, code) in self._wanted:
                self._book((SERVER, code), 0.0)

    def _due(self) -> Iterator[Key]:
        """Yield what is to be looked at now; it has no booking until `_keep` gives it the next one."""
        now = self.clock.monotonic()
        while self._queue and self._queue[0][0] <= now:
            moment, key = heapq.heappop(self._queue)
            if self._booked.get(key) == moment:
                del self._booked[key]
                yield key

    def _pause(self) -> float:
        """Say how many seconds there is nothing to do."""
        until = self._queue[0][0] - self.clock.monotonic() if self._queue else TAKE_UP_SECONDS
        return min(max(until, 0.0), TAKE_UP_SECONDS)

    async def _keep(self, key: Key) -> None:
        """Look, and book the next look."""
        started, until_next, interval = self.clock.monotonic(), self._until_due(key), self._interval
        kind, code = key
        await (self._look_at_server(code) if kind == SERVER else self._look_at_page(code))
        if key in self._wanted:
            left = until_next - (self.clock.monotonic() - started)
            self._book(key, left if left > 0 and interval == self._interval else self._until_due(key))

    def _until_due(self, key: Key) -> float:
        now = self.clock.now()
        return (next_due(key[1], now, self._interval) - now).total_seconds()

    def _book(self, key: Key, seconds: float) -> None:
        moment = self.clock.monotonic() + seconds
        self._booked[key] = moment
        heapq.heappush(self._queue, (moment, key))

    def _was_seen(self, code: str) -> bool:
        """Tell whether a server was looked at within the last interval."""
        seen = self.records.get(code)
        return seen is not None and timedelta(0) <= self.clock.now() - seen.at < self._interval

    async def _look_at_server(self, code: str) -> None:
        async with self._servers:
            desired, world = self.current(), self.world()
            server = desired.servers.get(code)
            if server is None or code not in world.hosts:
                return
            vitals = await check_server(server, desired, world, await self._inventory(world))
        desired = self.current()  # the text may be another one by now
        if code not in desired.servers or not is_watched(desired.servers[code]):
            return
        limits, before = desired.settings.health, self.records.get(code)
        after = judge(desired.servers[code], before, vitals, limits)
        self.records[code], self._hosts[code] = after, vitals.host
        self.record(after, changes(before, after, limits))

    async def _look_at_page(self, code: str) -> None:
        home = self._home(code, await self._inventory(self.world()))
        if home is None:
            return
        of_server = self._pages_of.setdefault(home[1].code, asyncio.Semaphore(PAGES_PER_SERVER))
        async with of_server, self._pages:
            world = self.world()
            pages = world.pages.get(home[1].code)
            if pages is None:
                return
            answer = await check_page(pages, *home)
        # It may have been suspended meanwhile, or its host be gone.
        home = self._home(code, await self._inventory(world))
        if home is None:
            return
        before = self.pages.get(code)
        after = judge_page(*home, before, answer, self.clock.now())
        self.pages[code] = after
        self.tell(page_changes(before, after))

    def _home(self, code: str, inventory: Inventory) -> tuple[Instance, Server] | None:
        """Return an instance and the server on which it is published; None if its page cannot be expected to come."""
        desired = self.current()
        instance = desired.instances.get(code)
        if instance is None or instance.state != "active":
            return None
        places = _served(desired, whereabouts.places(desired, instance, inventory))
        for server in places:
            host = self._hosts.get(server.code)
            if host is None or not host.online:
                continue
            if host.lists(instance.database_name):
                return instance, server
        if all(self._answered(server) for server in places):
            self.pages.pop(code, None)  # not published: what was known of its page is of another time
        return None

    def _answered(self, server: Server) -> bool:
        host = self._hosts.get(server.code)
        return host is not None and host.online

    async def _inventory(self, world: World) -> Inventory:
        """Return what is remembered, read at most once a minute; what cannot be read counts as nothing."""
        now = self.clock.monotonic()
        if self._remembered is None or now - self._remembered[0] >= REMEMBERED_SECONDS:
            try:
                self._remembered = (now, await world.inventory())
            except MemoryFailure:
                self._remembered = (now, Inventory())
        return self._remembered[1]


def _subjects(desired: Desired) -> Iterator[Key]:
    """Yield what is to be looked at: servers in use, and active instances that may be on one with a domain."""
    for server in desired.servers.values():
        if is_watched(server):
            yield SERVER, server.code
    served = {server.code for server in _served(desired, desired.servers)}
    for instance in desired.instances.values():
        if instance.state == "active" and (instance.server in served if instance.server else served):
            yield INSTANCE, instance.code


def _served(desired: Desired, codes: Iterable[str]) -> list[Server]:
    """Return those of some servers that are in use and have a domain, under which pages can be asked for."""
    servers = [desired.servers[code] for code in codes]
    return [server for server in servers if is_watched(server) and server.domain]
