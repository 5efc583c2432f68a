"""The passes of a daemon: each host is looked at and changed at its own pace, and every decision is one for all of them.

A pass of `apply` looks at all hosts, decides, and executes. Here the same three go on side by side, so that a host that is
slow, or busy with a long action, holds back no other. A decision is always `core.deciding.decide` over the last answers of *all*
hosts, so that placement and thresholds see the whole fleet; only what it wants on hosts that have just answered, and on which
nothing runs, is executed. What it wants elsewhere waits for that host's next answer, and is decided again then.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Collection, Coroutine, Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

from reconciler.core import approvals
from reconciler.core.deciding import Limits, Planned, decide
from reconciler.core.depths import targets
from reconciler.core.model.actions import Action
from reconciler.core.model.changesets import Approval, Changeset, Stopped, by_itself
from reconciler.core.model.failures import MemoryFailure
from reconciler.core.model.inventory import Inventory
from reconciler.core.model.observed import Observed, ObservedHost
from reconciler.core.model.outcomes import Outcome, Result
from reconciler.core.model.verbs import UPGRADE
from reconciler.core.policies.backups import BackupSubject
from reconciler.engine import measuring
from reconciler.engine.catalogues import with_backups
from reconciler.engine.executor import execute
from reconciler.engine.observing import ask_for_code, deepen, observe_shallow
from reconciler.engine.reconcile import remember
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired

SETTLE_SECONDS = 2.0
"""How long hosts that have answered wait for those that have not, so that one decision serves many."""

FIRST_SETTLE_SECONDS = 5.0
"""How long they wait before the first decision: what has not been seen yet is no news."""

TOGETHER_SECONDS = 2.0
"""How much earlier than it must a host is looked at when another one is due."""

FIRST_DELAY_SECONDS = 5.0
_MOST_DOUBLINGS = 20  # a host that is away for weeks: far over the longest delay, far under what a float holds
LONGEST_DELAY_SECONDS = 900.0
COUNTED_SECONDS = LONGEST_DELAY_SECONDS
"""How long what was begun counts towards thresholds: as long as a host that does not answer may be left alone."""

REMEMBERED_SECONDS = 1.0
"""How long what was read of the store serves the looks of many hosts that answer together."""

NOT_ASKED_YET = "it has not answered yet"


class Follower(Protocol):
    """Who is told of what happens, as it happens. None of these may raise."""

    def decided(self, planned: Planned, desired: Desired, fresh: frozenset[str], begun: tuple[Action, ...]) -> None:
        """A decision was taken on the answers of `fresh` hosts; `begun` is what is executed of it now."""

    def ended(self, server: str, outcomes: tuple[Outcome, ...]) -> None:
        """What was executed on a host has ended."""

    def broke(self, server: str, error: Exception) -> None:
        """The tool itself failed at a host: a defect. The host is tried again later, the others go on."""

    def forgot(self, failure: MemoryFailure) -> None:
        """The store cannot be read, so nothing is decided; tried again later."""


@dataclass(slots=True)
class _Lane:
    """One server. Times are of the monotonic clock; `look_at` says when to look next, `act_from` when acting is allowed again."""

    look_at: float = 0.0
    act_from: float = 0.0
    failures: int = 0
    looking: asyncio.Task[None] | None = None
    acting: asyncio.Task[None] | None = None
    answered_at: float | None = None  # since when an answer waits for a decision
    just_done: frozenset[str] = frozenset()  # what ended as done since the last decision
    awaited: frozenset[str] = frozenset()  # what is left undone here waits for it: other lanes do it


@dataclass(slots=True)
class Rounds:
    """The passes over one fleet, until the world's `stop`.

    Args:
        desired: the text in force.
        world: ports made for this text.
        limits: the depth of looks; nothing else of it is used by the daemon.
        interval: seconds between two looks at a host of which nothing is heard otherwise.
        follower: who is told.
        known: the last answers of its hosts.
        approved: what thresholds stopped, and somebody lets through; a stop forgets it.
    """

    desired: Desired
    world: World
    limits: Limits
    interval: float
    follower: Follower
    known: dict[str, ObservedHost] = field(default_factory=dict)
    approved: frozenset[Approval] = frozenset()
    _tried: set[Action] = field(default_factory=set)  # of what is approved, what has ended
    _begun: dict[Action, float] = field(default_factory=dict)  # what the text in force has had done, and when
    _lanes: dict[str, _Lane] = field(default_factory=dict)
    _nudge: asyncio.Event = field(default_factory=asyncio.Event)
    _away: dict[str, str] = field(default_factory=dict)  # address of a document: server where an action on it runs
    _blind_until: float = 0.0
    _remembered: tuple[float, Inventory] | None = None
    _writings: int = 0  # how often what is remembered was made another
    _turned_at: float = 0.0
    _has_decided: bool = False

    @property
    def silent_seconds(self) -> float:
        """Say for how long the loop has not turned; with hosts to look at that is seldom longer than the interval."""
        return self.world.clock.monotonic() - self._turned_at

    @property
    def busy(self) -> tuple[str, ...]:
        """Name the hosts on which actions run."""
        return tuple(sorted(code for code, lane in self._lanes.items() if lane.acting))

    @property
    def away(self) -> frozenset[str]:
        """Name the instances on which actions run."""
        return frozenset(self._away)

    def wake(self, servers: Collection[str] | None = None) -> None:
        """Look at these hosts, or at all, as soon as nothing runs on them; failures of before no longer delay anything."""
        for code, lane in self._lanes.items():
            if servers is None or code in servers:
                lane.look_at = lane.act_from = 0.0
                lane.failures, lane.just_done = 0, frozenset()
        self._nudge.set()

    def adopt(self, desired: Desired, world: World, servers: Collection[str]) -> None:
        """Put another text in force. What runs goes on under the text that it began with.

        Args:
            desired: the text.
            world: ports made for it.
            servers: those that the edit concerns; new ones are looked at anyway.
        """
        self.desired, self.world = desired, world
        self._begun.clear()
        asked = desired.in_use
        for code in self._lanes.keys() - asked:
            if not self._lanes[code].acting:
                self._drop(code)
        for code in sorted(asked):
            self._open(code)
        # A look under way was chosen for the former text: it is taken again where that matters.
        for code in servers:
            lane = self._lanes.get(code)
            if lane is not None and lane.looking is not None:
                lane.looking.cancel()
                lane.looking = None
        self.wake(servers)

    def approve(self, stopped: Stopped) -> None:
        """Let through what a threshold stopped, once; its hosts are looked at before anything is done there."""
        self.approved |= approvals.approve(stopped)
        self.wake({server for action in stopped.actions for server in action.servers})

    async def run(self) -> None:
        """Go on until asked to stop; returns when nothing runs any more."""
        for code in sorted(self.desired.in_use):
            self._open(code)
        async with asyncio.TaskGroup() as group:
            stopping = group.create_task(self._nudge_at_stop())
            while not self.world.stop.is_set():
                self._nudge.clear()
                self._turned_at = self.world.clock.monotonic()
                self._begin_looks(group)
                await self._decide_if_due(group)
                await self._wait()
            stopping.cancel()
            for lane in self._lanes.values():
                if lane.looking:
                    lane.looking.cancel()

    async def _nudge_at_stop(self) -> None:
        await self.world.stop.wait()
        self._nudge.set()

    async def _wait(self) -> None:
        now = self.world.clock.monotonic()
        next_time = min((lane.look_at for lane in self._lanes.values() if not _is_occupied(lane)), default=math.inf)
        if (waiting := self._oldest_answer()) is not None:
            next_time = min(next_time, max(waiting + self._settling(), self._blind_until))
        seconds = None if math.isinf(next_time) else max(0.0, next_time - now)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._nudge.wait()

    def _open(self, code: str) -> None:
        if code not in self._lanes:
            self._lanes[code] = _Lane()
            # Until it answers it may hold anything: nothing is placed or cloned as if it did not.
            self.known[code] = ObservedHost(code, online=False, problem=NOT_ASKED_YET)

    def _drop(self, code: str) -> None:
        lane = self._lanes.pop(code)
        self.known.pop(code, None)
        if lane.looking:
            lane.looking.cancel()

    def _begin_looks(self, group: asyncio.TaskGroup) -> None:
        now = self.world.clock.monotonic()
        if not any(lane.look_at <= now and not _is_occupied(lane) for lane in self._lanes.values()):
            return
        for code, lane in self._lanes.items():
            # Who is due in a moment comes along: one decision for many hosts costs what one for each of them would.
            soon = now if lane.failures else now + TOGETHER_SECONDS
            if lane.look_at <= soon and not _is_occupied(lane):
                lane.look_at = math.inf
                lane.looking = group.create_task(self._look(code, lane), name=f"look at {code}")

    async def _look(self, code: str, lane: _Lane) -> None:
        """Look at one host: by names, then at databases that the text, memory and the rotation name."""
        desired, world, depth = self.desired, self.world, self.limits.depth
        try:
            shallow = (await observe_shallow([code], world)).hosts[code]
            inventory = await self._inventory()
            if depth.asks_for_code(desired):
                shallow = (await ask_for_code(desired, inventory, world, Observed({code: shallow}))).hosts[code]
            around = Observed({**self.known, code: shallow})
            wanted = targets(desired, around, inventory, world.clock.now(), depth, self.limits.selection)
            seen = await deepen(Observed({code: shallow}), [t for t in wanted if t.server == code], world)
            host = await with_backups(desired, around, seen.hosts[code], world)
        except MemoryFailure as failure:
            self.follower.forgot(failure)
            self._delay(lane)
        except Exception as error:  # noqa: BLE001 -- a defect that one host brings to light must not stop the others
            self.follower.broke(code, error)
            self._delay(lane)
        else:
            if lane.looking is asyncio.current_task():
                self._take(code, lane, host)
        finally:
            if lane.looking is asyncio.current_task():
                lane.looking = None
            self._nudge.set()

    def _take(self, code: str, lane: _Lane, seen: ObservedHost) -> None:
        now = self.world.clock.monotonic()
        self.known[code] = seen
        lane.answered_at = now
        if seen.online:
            lane.look_at = now + self.interval
        else:
            self._delay(lane)

    def _oldest_answer(self) -> float | None:
        return min((lane.answered_at for lane in self._lanes.values() if lane.answered_at is not None), default=None)

    def _settling(self) -> float:
        return SETTLE_SECONDS if self._has_decided else FIRST_SETTLE_SECONDS

    async def _decide_if_due(self, group: asyncio.TaskGroup) -> None:
        """Decide when all that were asked have answered, or some have waited long enough for the others."""
        oldest, now = self._oldest_answer(), self.world.clock.monotonic()
        if oldest is None or now < self._blind_until:
            return
        if now < oldest + self._settling() and any(lane.looking for lane in self._lanes.values()):
            return
        try:
            inventory = await self._inventory()
        except MemoryFailure as failure:
            self.follower.forgot(failure)
            self._blind_until = now + FIRST_DELAY_SECONDS
            return
        fresh = frozenset(c for c, lane in self._lanes.items() if lane.answered_at is not None and not lane.acting)
        # A server that left the text while something ran there is in no decision any more.
        answers = {code: host for code, host in self.known.items() if code in self.desired.servers}
        self.approved = approvals.without_tried(self.approved, self._tried, fresh)
        self._begun = {action: at for action, at in self._begun.items() if at > now - COUNTED_SECONDS}
        limits = replace(self.limits, approved=self.approved, begun=self._begun.keys())
        planned = decide(self.desired, Observed(answers), inventory, self.world.clock.now(), limits)
        self._has_decided = True
        self.approved = approvals.still_wanted(self.approved, planned.changeset, planned.observed, fresh)
        self._tried &= {action for _, action in self.approved}
        seen = Observed({code: answers[code] for code in sorted(fresh & answers.keys())})
        remember(replace(planned, observed=seen), self.desired, self.world)
        self._forget_inventory()
        begun = [a for code in sorted(fresh) for a in self._begin(group, code, planned.changeset.actions)]
        for code in fresh:
            self._lanes[code].answered_at = None
        self._look_where_awaited(planned.changeset)
        self._measure(group, replace(planned, observed=seen))
        self.follower.decided(planned, self.desired, fresh, tuple(begun))

    def _look_where_awaited(self, changeset: Changeset) -> None:
        """Have hosts looked at where something waited for what is wanted no more: it is done, or not to be done."""
        wanted = {action.id for action in changeset.actions}
        for lane in self._lanes.values():
            if lane.awaited - wanted:
                lane.awaited, lane.look_at = frozenset(), min(lane.look_at, lane.act_from)

    def _measure(self, group: asyncio.TaskGroup, seen: Planned) -> None:
        """Measure what is due on hosts that have just answered, and on which nothing was begun."""
        waiting: dict[str, list[BackupSubject]] = {}
        for subject in measuring.due(seen, self.desired, self.world, self.limits):
            if self._lanes[subject.server].acting is None:
                waiting.setdefault(subject.server, []).append(subject)
        for code, subjects in waiting.items():
            work = self._measured(code, measuring.measure(subjects, seen, self.desired, self.world))
            self._lanes[code].acting = group.create_task(work, name=f"measure on {code}")

    async def _measured(self, code: str, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 -- see `_look`
            self.follower.broke(code, error)
        finally:
            self._lanes[code].acting = None
            if code not in self.desired.in_use:
                self._drop(code)
            self._forget_inventory()
            self._nudge.set()

    def _begin(self, group: asyncio.TaskGroup, code: str, wanted: Iterable[Action]) -> tuple[Action, ...]:
        """Execute what a decision wants on one host, unless it is to be left alone for a while."""
        lane, now = self._lanes[code], self.world.clock.monotonic()
        here = [a for a in wanted if a.server == code and self._away.get(a.address, code) == code]
        actions, lane.awaited = _ready(here)
        just_done, lane.just_done = lane.just_done, frozenset()
        if not actions:
            if self.known[code].online:
                lane.failures = 0
            return ()
        if now < lane.act_from:
            lane.look_at = min(lane.look_at, lane.act_from)
            return ()
        if just_done & {a.id for a in actions}:
            # Done, and wanted again at once: it does not stay. Once more, but not over and over.
            self._delay(lane)
            return ()
        let_through = {action for _, action in self.approved}
        # Waves have limits of their own.
        self._begun |= {a: now for a in map(by_itself, actions) if a not in let_through and a.verb is not UPGRADE}
        self._away |= {a.address: code for a in actions if a.kind == "instance"}
        acting = self._act(code, lane, actions, self.desired, self.world)
        lane.acting = group.create_task(acting, name=f"change {code}")
        return actions

    async def _act(self, code: str, lane: _Lane, actions: tuple[Action, ...], desired: Desired, world: World) -> None:
        """Execute under the text of the decision, whatever comes into force meanwhile."""
        outcomes: tuple[Outcome, ...] = ()
        try:
            outcomes = await execute(
                Changeset(actions), desired, world, on_defect=lambda error: self.follower.broke(code, error)
            )
        except Exception as error:  # noqa: BLE001 -- see `_look`
            self.follower.broke(code, error)
        finally:
            for action in actions:
                self._away.pop(action.address, None)
            skipped = {outcome.action for outcome in outcomes if outcome.result is Result.SKIPPED}
            self._tried |= {by_itself(action) for action in actions if action not in skipped}
            lane.acting = None
            for origin in {action.origin for action in actions} & self._lanes.keys():
                self._lanes[origin].look_at = 0.0  # what left it is not what it answered last
            self._forget_inventory()
            self._nudge.set()
        self.follower.ended(code, outcomes)
        done = frozenset(o.action.id for o in outcomes if o.result is Result.DONE)
        if code not in self.desired.in_use:
            self._drop(code)
        elif desired is self.desired:
            lane.just_done = done
            if len(done) < len(actions):
                self._delay(lane)
        # What was done is believed only when it is seen, and what was not is seen before it is tried again.
        lane.look_at = self.world.clock.monotonic()

    async def _inventory(self) -> Inventory:
        """Return what is remembered, everything included that was done until now: while it is read, more may be."""
        if self._remembered and self.world.clock.monotonic() - self._remembered[0] <= REMEMBERED_SECONDS:
            return self._remembered[1]
        while True:
            now, writings = self.world.clock.monotonic(), self._writings
            read = await self.world.inventory()
            # However long it took: many hosts that ask at once for a large memory wait for one another in the store's thread.
            if writings == self._writings:
                self._remembered = (now, read)
                return read

    def _forget_inventory(self) -> None:
        self._remembered = None
        self._writings += 1

    def _delay(self, lane: _Lane) -> None:
        """Leave a host alone for a while, longer each time."""
        lane.failures += 1
        doublings = min(lane.failures - 1, _MOST_DOUBLINGS)
        seconds = min(FIRST_DELAY_SECONDS * 2**doublings, LONGEST_DELAY_SECONDS, self.interval)
        lane.act_from = lane.look_at = self.world.clock.monotonic() + self._spread(seconds)

    def _spread(self, seconds: float) -> float:
        """Add up to a tenth, so that hosts that failed together do not come back together."""
        return seconds * (1 + self.world.nonces.number(0, 100) / 1000)


def _ready(wanted: Iterable[Action]) -> tuple[tuple[Action, ...], frozenset[str]]:
    """Part what can be done by itself from the rest; return it in its order, and what the rest waits for."""
    ready: dict[str, Action] = {}
    awaited: set[str] = set()
    for action in wanted:
        missing = set(action.after) - ready.keys()
        awaited |= missing
        if not missing:
            ready[action.id] = action
    return tuple(ready.values()), frozenset(awaited)


def _is_occupied(lane: _Lane) -> bool:
    return lane.looking is not None or lane.acting is not None
