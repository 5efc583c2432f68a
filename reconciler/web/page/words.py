"""How values are written on the page, in a language: the words, marks and colours of states, times, shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from reconciler.core.model.actions import Action
from reconciler.health.signs import HealthStatus
from reconciler.notices.notices import Level
from reconciler.reports.happenings import Happening
from reconciler.reports.happenings_text import in_words, short
from reconciler.reports.plan_text import change_in_words, worth_showing
from reconciler.reports.status import InSync
from reconciler.reports.words import lasting, whereby, why
from reconciler.web.page.languages import N_, Language

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
    InSync.YES: (N_("in sync"), GOOD),
    InSync.NO: (N_("out of sync"), BAD),
    InSync.CHANGED: (N_("text changed"), CALM),
    InSync.NEVER_SEEN: (N_("never verified"), DOUBT),
    InSync.NOT_OURS: (N_("not ours"), BAD),
    InSync.UNKNOWN: (N_("unknown"), DOUBT),
}
_FULL, _NEARLY_FULL = 5.0, 20.0


_WORDS = (
    *(N_("Servers"), N_("Templates"), N_("Plans"), N_("Instances")),
    *(N_("user"), N_("manager"), N_("admin")),
    *(N_("healthy"), N_("warning"), N_("critical"), N_("error"), N_("info")),
    *(N_("active"), N_("maintenance"), N_("offline"), N_("draft"), N_("disabled"), N_("inactive")),
    *(N_("published"), N_("suspended"), N_("absent"), N_("trash"), N_("missing"), N_("building"), N_("moved")),
    *(N_("done"), N_("failed"), N_("running"), N_("month"), N_("quarter"), N_("year")),
)
"""Words of states, roles and kinds that are translated where they are shown; what is not among them stays as it is."""


@dataclass(frozen=True, slots=True)
class PageWords:
    """How values are written in a language."""

    language: Language

    def word(self, value: Any) -> str:
        """Write a state, a role, the name of a list: translated if it is a word that is known."""
        text = str(value.value if isinstance(value, Enum) else value)
        return self.language.known(text) or text

    def badge(self, state: Any) -> Badge:
        """Show a state."""
        if isinstance(state, InSync):
            text, tone = _SYNC[state]
        else:
            text = str(state.value if isinstance(state, Enum) else state)
            tone = _TONES.get(text, DOUBT)
        return Badge(self.word(text), tone, _MARKS[tone])

    def level(self, happening: Happening) -> Badge:
        """Show how bad something was, or how an action ended."""
        return self.badge("done" if happening.deed and happening.deed.result == "done" else str(happening.level))

    def moment(self, at: datetime | None) -> str:
        """Write a moment."""
        return self.language.say("never") if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"

    def ago(self, at: datetime | None, now: datetime) -> str:
        """Say how long ago something was."""
        if at is None:
            return self.language.say("never")
        time = lasting(now - at)
        number, _, unit = time.partition(" ")
        if unit == "days":
            return self.language.say("%(number)s days ago", number=number)
        return self.language.say("%(time)s ago", time=time)

    def field_value(self, value: Any) -> str:
        """Write the value of a document's field on one line."""
        if value is None or (not isinstance(value, bool | int | float) and not value):
            return "-"
        match value:
            case bool():
                return self.language.say("yes") if value else self.language.say("no")
            case dict():
                return ", ".join(f"{key}: {self._inner(each)}" for key, each in value.items())
            case list() | tuple():
                return ", ".join(map(self._inner, value))
        return str(value)

    def _inner(self, value: Any) -> str:
        text = self.field_value(value)
        return f"{{{text}}}" if isinstance(value, dict) and value else f"[{text}]" if isinstance(value, list) else text

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return what templates write values with."""
        return {
            "word": self.word,
            "badge": self.badge,
            "moment": self.moment,
            "ago": self.ago,
            "level": self.level,
            "field_value": self.field_value,
            "known": self.language.known,
            "fill": fill,
            "revision": revision,
            "changes": changes,
            "in_words": in_words,
            "why": why,
            "whereby": whereby,
        }


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
