"""Drift that comes back: was the same field of the same database repaired before, how often, how far apart?

A repair that is undone again and again is no accident: someone works on the database, or something in it writes the field.
Pure: from the repairs of the past and a new one to what is told of it. Fields are named, their values never.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from reconciler.core.model.actions import Action, Reason
from reconciler.core.model.outcomes import Result
from reconciler.notices.notices import Level, Notice, NoticeName
from reconciler.notices.records import OutcomeRecord

WINDOW: Final = timedelta(days=7)
"""How far back a repair counts: long enough to see what a nightly job or a colleague's working days undo, short enough that two
changes by hand in one month accuse nobody."""

_NAMED = 5
"""Fields that a sentence names."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class Repair:
    """One repair of drift: of which document's database, on which server, which fields, when it was done."""

    kind: str
    code: str
    server: str
    fields: tuple[str, ...]
    at: datetime

    @property
    def place(self) -> str:
        """Name the database's document and server: `instance/acme on prod-1`."""
        return f"{self.kind}/{self.code} on {self.server}"


def repairs(ended: Iterable[OutcomeRecord]) -> tuple[Repair, ...]:
    """Return the repairs of drift among actions that ended, in their order."""
    done = (e for e in ended if e.reason == Reason.DRIFTED and e.result == Result.DONE)
    return tuple(Repair(e.kind, e.code, e.server, drifted_fields(c[0] for c in e.changes), e.at) for e in done)


def drifted_fields(fields: Iterable[str]) -> tuple[str, ...]:
    """Return the names of what drifted. The mark follows from what is applied: it counts only where nothing else differs."""
    names = tuple(sorted(set(fields)))
    return tuple(name for name in names if not name.startswith("mark.")) or names


def told(repair: Repair, earlier: Iterable[Repair], revision: str) -> Notice:
    """Say that drift was repaired; as a warning with how often and since when if one of its fields was repaired before.

    Args:
        repair: the new one.
        earlier: others of the past, of whatever documents and in whatever order; the new one may be among them.
        revision: the text that was in force.
    """
    before = _before(repair, earlier)
    if before:
        name, level, detail = NoticeName.DRIFT_RETURNED, Level.WARNING, _returned(repair, before)
    else:
        was = "was" if len(repair.fields) == 1 else "were"
        detail = f"{_listed(repair.fields)} of {repair.place} had drifted from the text and {was} repaired"
        name, level = NoticeName.DRIFT_REPAIRED, Level.INFO
    return Notice(name, level, detail, repair.kind, repair.code, repair.server, revision, repair.fields)


def returned(actions: Iterable[Action], earlier: Iterable[Repair], now: datetime) -> Mapping[str, str]:
    """Note on actions, by their id, that the drift which they repair was repaired before: `drifted again (4th time in 7 days)`.

    Args:
        actions: planned ones, for whatever reason.
        earlier: repairs of the past, in whatever order.
        now: the time of the plan, UTC.
    """
    known = tuple(earlier)
    notes: dict[str, str] = {}
    for action in actions:
        if action.reason is not Reason.DRIFTED:
            continue
        fields = drifted_fields(change.field for change in action.changes)
        before = _before(Repair(action.kind, action.code, action.server, fields, now), known)
        if before:
            most = max(map(len, before.values()))
            often = [name for name, times in before.items() if len(times) == most]
            which = "" if len(often) == len(fields) else f"{_listed(often)} "
            notes[action.id] = f"{which}drifted again ({ordinal(most + 1)} time in {WINDOW.days} days)"
    return notes


def ordinal(number: int) -> str:
    """Write a number as a rank: `1st`, `2nd`, `11th`."""
    first = {1: "1st", 2: "2nd", 3: "3rd"}
    if number % 10 not in first or number // 10 % 10 == 1:
        return f"{number}th"
    return str(number)[:-1] + first[number % 10]


def _before(repair: Repair, earlier: Iterable[Repair]) -> dict[str, tuple[datetime, ...]]:
    """Find when each of the fields was repaired before within the window, oldest first; fields that were not are left out."""
    times: dict[str, set[datetime]] = {}
    for each in earlier:
        is_same = (each.kind, each.code, each.server) == (repair.kind, repair.code, repair.server)
        if is_same and repair.at - WINDOW <= each.at < repair.at:
            for name in set(each.fields) & set(repair.fields):
                times.setdefault(name, set()).add(each.at)
    return {name: tuple(sorted(times[name])) for name in sorted(times)}


def _returned(repair: Repair, before: Mapping[str, tuple[datetime, ...]]) -> str:
    histories: dict[tuple[datetime, ...], list[str]] = {}
    for name, times in before.items():
        histories.setdefault(times, []).append(name)
    ordered = sorted(histories.items(), key=lambda each: (-len(each[0]), each[1]))
    (times, names), *rest = ordered
    was = "was" if len(names) == 1 else "were"
    parts = [f"{_listed(names)} of {repair.place} {was} repaired for the {_often(times, repair.at)}"]
    parts += [f"{_listed(names)} for the {_often(times, repair.at)}" for times, names in rest]
    it = "it" if len(before) == 1 else "them"
    others = [name for name in repair.fields if name not in before]
    also = f" (repaired as well, for the first time: {_listed(others)})" if others else ""
    return f"{', '.join(parts)}: someone or something keeps changing {it}{also}"


def _often(times: Sequence[datetime], now: datetime) -> str:
    span = now - times[0]
    since = f"{times[0]:%Y-%m-%d}" if span >= _DAY else f"{times[0]:%Y-%m-%d %H:%M} UTC"
    apart = "about every" if len(times) > 1 else "about"
    tail = "" if len(times) > 1 else " apart"
    return f"{ordinal(len(times) + 1)} time since {since} ({apart} {_length(span / len(times))}{tail})"


def _length(span: timedelta) -> str:
    seconds = span.total_seconds()
    for limit, unit, name in ((90, 1, "s"), (90 * 60, 60, "min"), (3 * 86400, 3600, "h")):
        if seconds < limit:
            return f"{round(seconds / unit)} {name}"
    return f"{round(seconds / 86400)} days"


def _listed(names: Sequence[str]) -> str:
    if not names:
        return "something"
    if len(names) > _NAMED:
        return f"{', '.join(names[: _NAMED - 1])} and {len(names) - _NAMED + 1} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
