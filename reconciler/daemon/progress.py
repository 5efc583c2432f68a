"""What a daemon is at work on, as it goes on, and that something changed of what it shows: for whoever watches.

Nothing is kept for a watcher: each waits for the next change and looks at what is so by then, however many there were meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.core.model.actions import Action
from reconciler.core.model.outcomes import Result
from reconciler.health.standing import Standing
from reconciler.notices.events import ActionEnded, ActionStarted, ActionStep, Event
from reconciler.web.boards import Deed, Run


@dataclass(slots=True)
class Progress:
    """What runs on servers.

    Args:
        version: counts what changed of what is shown, beside what runs.
    """

    version: int = 0
    _runs: dict[str, Run] = field(default_factory=dict)
    _drawn: Standing | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def runs(self) -> tuple[Run, ...]:
        """Return what runs now, by server."""
        return tuple(self._runs[server] for server in sorted(self._runs))

    def change(self) -> Coroutine[Any, Any, object]:
        """Return what waits until something changes, from this very call on."""
        return self._changed.wait()

    def begun(self, actions: Iterable[Action]) -> None:
        """Note what a decision has set going."""
        for action in actions:
            run = self._runs.get(action.server, Run(action.server))
            self._runs[action.server] = replace(run, total=run.total + 1)
            self._tell()

    def on_event(self, event: Event) -> None:
        """Note how an action goes on."""
        match event:
            case ActionStarted(action):
                self._go_on(action, "")
            case ActionStep(action, step):
                self._go_on(action, step)
            case ActionEnded(outcome):
                self._end(outcome.action, is_bad=outcome.result in (Result.FAILED, Result.UNKNOWN))

    def ended(self, server: str) -> None:
        """Note that nothing runs on a server any more."""
        if self._runs.pop(server, None) is not None:
            self.renew()

    def drawn(self, standing: Standing) -> None:
        """Note a new picture: what differs by its times alone is no news."""
        timeless = replace(standing, decided_at=None, converged_at=None, health={}, kept=())
        if timeless != self._drawn:
            self._drawn = timeless
            self.renew()

    def renew(self) -> None:
        """Note that something else is shown from now on."""
        self.version += 1
        self._tell()

    def _go_on(self, action: Action, step: str) -> None:
        if (run := self._runs.get(action.server)) is not None:
            others = tuple(deed for deed in run.deeds if deed.action.id != action.id)
            self._runs[action.server] = replace(run, deeds=(*others, Deed(action, step)))
            self._tell()

    def _end(self, action: Action, *, is_bad: bool) -> None:
        if (run := self._runs.get(action.server)) is not None:
            others = tuple(deed for deed in run.deeds if deed.action.id != action.id)
            self._runs[action.server] = replace(run, deeds=others, ended=run.ended + 1, failed=run.failed + is_bad)
            self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
