"""What happened, notices and ended actions in one list: the data behind `events` and `history`.

Names, verbs, reasons and results are plain text: an old store may hold some that this version no longer knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from reconciler.core.actions import Reason
from reconciler.core.outcomes import Result
from reconciler.notices.notices import Level, NoticeName
from reconciler.notices.records import OutcomeRecord
from reconciler.notices.recurrence import drifted_fields

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

_AT_ONCE = timedelta(minutes=1)
"""How much later than an action's end it may be told in a notice."""


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


def is_as_bad_as(level: str, least: str) -> bool:
    """Tell whether a level is another one or worse; one that this version does not know always is."""
    return level not in LEVELS or LEVELS.index(level) >= LEVELS.index(least)


def in_order(notices: Iterable[Happening], deeds: Iterable[Happening]) -> tuple[Happening, ...]:
    """Put both together, oldest first, and leave out what would be said twice.

    A notice that an action failed, is unknown or repaired drift says what the end of that action says as well.

    Args:
        notices: newest first, as a store gives them.
        deeds: ends of actions, newest first.
    """
    done = tuple(reversed(tuple(deeds)))
    ends: dict[tuple[str, str, str, str], list[datetime]] = {}
    for each in done:
        ends.setdefault(_twin(each), []).append(each.at)
    told = (n for n in reversed(tuple(notices)) if not _is_repeated(n, ends))
    return tuple(sorted((*done, *told), key=lambda each: each.at))  # stable: at one moment, what was done comes first


def _twin(happening: Happening) -> tuple[str, str, str, str]:
    """Name the notice that would say the same as the end of an action."""
    deed = happening.deed
    repaired = deed is not None and (deed.reason, deed.result) == (Reason.DRIFTED, Result.DONE)
    name = NoticeName.DRIFT_REPAIRED if repaired else happening.name
    return name, happening.kind, happening.code, happening.server


def _is_repeated(notice: Happening, ends: Mapping[tuple[str, str, str, str], list[datetime]]) -> bool:
    if notice.name not in {NoticeName.ACTION_FAILED, NoticeName.ACTION_UNKNOWN, NoticeName.DRIFT_REPAIRED}:
        return False
    return any(abs(notice.at - at) <= _AT_ONCE for at in ends.get(_twin(notice), ()))
