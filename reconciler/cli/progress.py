"""What a person sees while actions run: on a terminal a line for each with its time and step, otherwise plain lines.

It is told of events and prints to stderr; it knows nothing of what comes next, and nothing depends on it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reconciler.cli import screens
from reconciler.core.outcomes import Outcome, Result
from reconciler.fleet.counting import count
from reconciler.notices.events import (
    ActionEnded,
    ActionStarted,
    ActionStep,
    DatabaseObserved,
    Event,
    HostObserved,
    MemoryFailed,
)
from reconciler.reports.escapes import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Listener = Callable[[Event], None]

_SIGNS = {
    Result.DONE: ("✓", "green"),
    Result.FAILED: ("✗", "red"),
    Result.UNKNOWN: ("?", "yellow"),
    Result.SKIPPED: ("-", "dim"),
}
_REFRESHES_PER_SECOND = 5
_FOLD = "    "


@dataclass(slots=True)
class Running:
    """One action under way."""

    since: float
    step: str = ""


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


@dataclass(slots=True)
class LiveProgress:
    """The actions under way below, redrawn a few times a second; those that ended above, for good."""

    total: int
    console: Console
    running: dict[str, Running] = field(default_factory=dict)
    ended: int = 0

    def __call__(self, event: Event) -> None:
        """Take an event in."""
        from rich.text import Text  # noqa: PLC0415 -- only on a terminal

        if isinstance(event, ActionStarted):
            self.running[event.action.id] = Running(time.monotonic())
        elif isinstance(event, ActionStep) and event.action.id in self.running:
            self.running[event.action.id].step = event.step
        elif isinstance(event, ActionEnded):
            self.ended += 1
            self.running.pop(event.outcome.action.id, None)
            self._print(self._end(event.outcome))
        elif isinstance(event, MemoryFailed):
            self._print(Text(f"warning: {visible(event.problem)}"))

    def _print(self, line: Text) -> None:
        """Print what stays, folded below itself where it is longer than the terminal is wide."""
        from rich.text import Text  # noqa: PLC0415 -- only on a terminal

        folded = line.wrap(self.console, self.console.width - len(_FOLD))
        self.console.print(Text(f"\n{_FOLD}").join(folded), soft_wrap=True)

    def __rich__(self) -> Text:
        """Draw what is under way."""
        from rich.text import Text  # noqa: PLC0415 -- only on a terminal

        # A copy: the drawing thread must not see the dictionary change.
        lines = [Text(f"{self.ended} of {self.total} done", style="dim")]
        lines += [self._line(name, each) for name, each in list(self.running.items())]
        return Text("\n").join(lines)

    def _line(self, name: str, running: Running) -> Text:
        from rich.text import Text  # noqa: PLC0415 -- only on a terminal

        seconds = f"{time.monotonic() - running.since:6.1f} s  "
        step = f"  {visible(running.step)}" if running.step else ""
        line = Text.assemble((seconds, "cyan"), visible(name), (step, "dim"))
        line.truncate(self.console.width - 1, overflow="ellipsis")
        return line

    def _end(self, outcome: Outcome) -> Text:
        from rich.text import Text  # noqa: PLC0415 -- only on a terminal

        sign, style = _SIGNS[outcome.result]
        took = f"  {outcome.seconds:.1f} s" if outcome.seconds else ""
        detail = f": {visible(outcome.detail)}" if outcome.detail else ""
        return Text.assemble((f"{sign} ", style), visible(outcome.action.id), (took, "dim"), detail)


@contextlib.contextmanager
def show_progress(total: int, *, live: bool) -> Iterator[PlainProgress | LiveProgress]:
    """Show progress while the body runs; what it yields is to be told of every event."""
    if not (total and live and screens.is_terminal(screens.ERR)):
        yield PlainProgress(total)
        return
    from rich.live import Live  # noqa: PLC0415 -- only on a terminal

    console = _console()
    shown = LiveProgress(total, console)
    with Live(get_renderable=shown.__rich__, console=console, refresh_per_second=_REFRESHES_PER_SECOND, transient=True):
        yield shown


@contextlib.contextmanager
def show_looking(servers: int, *, live: bool) -> Iterator[Listener]:
    """Show how far a look at the hosts has come: on a terminal one line that goes away, otherwise nothing."""
    if not (live and screens.is_terminal(screens.ERR)):
        yield lambda _event: None
        return
    answered = looked_at = 0
    with _console().status(f"Asking {count(servers, 'server')} …") as line:

        def tell(event: Event) -> None:
            nonlocal answered, looked_at
            answered += isinstance(event, HostObserved)
            looked_at += isinstance(event, DatabaseObserved)
            databases = f", {count(looked_at, 'database')} looked into" if looked_at else ""
            line.update(f"{answered} of {count(servers, 'server')} asked{databases} …")

        yield tell


def _console() -> Console:
    from rich.console import Console  # noqa: PLC0415 -- only on a terminal

    return Console(stderr=True, highlight=False, no_color=not screens.has_colour(screens.ERR))
