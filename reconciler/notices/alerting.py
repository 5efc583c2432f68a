"""What channels are told of notices, and when: grouped, repeated with restraint, resolved, held in quiet hours. Pure.

A notice that tells the end of something goes to whoever was told its beginning. What begins and ends before anybody was told is
told to nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from reconciler.core.model.labels import concerns
from reconciler.core.policies.windows import is_open
from reconciler.fleet.counting import count
from reconciler.notices.notices import Level, Notice, NoticeName
from schemas.notify import Channel

TOGETHER = timedelta(seconds=30)
"""How long the first notice waits for others, so that a host that dies is one message."""

AGAIN = timedelta(hours=24)
"""How much later what is told anew, or has not ended, is sent again."""

FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=1)

MOST_WAITING = 500
"""How many notices wait for a channel that takes none; the oldest go first."""

_SHOWN = 20

ENDS: Mapping[NoticeName, tuple[NoticeName, ...]] = {
    NoticeName.HOST_ONLINE: (NoticeName.HOST_OFFLINE,),
    NoticeName.SOURCE_REACHABLE: (NoticeName.SOURCE_UNREACHABLE, NoticeName.REVISION_UNSIGNED),
    NoticeName.REVISION_IN_FORCE: (NoticeName.REVISION_REJECTED, NoticeName.REVISION_UNSIGNED),
    NoticeName.UNBLOCKED: (NoticeName.BLOCKED,),
    NoticeName.LOGIN_PAGE_REACHABLE: (NoticeName.LOGIN_PAGE_UNREACHABLE,),
    NoticeName.BACKUP_GOOD: (NoticeName.BACKUP_FAILED,),
    NoticeName.PROOF_GOOD: (NoticeName.PROOF_FAILED,),
    NoticeName.ALERT_GOOD: (NoticeName.ALERT_FAILED,),
}
"""Which notices tell the end of which. Health ends by its own, on level `info`, failed actions by being done, all by `settle`."""

ACTIONS = (NoticeName.ACTION_FAILED, NoticeName.ACTION_UNKNOWN)
_LASTING = frozenset({*(name for names in ENDS.values() for name in names), NoticeName.HEALTH_CHANGED, *ACTIONS})
_OF_HEALTH = (NoticeName.HEALTH_CHANGED, NoticeName.HOST_ONLINE)
_ORDER = {Level.ERROR: 0, Level.WARNING: 1, Level.INFO: 2}

Key = tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class WaitingNotice:
    """A notice that waits to be told, since when; `ends` are the keys of what it is the end of."""

    notice: Notice
    since: datetime
    ends: frozenset[Key] = frozenset()


@dataclass(frozen=True, slots=True)
class Box:
    """What is known of one channel: what waits, what is being sent, what was told and when, from when it may be tried again."""

    waiting: Mapping[Key, WaitingNotice] = field(default_factory=dict)
    sending: Mapping[Key, WaitingNotice] = field(default_factory=dict)
    told: Mapping[Key, WaitingNotice] = field(default_factory=dict)
    failures: int = 0
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """What a channel is told at once; `items` are what it tells, by their keys, those of `again` for another time."""

    title: str
    body: str
    level: Level
    items: Mapping[Key, WaitingNotice] = field(default_factory=dict)
    again: frozenset[Key] = frozenset()


def hear(box: Box, channel: Channel, notice: Notice, labels: Mapping[str, str], now: datetime) -> Box:
    """Take a notice for a channel, if it concerns it.

    Args:
        box: what is known of the channel.
        channel: whom it tells what.
        notice: the notice.
        labels: of what it is about.
        now: the time, UTC.
    """
    ended = ENDS.get(notice.name, ())
    if notice.name in _OF_HEALTH and notice.level is Level.INFO:
        ended = (*ended, NoticeName.HEALTH_CHANGED)
    if ended:
        box = end(box, ended, notice, now)
    if not concerns(channel.selector, labels) or notice.level.value not in channel.levels:
        return box
    key = _key(notice)
    before = box.sending.get(key) or box.told.get(key)
    if before and _ORDER[before.notice.level] <= _ORDER[notice.level] and now - before.since < AGAIN:
        return box
    first = box.waiting.get(key)
    waiting = {**box.waiting, key: WaitingNotice(notice, first.since if first else now)}
    return replace(box, waiting=dict(list(waiting.items())[-MOST_WAITING:]))


def end(box: Box, names: Collection[NoticeName], by: Notice, now: datetime) -> Box:
    """Take the end of what has one of these names and is about the same: told to whoever was told that it began."""
    known = {**box.told, **box.sending}
    over = {
        key for key, item in known.items() if not item.ends and item.notice.name in names and _is_about(by, item.notice)
    }
    waiting = {
        key: item
        for key, item in box.waiting.items()
        if item.ends or not (item.notice.name in names and _is_about(by, item.notice))
    }
    if over:
        worst = min((known[key].notice.level for key in over), key=_ORDER.__getitem__)
        ending = WaitingNotice(replace(by, level=worst), now, frozenset(over))
        waiting[("ended", *_key(by)[1:])] = ending
    told = {key: item for key, item in box.told.items() if key not in over}
    sending = {key: item for key, item in box.sending.items() if key not in over}
    return replace(box, waiting=waiting, told=told, sending=sending)


def settle(box: Box, why_over: Callable[[Notice], str], now: datetime) -> Box:
    """Take the end of what lasts and of which nobody tells the end, since it is nobody's concern any more.

    Args:
        box: what is known of a channel.
        why_over: says of a notice why it is over, or nothing where it may still be so.
        now: the time, UTC.
    """
    known = {key: item for key, item in {**box.told, **box.sending, **box.waiting}.items() if _lasts(item)}
    over = {key: why for key, item in known.items() if (why := why_over(item.notice))}
    if not over:
        return box
    told, sending, waiting = (
        {key: item for key, item in items.items() if key not in over} for items in (box.told, box.sending, box.waiting)
    )
    for key, why in over.items():
        if key in box.told or key in box.sending:
            notice = replace(known[key].notice, detail=why)
            waiting[f"ended {key[0]}", *key[1:]] = WaitingNotice(notice, now, frozenset({key}))
    return replace(box, waiting=waiting, told=told, sending=sending)


def due(box: Box, channel: Channel, fleet: str, now: datetime) -> Message | None:
    """Return what a channel is to be told now, or nothing yet.

    Args:
        box: what is known of the channel.
        channel: when it is to be quiet.
        fleet: code of the fleet, for the title.
        now: the time, UTC.
    """
    if box.not_before is not None and now < box.not_before:
        return None
    quiet = channel.quiet is not None and is_open(channel.quiet, now)
    new = {key: item for key, item in box.waiting.items() if item.notice.level is Level.ERROR or not quiet}
    still = {
        key: item
        for key, item in box.told.items()
        if _lasts(item)
        and now - item.since >= AGAIN
        and key not in new
        and (item.notice.level is Level.ERROR or not quiet)
    }
    if not still and (not new or now - min(item.since for item in new.values()) < TOGETHER):
        return None
    items = new | still
    level = min((item.notice.level for item in items.values()), key=_ORDER.__getitem__)
    if all(item.ends for item in items.values()):
        level = Level.INFO
    return Message(f"[{fleet}] {_title(items.values(), still)}", _body(new, still), level, items, frozenset(still))


def begun(box: Box, message: Message) -> Box:
    """Note that a message is on its way: until that is over, nothing of it waits."""
    waiting = {key: item for key, item in box.waiting.items() if key not in message.items}
    return replace(box, waiting=waiting, sending=message.items)


def sent(box: Box, now: datetime) -> Box:
    """Note that the message was taken. What ended while it was on its way has its end waiting."""
    told = {key: item for key, item in box.told.items() if now - item.since < AGAIN or _lasts(item)}
    told |= {key: replace(item, since=now) for key, item in box.sending.items() if not item.ends}
    return Box(box.waiting, {}, told)


def failed(box: Box, message: Message, now: datetime) -> Box:
    """Note that nobody took the message: what is not over waits again, longer each time.

    Of what nobody heard nobody hears the end.
    """
    unheard = {key for key, item in message.items.items() if not item.ends and key not in message.again}
    waiting = {**{key: item for key, item in box.sending.items() if key not in message.again}, **box.waiting}
    heard = {key: item for key, item in waiting.items() if not item.ends or item.ends - unheard}
    pause = min(FIRST_RETRY * 2 ** min(box.failures, 10), LONGEST_RETRY)
    return Box(heard, {}, box.told, box.failures + 1, now + pause)


def _lasts(item: WaitingNotice) -> bool:
    """Tell whether it goes on until its end is told. A defect has no end that anybody sees: it is told while it comes back."""
    is_defect = item.notice.name in ACTIONS and not item.notice.code
    return item.notice.name in _LASTING and not item.ends and not is_defect


def _key(notice: Notice) -> Key:
    """Say what is one thing: told twice, it is the same. Where no document is named, the words tell things apart."""
    return (notice.name.value, notice.kind, notice.code, notice.server, "" if notice.code else notice.detail)


def _is_about(ending: Notice, begun: Notice) -> bool:
    """Tell whether one is about what the other is: the same document on the same server, or one of several on a server."""
    if begun.name in ACTIONS and not begun.code:
        return False  # a defect: what else is done there says nothing of it
    if ending.code and begun.code:
        return (ending.kind, ending.code, ending.server) == (begun.kind, begun.code, begun.server)
    return ending.server == begun.server


def _title(items: Iterable[WaitingNotice], still: Mapping[Key, WaitingNotice]) -> str:
    levels = [item.notice.level for item in items if not item.ends]
    ended = sum(bool(item.ends) for item in items)
    parts = [count(levels.count(level), level.value) for level in (Level.ERROR, Level.WARNING) if level in levels]
    if Level.INFO in levels:
        parts.append(count(levels.count(Level.INFO), "notice"))
    parts += [f"{ended} resolved"] if ended else []
    return ", ".join(parts) + (" (not over yet)" if still and len(still) == len(levels) else "")


def _body(new: Mapping[Key, WaitingNotice], still: Mapping[Key, WaitingNotice]) -> str:
    lines = [*_lines(new.values()), *(f"not over yet: {line}" for line in _lines(still.values()))]
    more = [f"… and {len(lines) - _SHOWN} more: odoo-fleet events"] if len(lines) > _SHOWN else []
    return "\n".join([*lines[:_SHOWN], *more])


def _lines(items: Iterable[WaitingNotice]) -> Iterator[str]:
    """Yield a line for each, the worst first, what is over last."""
    for item in sorted(items, key=lambda item: (bool(item.ends), _ORDER[item.notice.level])):
        what = "resolved" if item.ends else item.notice.level.value
        yield f"{what}: {' '.join(item.notice.detail.split())} ({item.notice.name.value})"
