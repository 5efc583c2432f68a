"""What a person sees while actions run: on a terminal a line for each with its time and step, otherwise plain lines.

It is told of events and prints to stderr; it knows nothing of what comes next, and nothing depends on it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.cli import screens
from reconciler.core.model.outcomes import Outcome
from reconciler.fleet.counting import count
from reconciler.notices.events import ActionEnded, ActionStarted, DatabaseObserved, Event, HostObserved, MemoryFailed
from reconciler.reports.escapes import visible

if TYPE_CHECKING:
    from reconciler.cli.live import LiveProgress

Listener = Callable[[Event], None]


@dataclass(slots=True)
class PlainProgress:
    """A line when an action begins and one when it ends, without times of day, so that two runs can be compared."""

    total: int
    ended: int = 0

    def __call__(self, event: Event) -> None:
        """Print what an event says of the actions."""
        if isinstance(event, ActionStarted):
            screens.say(f"started  {visible(event.action.id)}")
        elif isinstance(event, ActionEnded):
            self.ended += 1
            screens.say(visible(_end(event.outcome, f"({self.ended}/{self.total})")))
        elif isinstance(event, MemoryFailed):
            screens.say(f"warning: {visible(event.problem)}")


def _end(outcome: Outcome, position: str) -> str:
    took = f" in {outcome.seconds:.1f} s" if outcome.seconds else ""
    detail = f": {outcome.detail}" if outcome.detail else ""
    return f"{outcome.result.value:<8} {outcome.action.id}{took} {position}{detail}"


@contextlib.contextmanager
def show_progress(total: int, *, live: bool) -> Iterator[PlainProgress | LiveProgress]:
    """Show progress while the body runs; what it yields is to be told of every event."""
    if not (total and live and screens.is_terminal(screens.ERR)):
        yield PlainProgress(total)
        return
    from reconciler.cli.live import live_progress  # noqa: PLC0415 -- only on a terminal

    with live_progress(total) as shown:
        yield shown


@contextlib.contextmanager
def show_looking(servers: int, *, live: bool) -> Iterator[Listener]:
    """Show how far a look at the hosts has come: on a terminal one line that goes away, otherwise nothing."""
    if not (live and screens.is_terminal(screens.ERR)):
        yield lambda _event: None
        return
    from reconciler.cli.live import one_line  # noqa: PLC0415 -- only on a terminal

    answered = looked_at = 0
    with one_line(f"Asking {count(servers, 'server')} …") as line:

        def tell(event: Event) -> None:
            nonlocal answered, looked_at
            answered += isinstance(event, HostObserved)
            looked_at += isinstance(event, DatabaseObserved)
            databases = f", {count(looked_at, 'database')} looked into" if looked_at else ""
            line.update(f"{answered} of {count(servers, 'server')} asked{databases} …")

        yield tell
