"""What happened, notices and ended actions in one list: the data behind `events` and `history`.

Names, verbs, reasons and results are plain text: an old store may hold some that this version no longer knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from reconciler.core.model.outcomes import Result
from reconciler.notices.notices import Level, NoticeName
from reconciler.notices.records import OutcomeRecord
from reconciler.notices.recurrence import drifted_fields, repairs
from reconciler.notices.recurrence import told as told_of
from reconciler.notices.telling import end_in_words

LEVELS: Final = tuple(level.value for level in Level)
"""From the least to the worst."""

ENDED: Mapping[str, tuple[str, Level]] = {
    Result.DONE: ("action-done", Level.INFO),
    Result.SKIPPED: ("action-skipped", Level.WARNING),
    Result.UNKNOWN: (NoticeName.ACTION_UNKNOWN.value, Level.ERROR),
    Result.FAILED: (NoticeName.ACTION_FAILED.value, Level.ERROR),
}
"""By how an action ended, the name under which that is listed among notices, and how bad it is."""

NAMES: Final = tuple(dict.fromkeys([*(name for name, _ in ENDED.values()), *(name.value for name in NoticeName)]))


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened: a notice, or (with the deed) the end of an action.

    `detail` says what, or why it did not end well. What is not known or concerns nothing is empty.
    """

    at: datetime
    name: str
    level: str
    detail: str = ""
    kind: str = ""
    code: str = ""
    server: str = ""
    revision: str = ""
    fields: tuple[str, ...] = ()
    deed: OutcomeRecord | None = None

    @property
    def address(self) -> str:
        """Name the document that it is about: `instance/acme`; empty if it is about none."""
        return f"{self.kind}/{self.code}" if self.code else self.kind


@dataclass(frozen=True, slots=True)
class Asked:
    """What happenings are asked for: of a document, of a server, of some names (none: all), of a level or worse."""

    limit: int
    since: datetime | None = None
    kind: str | None = None
    code: str | None = None
    server: str | None = None
    names: tuple[str, ...] = ()
    level: str = Level.INFO


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest happenings, oldest first; `is_cut` if there are older ones."""

    happenings: tuple[Happening, ...]
    is_cut: bool


def ended(outcome: OutcomeRecord) -> Happening:
    """Make the happening of an action that ended."""
    name, level = ENDED.get(outcome.result, (f"action-{outcome.result}", Level.WARNING))
    return Happening(
        at=outcome.at,
        name=name,
        level=level,
        detail=outcome.detail,
        kind=outcome.kind,
        code=outcome.code,
        server=outcome.server,
        revision=outcome.revision or "",
        fields=drifted_fields(field for field, _, _ in outcome.changes),
        deed=outcome,
    )


def milder(level: str) -> tuple[str, ...]:
    """Return the levels that are not as bad as this one; what this version does not know is none of them."""
    return LEVELS[: LEVELS.index(level)]


def in_order(notices: Iterable[Happening], deeds: Iterable[Happening]) -> tuple[Happening, ...]:
    """Put both together, oldest first, and leave out what would be said twice.

    A notice that an action failed, is unknown or repaired drift says what the end of that action says as well.

    Args:
        notices: newest first, as a store gives them.
        deeds: ends of actions, newest first.
    """
    done = tuple(reversed(tuple(deeds)))
    said = {said for each in done if each.deed is not None for said in _told_as(each.deed)}
    told = (n for n in reversed(tuple(notices)) if (n.name, n.detail) not in said)
    return tuple(sorted((*done, *told), key=lambda each: each.at))  # stable: at one moment, what was done comes first


def _told_as(deed: OutcomeRecord) -> Iterator[tuple[str, str]]:
    """Yield the notices, by name and words, that say the same as the end of an action."""
    if end := end_in_words(deed.action_id, deed.result, deed.detail):
        yield end
    for repair in repairs((deed,)):
        notice = told_of(repair, (), "")
        yield notice.name, notice.detail
