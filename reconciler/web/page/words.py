"""How values are written on the page: the words, marks and colours of states, times, shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from reconciler.core.actions import Action
from reconciler.health.signs import HealthStatus
from reconciler.notices.notices import Level
from reconciler.reports.happenings import Happening
from reconciler.reports.happenings_text import in_words, short
from reconciler.reports.plan_text import change_in_words, worth_showing
from reconciler.reports.status import InSync
from reconciler.reports.words import lasting, whereby, why

GOOD, DOUBT, BAD, QUIET, CALM = "good", "doubt", "bad", "quiet", "calm"


@dataclass(frozen=True, slots=True)
class Badge:
    """A state in a word, with the mark and the colour that go with it: nothing is said by colour alone."""

    text: str
    tone: str
    mark: str


_MARKS = {GOOD: "●", DOUBT: "▲", BAD: "■", QUIET: "○", CALM: "◆"}
_TONES: Mapping[str, str] = {
    HealthStatus.HEALTHY.value: GOOD,
    HealthStatus.WARNING.value: DOUBT,
    HealthStatus.CRITICAL.value: BAD,
    "active": GOOD,
    "maintenance": DOUBT,
    "offline": BAD,
    "draft": QUIET,
    "disabled": QUIET,
    "inactive": QUIET,
    "suspended": CALM,
    "absent": QUIET,
    "trash": QUIET,
    "missing": BAD,
    "done": GOOD,
    "failed": BAD,
    "running": CALM,
    Level.WARNING.value: DOUBT,
    Level.ERROR.value: BAD,
    Level.INFO.value: QUIET,
}
_SYNC: Mapping[InSync, tuple[str, str]] = {
    InSync.YES: ("in sync", GOOD),
    InSync.NO: ("out of sync", BAD),
    InSync.CHANGED: ("text changed", CALM),
    InSync.NEVER_SEEN: ("never verified", DOUBT),
    InSync.NOT_OURS: ("not ours", BAD),
    InSync.UNKNOWN: ("unknown", DOUBT),
}
_FULL, _NEARLY_FULL = 5.0, 20.0


def badge(state: Any) -> Badge:
    """Show a state."""
    if isinstance(state, InSync):
        text, tone = _SYNC[state]
    else:
        text = str(state.value if isinstance(state, Enum) else state)
        tone = _TONES.get(text, DOUBT)
    return Badge(text, tone, _MARKS[tone])


def moment(at: datetime | None) -> str:
    """Write a moment."""
    return "never" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def ago(at: datetime | None, now: datetime) -> str:
    """Say how long ago something was."""
    return "never" if at is None else f"{lasting(now - at)} ago"


def fill(free: float | None) -> str:
    """Say by how full something is which colour it has."""
    if free is None:
        return QUIET
    return BAD if free <= _FULL else DOUBT if free <= _NEARLY_FULL else GOOD


def revision(text: str) -> str:
    """Shorten a revision."""
    return short(text).removeprefix("sha256:")


def changes(action: Action) -> list[str]:
    """Say of an action from what to what fields go."""
    return [change_in_words(change) for change in worth_showing(action.changes)] if action.changes else []


def level(happening: Happening) -> Badge:
    """Show how bad something was, or how an action ended."""
    return badge("done" if happening.deed and happening.deed.result == "done" else str(happening.level))


def field_value(value: Any) -> str:
    """Write the value of a document's field on one line."""
    if value is None or (not isinstance(value, bool | int | float) and not value):
        return "-"
    match value:
        case bool():
            return "yes" if value else "no"
        case dict():
            return ", ".join(f"{key}: {_inner(each)}" for key, each in value.items())
        case list() | tuple():
            return ", ".join(map(_inner, value))
    return str(value)


def _inner(value: Any) -> str:
    text = field_value(value)
    return f"{{{text}}}" if isinstance(value, dict) and value else f"[{text}]" if isinstance(value, list) else text


FILTERS: dict[str, Callable[..., Any]] = {
    "badge": badge,
    "moment": moment,
    "ago": ago,
    "fill": fill,
    "revision": revision,
    "changes": changes,
    "level": level,
    "field_value": field_value,
    "in_words": in_words,
    "why": why,
    "whereby": whereby,
}
