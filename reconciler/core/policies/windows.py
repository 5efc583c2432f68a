"""When actions may begin: by the fleet's `windows` and `freezes`, and a moment that is passed in.

What an earlier pass began is finished at any time: nobody is left half-way and out of reach until a window opens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from reconciler.core.model.actions import Action, Reason
from reconciler.core.model.labels import concerns, labels_of
from reconciler.core.model.verbs import END_SUPPORT
from reconciler.fleet.desired import Desired
from schemas.windows import WEEK, Freeze, Hours, Window

_DAY = timedelta(days=1)


def _is_put_off(action: Action) -> bool:
    """Tell whether closed windows hold an action back: not what was begun, and nobody is left inside for longer."""
    return action.reason is not Reason.INTERRUPTED and action.verb is not END_SUPPORT


def closed(actions: Iterable[Action], desired: Desired, now: datetime) -> Mapping[str, str]:
    """Say of each action that may not begin now why, and until when, by its id.

    Args:
        actions: what the diff wants.
        desired: the fleet's text.
        now: the time of this pass, UTC.
    """
    settings = desired.settings
    if not (settings.windows or settings.freezes):
        return {}
    waiting: dict[str, str] = {}
    for action in actions:
        if _is_put_off(action) and (why := _why_closed(action, desired, now)):
            waiting[action.id] = why
    return waiting


def is_open(window: Hours, now: datetime) -> bool:
    """Tell whether a window, or other hours, are open at a moment; one that closes after midnight opened the day before."""
    today = now.astimezone(ZoneInfo(window.timezone)).date()
    return any(opens <= now < closes for opens, closes in (_span(window, today - _DAY), _span(window, today)) if opens)


def opens_at(window: Window, now: datetime) -> datetime:
    """Return when a window opens next after a moment, UTC: not on a day on which a clock change leaves nothing of it."""
    today = now.astimezone(ZoneInfo(window.timezone)).date()
    spans = (_span(window, today + number * _DAY) for number in range(2 * len(WEEK) + 1))
    return next(opens for opens, closes in spans if opens is not None and now < opens < closes)


def _why_closed(action: Action, desired: Desired, now: datetime) -> str:
    labels = labels_of(action.kind, action.code, action.server, desired)
    for freeze in desired.settings.freezes:
        begins, ends = _midnight(freeze.first, freeze.timezone), _midnight(freeze.last + _DAY, freeze.timezone)
        if begins <= now < ends and action.verb not in freeze.excepted and concerns(freeze.selector, labels):
            return f"a freeze holds until {_shown(ends, freeze)}" + (f": {freeze.reason}" if freeze.reason else "")
    windows = [w for w in desired.settings.windows if action.verb in w.verbs and concerns(w.selector, labels)]
    if not windows or any(is_open(window, now) for window in windows):
        return ""
    opens, window = min(((opens_at(window, now), window) for window in windows), key=lambda each: each[0])
    return f"its window opens at {_shown(opens, window)}"


def _span(window: Hours, day: date) -> tuple[datetime | None, datetime]:
    """Return from when to when a window is open that opens on a day; None where it does not."""
    zone, opens, closes = ZoneInfo(window.timezone), time.fromisoformat(window.opens), time.fromisoformat(window.closes)
    last = day if closes > opens else day + _DAY
    end = datetime.combine(last, closes, zone).astimezone(UTC)
    return (datetime.combine(day, opens, zone).astimezone(UTC) if WEEK[day.weekday()] in window.days else None), end


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def _shown(moment: datetime, where: Freeze | Window) -> str:
    return f"{moment.astimezone(ZoneInfo(where.timezone)):%Y-%m-%d %H:%M} {where.timezone}"
