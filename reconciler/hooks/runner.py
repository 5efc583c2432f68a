"""Runs the hooks of one text of the fleet (`engine.hooks.Hooks`)."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from reconciler.core.model.actions import Action
from reconciler.core.model.failures import HookFailed
from reconciler.core.policies.hooks import is_allowed
from reconciler.fleet.secrets import SecretUnavailable
from reconciler.hooks.calls import Caller
from reconciler.hooks.programs import run_command
from schemas.hooks import Hook
from schemas.references import KeyReference
from schemas.secrets import Secret


class HookRunner:
    """Runs programs and web calls.

    Args:
        caller: sends web calls.
        resolve: gives the value of a secret, by its field in the fleet document; raises `SecretUnavailable`.
        environ: the environment, of which programs get little.
        commands: the directories whose programs may be run.
        last_done: says when an action was last done, as text.
    """

    def __init__(
        self,
        caller: Caller,
        resolve: Callable[[KeyReference, str], Secret],
        environ: Mapping[str, str],
        commands: Collection[str],
        last_done: Callable[[Action], Awaitable[str]],
    ) -> None:
        self._caller, self._resolve, self._environ = caller, resolve, environ
        self._commands, self._last_done = commands, last_done

    async def occasion(self, action: Action) -> str:
        """See `Hooks`."""
        return await self._last_done(action)

    async def run(self, number: int, hook: Hook, message: Mapping[str, Any]) -> None:
        """See `Hooks`. What may be run is looked at here once more, whatever was decided before."""
        body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
        if hook.command is not None:
            if not is_allowed(hook.command[0], self._commands):
                raise HookFailed("it may not run here: --allow-commands names no directory that it lies in")
            await run_command(hook.command, body + b"\n", self._environ, hook.timeout_seconds)
        elif hook.url is not None and hook.secret is not None:
            try:
                secret = self._resolve(hook.secret, f"hooks.{number}.secret")
            except SecretUnavailable as error:
                raise HookFailed(str(error)) from None
            await self._caller.send(hook.url, body, message["key"], secret, hook.timeout_seconds)
