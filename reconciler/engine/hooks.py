"""Runs the operator's hooks around the one place where actions are executed; no verb knows of them.

A failure before an action stops it, and nothing was touched. A failure after it becomes part of what is told of its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from reconciler.core.model.actions import Action
from reconciler.core.model.failures import HookFailed
from reconciler.core.model.outcomes import Outcome, Result
from reconciler.core.policies.hooks import hooks_of, told
from reconciler.fleet.desired import Desired
from schemas.hooks import Hook


class Hooks(Protocol):
    """Runs hooks, each within its time."""

    async def occasion(self, action: Action) -> str:
        """Return what tells an action from the same one at another time, and stays while it is only repeated."""
        ...

    async def run(self, number: int, hook: Hook, message: Mapping[str, Any]) -> None:
        """Run one; raises `HookFailed`. What it started has ended when it is cancelled.

        Args:
            number: its place in the fleet document.
            hook: what it is.
            message: what it is told.
        """
        ...


class NoHooks:
    """Where nothing can be run, each hook fails."""

    async def occasion(self, action: Action) -> str:
        """Know none."""
        del action
        return ""

    async def run(self, number: int, hook: Hook, message: Mapping[str, Any]) -> None:
        """Fail."""
        del number, hook, message
        raise HookFailed("hooks are not run here")


async def before(action: Action, desired: Desired, hooks: Hooks, stop: asyncio.Event) -> bool:
    """Run the hooks before an action, and tell whether it may begin: not where the run was told to stop meanwhile.

    Raises:
        HookFailed: one of them failed; it says which.
    """
    for number, hook in hooks_of(action, desired, "before"):
        if stop.is_set():
            break
        message = told(action, desired, "before", await hooks.occasion(action))
        try:
            await _unless(stop, hooks.run(number, hook, message))
        except HookFailed as failure:
            raise HookFailed(f"the hook {hook.runs} before it failed: {failure}; nothing was done") from None
    return not stop.is_set()


async def after(outcome: Outcome, desired: Desired, hooks: Hooks, abandon: asyncio.Event) -> Outcome:
    """Run the hooks after an action that was not skipped, and return its outcome with what is to be said of those that failed."""
    if outcome.result is Result.SKIPPED:
        return outcome
    failed: list[str] = []
    for number, hook in hooks_of(outcome.action, desired, "after"):
        try:
            occasion = await hooks.occasion(outcome.action)
            await hooks.run(number, hook, told(outcome.action, desired, "after", occasion, outcome))
        except HookFailed as failure:
            failed.append(f"the hook {hook.runs} after it failed: {failure}")
        except asyncio.CancelledError:
            if not abandon.is_set():
                raise
            failed.append(f"the hook {hook.runs} after it was given up")
    detail = "; ".join(filter(None, [outcome.detail, *failed]))
    return replace(outcome, detail=detail, failed_hooks=tuple(failed))


async def _unless(stop: asyncio.Event, work: Awaitable[None]) -> None:
    """Wait for some work, or end it when the run is told to stop."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        if not working.done():
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
    if not working.cancelled():
        working.result()
