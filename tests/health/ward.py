"""Health rounds in virtual time over hosts and pages that do as the test says."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from reconciler.core.model.observed import ObservedHost, host
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired
from reconciler.health.login_pages import PageAnswer, PageRecord
from reconciler.health.rounds import HealthRounds
from reconciler.health.verdicts import HealthRecord, Vitals
from reconciler.notices.events import Event
from reconciler.notices.notices import Notice
from tests.harness.universe import DictMemory
from tests.harness.virtual_time import VirtualClock, run

LOGIN = PageAnswer("/web/login", 200, has_login_form=True)


@dataclass
class Patient:
    """A host: `answers` says for each look whether it comes; `seconds` how long it takes, for ever if None."""

    code: str
    databases: tuple[str, ...] = ()
    seconds: float | None = 0.05
    answers: Callable[[int], bool] = lambda _number: True
    looks: list[datetime] = field(default_factory=list)
    now: Callable[[], datetime] = datetime.now
    under_way: Counter[str] = field(default_factory=Counter)
    asked: set[str] = field(default_factory=set)

    async def vitals(self) -> Vitals:
        self.looks.append(self.now())
        self.under_way["servers"] += 1
        try:
            await (asyncio.sleep(self.seconds) if self.seconds is not None else asyncio.Event().wait())
        finally:
            self.under_way["servers"] -= 1
        if not self.answers(len(self.looks) - 1):
            return Vitals(ObservedHost(self.code, online=False, problem="no connection: refused"), self.now())
        signs = {"latency_ms": 1000 * (self.seconds or 0), "master_password_accepted": True}
        return Vitals(host(self.code, self.databases, version="19.0"), self.now(), signs)


@dataclass
class Visits:
    """Pages of all servers: what comes for each name, and when it was asked."""

    now: Callable[[], datetime]
    answer: Callable[[str], PageAnswer] = lambda _name: LOGIN
    seconds: float = 0.2
    asked: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    under_way: int = 0
    most: int = 0

    async def fetch(self, url: str) -> PageAnswer:
        name = url.removeprefix("https://").partition(".")[0]
        self.asked[name].append(self.now())
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(self.seconds)
        self.under_way -= 1
        return self.answer(name)


class _Judged(dict[str, PageRecord]):
    """What the rounds keep of pages, with every judgement written down."""

    def __init__(self, all_of_them: list[PageRecord]) -> None:
        super().__init__()
        self._all_of_them = all_of_them

    def __setitem__(self, instance: str, record: PageRecord) -> None:
        self._all_of_them.append(record)
        super().__setitem__(instance, record)


@dataclass
class Ward:
    """All of it. A story may exchange `desired` and the hosts while the rounds go on."""

    desired: Desired
    clock: VirtualClock = field(default_factory=VirtualClock)
    hosts: dict[str, Patient] = field(default_factory=dict)
    records: dict[str, list[HealthRecord]] = field(default_factory=lambda: defaultdict(list))
    pages: list[PageRecord] = field(default_factory=list)
    kept: dict[str, PageRecord] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    memory: DictMemory = field(default_factory=DictMemory)
    under_way: Counter[str] = field(default_factory=Counter)
    asked: set[str] = field(default_factory=set)
    visits: Visits = field(init=False)

    def __post_init__(self) -> None:
        self.visits = Visits(self.clock.now)
        for code in self.desired.servers:
            self.add(Patient(code))

    def add(self, patient: Patient) -> Patient:
        patient.now, patient.under_way = self.clock.now, self.under_way
        self.hosts[patient.code] = patient
        return patient

    def world(self) -> World:
        unused = cast("Any", None)
        hosts, pages = cast("Any", self.hosts), dict.fromkeys(self.hosts, self.visits)
        return World(hosts, unused, self.clock, unused, cast("Any", self.memory), self.events.append, pages)

    def record(self, record: HealthRecord, notices: Iterable[Notice]) -> None:
        self.records[record.server].append(record)
        self.notices += notices

    def tell(self, notices: Iterable[Notice]) -> None:
        self.notices += notices

    def live(self, story: Callable[[], Awaitable[None]], latest: Mapping[str, HealthRecord] | None = None) -> None:
        """Make rounds while the story goes on, then cancel them."""

        async def main() -> None:
            self.kept = _Judged(self.pages)
            rounds = asyncio.ensure_future(
                HealthRounds(
                    lambda: self.desired,
                    self.world,
                    self.clock,
                    records=dict(latest or {}),
                    record=self.record,
                    tell=self.tell,
                    pages=self.kept,
                    asked=self.asked,
                ).run()
            )
            await asyncio.wait([rounds, asyncio.ensure_future(story())], return_when=asyncio.FIRST_COMPLETED)
            assert not rounds.done(), rounds.exception()
            rounds.cancel()
            await asyncio.wait([rounds])
            assert asyncio.all_tasks() == {asyncio.current_task()}, "nothing of the rounds is left"

        run(main())

    def pass_time(self, time: timedelta, latest: Mapping[str, HealthRecord] | None = None) -> None:
        """Make rounds for so long."""
        self.live(lambda: asyncio.sleep(time.total_seconds()), latest)
