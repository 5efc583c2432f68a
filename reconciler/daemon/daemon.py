"""The daemon: it follows a source of texts, runs the rounds over the hosts, looks after their health, and tells how it goes.

Everything lives in one task group: what fails without being foreseen ends the whole process, loudly, and a service manager starts
it again. No step needs an orderly end, since nothing that is needed to go on is kept in memory alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from reconciler.alerts.sending import send
from reconciler.core.deciding import Limits
from reconciler.core.model.failures import MemoryFailure
from reconciler.core.model.outcomes import Result
from reconciler.core.model.pauses import Pause
from reconciler.daemon.alerts import Alerts, Send
from reconciler.daemon.backups import BackupRounds
from reconciler.daemon.concerns import concerned_servers
from reconciler.daemon.following import Following
from reconciler.daemon.lasting import LookedAfter
from reconciler.daemon.progress import Progress
from reconciler.daemon.sources import Offer, TextSource
from reconciler.daemon.systemd import Systemd
from reconciler.daemon.telling import Teller
from reconciler.daemon.texts import Texts
from reconciler.engine.ports import Aside, Clock, Secrets
from reconciler.engine.rounds import Rounds
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired
from reconciler.health.login_pages import PageRecord, unreachable
from reconciler.health.rounds import HealthRounds
from reconciler.health.standing import Standing
from reconciler.health.verdicts import HealthRecord, is_watched
from reconciler.notices.events import ActionEnded, Event
from reconciler.notices.notices import Level, Notice, NoticeName
from reconciler.reports.standing_text import name, status_line
from reconciler.store.opening import AnyStore
from reconciler.version import __version__
from reconciler.wiring import MakeWorld

PAUSES_SECONDS = 2.0
"""How soon `pause` and `resume` of another process are noticed."""

BEAT_SECONDS = 5.0
HISTORY_SECONDS = 86_400.0
"""How often old history is forgotten."""

UNREADABLE_LOOKS = 2
"""From how many looks in a row on a text that cannot be read makes the daemon not ready: a remote may be away for one."""

SILENT_SECONDS = 60.0
"""How much longer than two intervals the rounds may be silent before the daemon no longer counts as alive."""


@dataclass(slots=True)
class Daemon:
    """One run of the daemon.

    Args:
        source: where texts come from.
        make_world: makes the ports for a text (`wiring.open_worlds`).
        open_store: opens the store of a fleet, by its code; raises `MemoryFailure`.
        clock: time.
        interval: seconds between two looks at a host of which nothing else is heard.
        systemd: the service manager.
        listeners: told of every notice.
        on_defect: told of an exception that is a defect of the tool, with the server where it came to light.
        on_pass: told how long each pass took, in seconds, and how it ended.
        choose: says for a text what of it this daemon is limited to; raises `Refusal`.
        ran_by: the account and the machine that run it.
        send: sends a message to a channel.
        progress: what runs, for whoever watches.
    """

    source: TextSource
    make_world: MakeWorld
    open_store: Callable[[str], AnyStore]
    clock: Clock
    interval: float
    systemd: Systemd
    listeners: list[Callable[[Notice], None]]
    on_defect: Callable[[str, Exception], None]
    on_pass: Callable[[float, str], None]
    choose: Callable[[Desired], Limits]
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    abandon: asyncio.Event = field(default_factory=asyncio.Event)
    ran_by: str | None = None
    send: Send = send
    progress: Progress = field(default_factory=Progress)
    _standing: Standing = field(default_factory=Standing)
    _pages: dict[str, PageRecord] = field(default_factory=dict)
    _alerts: Alerts = field(init=False)
    _teller: Teller = field(init=False)
    _work: Workplace | None = None
    _begun: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._alerts = Alerts(self._text, self.clock, self.send, self.tell, self._looked_after)
        self._teller = Teller(self.clock.now, [*self.listeners, self._alerts.hear, lambda _: self.progress.renew()])

    @property
    def standing(self) -> Standing:
        """How things stand now."""
        if self._work is None:
            return self._standing
        return replace(self._work.following.standing, unreachable_pages=unreachable(self._pages.values()))

    @property
    def work(self) -> Workplace | None:
        """What there is since a valid text was found; None until then."""
        return self._work

    def tell(self, notice: Notice) -> None:
        """Tell a notice to everyone who listens, the store among them."""
        self._teller.tell(notice)

    def spread(self, notice: Notice) -> None:
        """Tell a notice that is kept already to everyone else."""
        self._teller.spread(notice)

    def on_event(self, event: Event) -> None:
        """Take an event of a pass; given to `wiring.open_worlds`."""
        if self._work is not None:
            self._work.following.on_event(event)
        self.progress.on_event(event)
        if isinstance(event, ActionEnded) and event.outcome.result is Result.DONE:
            self._alerts.done(event.outcome.action)

    def poke(self) -> None:
        """Read the text again and look at all hosts now (SIGHUP)."""
        self.source.poke()
        if self._work is not None:
            self._work.rounds.wake()

    def alive(self) -> str:
        """Say why the daemon does not do its work although it runs; nothing if it does."""
        if self._work is None:
            return ""
        silent = self._work.rounds.silent_seconds
        return f"the rounds have stood still for {silent:.0f} s" if silent > 2 * self.interval + SILENT_SECONDS else ""

    def ready(self) -> str:
        """Say why the daemon does not keep its fleet yet; nothing if it does."""
        standing = self.standing
        if not standing.fleet:
            return status_line(standing, self.clock.now())
        if standing.source_failures >= UNREADABLE_LOOKS:
            return (
                f"the fleet's text cannot be read: {standing.source_problem}; {name(standing.revision)} stays in force"
            )
        return "" if standing.decided_at else "no server has answered yet"

    async def run(self) -> None:
        """Run until `stop`, and until what runs then has ended or `abandon` is set.

        Raises:
            MemoryFailure: the store cannot be opened.
        """
        texts = Texts(self._teller, self.clock.now, self._take, self._note)
        started = Notice(NoticeName.DAEMON_STARTED, Level.INFO, f"odoo-fleet {__version__} has started")
        self._teller.tell(started)
        self.systemd.ready()
        try:
            following = self.source.follow(texts.offer, texts.trouble)
            async with _side_by_side(following, self._beat(), self._tell_stopping()):
                if await self._first_text():
                    await self._keep()
        finally:
            self._teller.tell(Notice(NoticeName.DAEMON_STOPPED, Level.INFO, self._farewell()))
            if self._work is not None:
                await self._work.aside.ask(self._work.store.close)

    async def _first_text(self) -> bool:
        """Wait for a valid text; false if the end comes first."""
        waits = [asyncio.ensure_future(event.wait()) for event in (self._begun, self.stop)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
        return not self.stop.is_set()

    async def _keep(self) -> None:
        assert self._work is not None
        work = self._work
        # Ten thousand documents that stay: looking through them again at every collection would cost each second edit 50 ms.
        gc.collect()
        gc.freeze()
        beside = (self._follow_pauses(work), self._forget_history(work), self._look_after_health(work))
        async with _side_by_side(*beside, work.backups.run(), self._alerts.run()):
            await work.rounds.run()

    def _backups(self, rounds: Rounds, store: AnyStore) -> BackupRounds:
        return BackupRounds(
            rounds,
            store,
            standing=lambda: self.standing,
            note=lambda kept: self._note(lambda standing: replace(standing, kept=kept)),
            tell=self._teller.tell,
            store_failed=self._teller.store_failed,
            on_defect=self.on_defect,
        )

    async def _look_after_health(self, work: Workplace) -> None:
        latest: Mapping[str, HealthRecord] = {}
        try:
            latest = await work.aside.ask(work.store.latest_health)
        except MemoryFailure as failure:
            self._teller.store_failed(failure)
        kept = _watched(latest, work.rounds.desired)
        self._note(lambda standing: replace(standing, health=kept))

        def record(found: HealthRecord, notices: tuple[Notice, ...]) -> None:
            self._tell_health(work, found, notices)
            work.aside.tell(lambda: work.store.record_health(found), self._teller.store_failed)

        def tell(notices: tuple[Notice, ...]) -> None:
            for notice in notices:
                self._teller.tell(notice)

        rounds = work.rounds
        await HealthRounds(
            lambda: rounds.desired, lambda: rounds.world, self.clock, dict(kept), record, tell, self._pages, work.checks
        ).run()

    def _tell_health(self, work: Workplace, found: HealthRecord, notices: tuple[Notice, ...]) -> None:
        watched = _watched({**self.standing.health, found.server: found}, work.rounds.desired)
        self._note(lambda standing: replace(standing, health=watched))
        for notice in notices:
            self._teller.tell(notice)

    def _take(self, desired: Desired, candidate: Offer) -> None:
        """Put a text in force (`Texts.take`)."""
        if self._work is None:
            self._work = self._begin(desired, candidate)
            self._begun.set()
            return
        rounds, limits = self._work.rounds, self.choose(desired)
        # It may fail: the former text stays, with its limits.
        world = self._world(desired, candidate, self._work.store)
        rounds.limits = limits
        rounds.adopt(desired, world, concerned_servers(rounds.desired, desired, rounds.known))
        self._note(lambda standing: replace(standing, health=_watched(standing.health, desired)))

    def _begin(self, desired: Desired, candidate: Offer) -> Workplace:
        limits = self.choose(desired)
        store = self.open_store(desired.settings.code)
        try:
            world = self._world(desired, candidate, store)
        except BaseException:
            store.close()
            raise
        self._teller.keep_in(store, world.aside)
        following = Following(
            store,
            world.aside,
            self._teller,
            self.clock.now,
            self._standing,
            self.on_defect,
            self.on_pass,
            self.progress,
            self._alerts.decided,
            self.ran_by,
        )
        rounds = Rounds(desired, world, limits, self.interval, following)
        return Workplace(store, world.aside, following, rounds, self._backups(rounds, store))

    def _world(self, desired: Desired, candidate: Offer, store: AnyStore) -> World:
        return replace(self.make_world(desired, candidate.root, store), stop=self.stop, abandon=self.abandon)

    def _text(self) -> tuple[Desired, Secrets] | None:
        return (self._work.rounds.desired, self._work.rounds.world.secrets) if self._work else None

    def _looked_after(self, desired: Desired) -> LookedAfter:
        return LookedAfter(desired, self._pages, self.standing.kept, self.standing.frozen)

    def _note(self, change: Callable[[Standing], Standing]) -> None:
        if self._work is not None:
            self._work.following.standing = change(self._work.following.standing)
        else:
            self._standing = change(self._standing)

    async def _beat(self) -> None:
        """Tell the service manager that the loop turns, and how things stand."""
        seconds = min(BEAT_SECONDS, (self.systemd.watchdog_seconds or 2 * BEAT_SECONDS) / 2)
        while True:
            if not self.alive():
                self.systemd.alive()
            self.systemd.status(status_line(self.standing, self.clock.now()))
            await self.clock.sleep(seconds)

    async def _tell_stopping(self) -> None:
        """Tell the service manager that the end was asked for: what runs may take its time."""
        await self.stop.wait()
        self.systemd.stopping()

    async def _follow_pauses(self, work: Workplace) -> None:
        """Look at the hosts again when a command paused or resumed something."""
        before = await self._pauses(work)
        while True:
            await self.clock.sleep(PAUSES_SECONDS)
            now = await self._pauses(work)
            if now is not None and now != before:
                if before is not None:
                    work.rounds.wake()
                before = now

    async def _pauses(self, work: Workplace) -> Mapping[tuple[str, str], Pause] | None:
        try:
            return await work.aside.ask(work.store.pauses)
        except MemoryFailure as failure:
            self._teller.store_failed(failure)
            return None

    async def _forget_history(self, work: Workplace) -> None:
        while True:
            kept = timedelta(days=work.rounds.desired.settings.retention.history_days)
            try:
                before = self.clock.now() - kept
                await work.aside.ask(functools.partial(work.store.forget_history, before))
            except MemoryFailure as failure:
                self._teller.store_failed(failure)
            await self.clock.sleep(HISTORY_SECONDS)

    def _farewell(self) -> str:
        busy = self._work.rounds.busy if self._work else ()
        where = f" on {', '.join(busy)}" if busy else ""
        left = f"; left behind, unknown: what ran{where}" if busy or self.abandon.is_set() else ""
        return f"odoo-fleet {__version__} has stopped{left}"


def _watched(records: Mapping[str, HealthRecord], desired: Desired) -> Mapping[str, HealthRecord]:
    """Leave out what is known of servers that are not looked after: it would never be another."""
    servers = desired.servers
    return {code: record for code, record in records.items() if code in servers and is_watched(servers[code])}


@dataclass(frozen=True, slots=True)
class Workplace:
    """What there is once a valid text was found; `checks` are servers whose health somebody asks to have looked at now."""

    store: AnyStore
    aside: Aside
    following: Following
    rounds: Rounds
    backups: BackupRounds
    checks: set[str] = field(default_factory=set)


@contextlib.asynccontextmanager
async def _side_by_side(*coroutines: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run coroutines beside the body, and cancel them at its end; if one fails, the body is cancelled."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in coroutines]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
