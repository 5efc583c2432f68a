"""The name of a database is its state: this module alone makes and reads such names.

A mark stands in front of the target (the declared name): `building-<time><nonce>.acme`, `switching.acme`, `suspended.acme`,
`trash-<time>.acme`, `moved-<time>.acme`. Declared names have no dot, so marked names and declared ones cannot meet, and a
`dbfilter` on the subdomain, which Odoo matches from the start of the name, never serves a marked one.

`forbidden_rename` is the law of movement: whatever it does not allow is never sent to a host.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

POSTGRESQL_LIMIT = 63
"""Bytes that PostgreSQL keeps of a name; it cuts the rest silently."""

NONCE_LENGTH = 5
"""Characters of the nonce in a building name."""

_TIME = "%y%m%d%H%M%S"
_TIME_LENGTH = 12
LONGEST_MARK = len("building-") + _TIME_LENGTH + NONCE_LENGTH + len(".")
LONGEST_TARGET = POSTGRESQL_LIMIT - LONGEST_MARK
"""Bytes that a declared database name may have, so that each of its marked forms fits."""

_TARGET = re.compile(r"[a-z0-9][a-z0-9_-]*")
_NONCE = re.compile(rf"[a-z0-9]{{{NONCE_LENGTH}}}")


class NameState(StrEnum):
    """What a name on a host says of its database."""

    PUBLISHED = "published"  # or foreign: a name without a mark says only that it is nobody's work in progress
    BUILDING = "building"
    SWITCHING = "switching"
    SUSPENDED = "suspended"
    TRASH = "trash"
    MOVED = "moved"
    UNKNOWN = "unknown"  # not a name this tool makes: foreign, whatever it holds


@dataclass(frozen=True, slots=True, order=True)
class DatabaseName:
    """A name as read: its state, the declared name that it belongs to, and for timed marks since when (UTC)."""

    text: str
    state: NameState
    target: str
    since: datetime | None = None


def parse(text: str) -> DatabaseName:
    """Read any name that a host lists. A name that only looks like a mark is UNKNOWN, never something droppable."""
    head, dot, target = text.partition(".")
    if not dot:
        if _TARGET.fullmatch(text):
            return DatabaseName(text, NameState.PUBLISHED, text)
        return DatabaseName(text, NameState.UNKNOWN, "")
    unknown = DatabaseName(text, NameState.UNKNOWN, "")
    if not _TARGET.fullmatch(target):
        return unknown
    if head in (NameState.SWITCHING, NameState.SUSPENDED):
        return DatabaseName(text, NameState(head), target)
    mark, _, stamp = head.partition("-")
    if mark == NameState.BUILDING and _NONCE.fullmatch(stamp[_TIME_LENGTH:]):
        since = _read_time(stamp[:_TIME_LENGTH])
    elif mark in (NameState.TRASH, NameState.MOVED):
        since = _read_time(stamp)
    else:
        return unknown
    return DatabaseName(text, NameState(mark), target, since) if since else unknown


def building(target: str, now: datetime, nonce: str) -> str:
    """Name a database that is being built; `nonce` makes it one that was never used before."""
    if not _NONCE.fullmatch(nonce):
        raise ValueError(f"a building name takes {NONCE_LENGTH} lowercase letters or digits as nonce")
    return _checked(f"building-{_write_time(now)}{nonce}.{target}")


def switching(target: str) -> str:
    """Name a database on its way between published and suspended."""
    return _checked(f"switching.{target}")


def suspended(target: str) -> str:
    """Name a suspended database."""
    return _checked(f"suspended.{target}")


def is_expired_build(name: DatabaseName, now: datetime, limit: timedelta) -> bool:
    """Tell whether a building name is older than the build limit. Anything else is not, whatever its age."""
    return name.state is NameState.BUILDING and name.since is not None and now - name.since > limit


def forbidden_rename(old: str, new: str) -> str:
    """Say why a database may not go from one name to another, or nothing if it may.

    Building names go to published or suspended of the same target; published and suspended go to switching, of the same
    target or of the one that they are renamed to; switching goes on to published or suspended of its own target.
    Nothing that was in service ever gets a droppable name: see `forbidden_return` for the one exception.
    """
    source, goal = parse(old), parse(new)
    serving = (NameState.PUBLISHED, NameState.SUSPENDED)
    same_target = source.target == goal.target
    if len(new.encode()) > POSTGRESQL_LIMIT:
        return f"{new!r} is longer than {POSTGRESQL_LIMIT} bytes"
    if source.state is NameState.BUILDING and goal.state in serving and same_target:
        return ""
    if source.state in serving and goal.state is NameState.SWITCHING:
        return ""
    if source.state is NameState.SWITCHING and goal.state in serving:
        return ""
    return f"a {source.state} database never goes from {old!r} to {new!r}"


def forbidden_return(old: str, new: str, now: datetime, limit: timedelta) -> str:
    """Say why a database whose publication was not proven may not go back to a building name, or nothing if it may.

    This is how a rename that lost the files is undone (the files wait in the folder of the building name). It is
    allowed only while the building name is younger than half the build limit, so that nobody sweeps it meanwhile.
    """
    source, goal = parse(old), parse(new)
    if goal.state is not NameState.BUILDING or goal.target != source.target or goal.since is None:
        return f"{new!r} is not a building name of {source.target!r}"
    if source.state not in (NameState.PUBLISHED, NameState.SUSPENDED, NameState.BUILDING):
        return f"a {source.state} database never goes back to a building name"
    if now - goal.since > limit / 2:
        return f"{new!r} is so old that it could be swept meanwhile"
    return ""


def _checked(name: str) -> str:
    target = name.partition(".")[2]
    if not _TARGET.fullmatch(target):
        raise ValueError(f"{target!r} is not a declared database name")
    if len(name.encode()) > POSTGRESQL_LIMIT:
        raise ValueError(f"{name!r} is longer than {POSTGRESQL_LIMIT} bytes")
    return name


def _write_time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(_TIME)


def _read_time(text: str) -> datetime | None:
    if len(text) != _TIME_LENGTH or not text.isascii() or not text.isdigit():
        return None
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None
