"""What is redrawn on a terminal while actions run and hosts are asked. Loaded only there: rich is slow to import.

What is to stay goes above what is redrawn, folded below itself; others reach that place by `screens.say`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.status import Status
from rich.text import Text

from reconciler.cli import screens
from reconciler.core.model.outcomes import Outcome, Result
from reconciler.notices.events import ActionEnded, ActionStarted, ActionStep, Event, MemoryFailed
from reconciler.reports.escapes import visible

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
class LiveProgress:
    """The actions under way below, redrawn a few times a second; those that ended above, for good."""

    total: int
    console: Console
    running: dict[str, Running] = field(default_factory=dict)
    ended: int = 0

    def __call__(self, event: Event) -> None:
        """Take an event in."""
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
        folded = line.wrap(self.console, self.console.width - len(_FOLD))
        self.console.print(Text(f"\n{_FOLD}").join(folded), soft_wrap=True)

    def __rich__(self) -> Text:
        """Draw what is under way."""
        # A copy: the drawing thread must not see the dictionary change.
        lines = [Text(f"{self.ended} of {self.total} done", style="dim")]
        lines += [self._line(name, each) for name, each in list(self.running.items())]
        return Text("\n").join(lines)

    def _line(self, name: str, running: Running) -> Text:
        seconds = f"{time.monotonic() - running.since:6.1f} s  "
        step = f"  {visible(running.step)}" if running.step else ""
        line = Text.assemble((seconds, "cyan"), visible(name), (step, "dim"))
        line.truncate(self.console.width - 1, overflow="ellipsis")
        return line

    def _end(self, outcome: Outcome) -> Text:
        sign, style = _SIGNS[outcome.result]
        took = f"  {outcome.seconds:.1f} s" if outcome.seconds else ""
        detail = f": {visible(outcome.detail)}" if outcome.detail else ""
        return Text.assemble((f"{sign} ", style), visible(outcome.action.id), (took, "dim"), detail)


@contextlib.contextmanager
def live_progress(total: int) -> Iterator[LiveProgress]:
    """Draw while the body runs; what it yields is to be told of every event."""
    console = _console()
    shown = LiveProgress(total, console)
    with Live(get_renderable=shown.__rich__, console=console, refresh_per_second=_REFRESHES_PER_SECOND, transient=True):
        yield shown


def one_line(text: str) -> Status:
    """Make a line that goes away when it is left."""
    return _console().status(text)


def _console() -> Console:
    return Console(stderr=True, highlight=False, no_color=not screens.has_colour(screens.ERR))
