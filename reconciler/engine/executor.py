"""Runs a changeset's actions: dependencies first, as many at a time as each host bears, and every end is an outcome.

It has no policy: what it is given is what runs. It takes no new action once it is asked to stop.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from reconciler.core.model.actions import Action
from reconciler.core.model.changesets import Changeset
from reconciler.core.model.failures import (
    HookFailed,
    HostError,
    MemoryFailure,
    PassingError,
    StorageFailure,
    UnknownOutcome,
)
from reconciler.core.model.outcomes import Outcome, Result
from reconciler.core.model.verbs import REBUILD
from reconciler.engine import hooks
from reconciler.engine.carrying_out.performer import NotBegun, Performer
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired
from reconciler.fleet.secrets import SecretUnavailable
from reconciler.notices.events import ActionEnded, ActionStarted, ActionStep

CIRCUIT_OPENS = 3
"""After so many actions in a row that a host failed (not refused), it is left alone for the pass; the others go on."""

_ENDED = {Result.FAILED: "failed", Result.UNKNOWN: "ended unknown", Result.SKIPPED: "was skipped"}
"""How an action that others wait for ended, if not well."""


async def execute(
    changeset: Changeset,
    desired: Desired,
    world: World,
    *,
    exactly: bool = False,
    on_defect: Callable[[Exception], None] | None = None,
) -> tuple[Outcome, ...]:
    """Carry a changeset out and return the outcomes in its order. Never raises for what a host or this machine does.

    What is a defect of this tool is raised when all actions have ended and their outcomes are told, or given to `on_defect`.

    Args:
        changeset: what is done; each action is what it shows, and what a fresh look finds beyond that.
        desired: the text that it was decided on.
        world: the ports.
        exactly: whether an action fails where a fresh look finds more.
        on_defect: takes what is a defect of this tool, so that the outcomes are returned.
    """
    run = _Run(Performer(desired, world, lambda a, step: world.emit(ActionStep(a, step)), exactly), desired, world)
    async with asyncio.TaskGroup() as group:
        for action in changeset.actions:
            run.ends[action.id] = group.create_task(run.one(action), name=action.id)
        watching = group.create_task(_abandon_when_asked(world, run.ends.values()))
        await asyncio.gather(*run.ends.values())
        watching.cancel()
    for defect in run.defects:
        if on_defect is None:
            raise defect
        on_defect(defect)
    return tuple(run.ends[a.id].result() for a in changeset.actions)


async def _abandon_when_asked(world: World, running: Collection[asyncio.Task[Outcome]]) -> None:
    await world.abandon.wait()
    for task in running:
        task.cancel()


@dataclass(slots=True)
class _Run:
    performer: Performer
    desired: Desired
    world: World
    ends: dict[str, asyncio.Task[Outcome]] = field(default_factory=dict)
    defects: list[Exception] = field(default_factory=list)
    _changes: dict[str, asyncio.Semaphore] = field(default_factory=dict)
    _alike: dict[str, dict[str, asyncio.Semaphore]] = field(default_factory=dict)
    _begun: dict[str, float] = field(default_factory=dict)
    _failing: dict[str, int] = field(default_factory=dict)

    async def one(self, action: Action) -> Outcome:
        try:
            outcome = await self._with_hooks(action)
        except Exception as defect:  # noqa: BLE001 -- what one action brings to light must not cancel the others
            self.defects.append(defect)
            outcome = self._unknown(action, f"a defect of odoo-fleet: {type(defect).__name__}")
        self.world.emit(ActionEnded(outcome))
        return outcome

    async def _with_hooks(self, action: Action) -> Outcome:
        try:
            outcome = await self._wait_and_perform(action)
        except asyncio.CancelledError:
            if not self.world.abandon.is_set():
                raise
            if action.id not in self._begun:
                return Outcome(action, Result.SKIPPED, "stopped before it began")
            outcome = self._unknown(action, "abandoned while it was under way")
        return await hooks.after(outcome, self.desired, self.world.hooks, self.world.abandon)

    def _unknown(self, action: Action, why: str) -> Outcome:
        now = self.world.clock.monotonic()
        seconds = now - self._begun.get(action.id, now)
        return Outcome(action, Result.UNKNOWN, f"{why}; the next run looks at it again", seconds)

    async def _wait_and_perform(self, action: Action) -> Outcome:
        for need in action.after:
            if need not in self.ends:
                return Outcome(action, Result.SKIPPED, f"it comes after '{need}', which is no part of this run")
            before = await asyncio.shield(self.ends[need])
            is_served = before.action.verb is REBUILD and before.result in (Result.FAILED, Result.SKIPPED)
            if (
                before.result is not Result.DONE and not is_served
            ):  # what was to be replaced is still there to be cloned
                return Outcome(action, Result.SKIPPED, f"'{need}' {_ENDED[before.result]}")
        async with contextlib.AsyncExitStack() as held:
            for server in sorted(action.servers):  # in one order, so that no two wait for each other
                if action.verb.at_once:  # first, so that what waits for its like takes no place of others
                    alike = self._alike.setdefault(action.verb.alike, {})
                    await held.enter_async_context(self._limit(alike, server, action.verb.at_once))
                at_once = self.desired.servers[server].max_concurrent_operations
                await held.enter_async_context(self._limit(self._changes, server, at_once))
            return await self._perform(action)

    async def _perform(self, action: Action) -> Outcome:
        if self.world.stop.is_set():
            return Outcome(action, Result.SKIPPED, "stopped before it began")
        if self._failing.get(action.server, 0) >= CIRCUIT_OPENS:
            why = f"{action.server} keeps failing and is left alone for this pass"
            return Outcome(action, Result.SKIPPED, why)
        self.world.emit(ActionStarted(action))
        try:
            if not await hooks.before(action, self.desired, self.world.hooks, self.world.stop):
                return Outcome(action, Result.SKIPPED, "stopped before it began")
        except HookFailed as failure:
            return Outcome(action, Result.FAILED, str(failure))
        started = self._begun[action.id] = self.world.clock.monotonic()
        result, detail = await self._attempt(action)
        if result is Result.DONE:
            self._failing[action.server] = 0
        return Outcome(action, result, detail, self.world.clock.monotonic() - started)

    async def _attempt(self, action: Action) -> tuple[Result, str]:
        try:
            return Result.DONE, await self.performer.perform(action)
        except NotBegun as why:
            return Result.SKIPPED, str(why)
        except UnknownOutcome as error:
            self._note_failing(action)
            return Result.UNKNOWN, str(error)
        except PassingError as error:
            self._note_failing(action)
            return Result.FAILED, str(error)
        except (HostError, MemoryFailure, SecretUnavailable, StorageFailure) as error:
            return Result.FAILED, str(error)
        except OSError as error:  # a full disk and the like: hosts' and targets' failures have names of their own
            return Result.FAILED, f"this machine: {error.strerror or type(error).__name__}"

    def _note_failing(self, action: Action) -> None:
        self._failing[action.server] = self._failing.get(action.server, 0) + 1

    def _limit(self, limits: dict[str, asyncio.Semaphore], server: str, size: int) -> asyncio.Semaphore:
        return limits.setdefault(server, asyncio.Semaphore(size))
