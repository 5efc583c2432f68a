"""The name of a database is its state: this module alone makes and reads such names.

A mark stands in front of the target (the declared name): `building-<time><nonce>.acme`, `switching.acme`,
`aside-<time><nonce>.acme`, `suspended.acme`, `trash-<time>.acme`, `moved-<time>.acme`. Declared names have no dot, so marked
names and declared ones cannot meet, and a `dbfilter` on the subdomain, which Odoo matches from the start of the name, never
serves a marked one.

The law of movement is here, and whatever it does not allow is never sent to a host:

- What has been in service never bears a droppable name again until its text ends it: no way leads back to a building name,
  from nowhere, and to trash one way alone, `forbidden_trash`, by what is noted in the database at that moment.
- `switching.<target>` is the lock of a target: PostgreSQL lets only one database bear it, and every way into a published or
  suspended name, a new build's too, goes through it.
- The one way out of the lock but those two leads to trash: of a build that was never in service, and of what its text ended;
  and, `forbidden_leave`, to what stays behind of a database whose contents go on on another server.
  From there and from trash it comes back by the lock alone, `forbidden_return`.
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
    ASIDE = "aside"  # out of reach as well, for the moments in which a stale folder of files is left behind
    SUSPENDED = "suspended"
    TRASH = "trash"
    MOVED = "moved"
    UNKNOWN = "unknown"  # not a name this tool makes: foreign, whatever it holds


IN_SERVICE = (NameState.PUBLISHED, NameState.SUSPENDED)
"""Where a database rests: its customers' own from then on."""

ON_ITS_WAY = (NameState.SWITCHING, NameState.ASIDE)
"""Between two names: out of reach, and the text decides which way it goes on."""

FORMS = (*IN_SERVICE, *ON_ITS_WAY)
"""The forms of a declared name: of all of them together a host holds one at most."""

KEPT = (NameState.TRASH, NameState.MOVED)
"""Out of service for good unless the text wants it back: kept for a while, and then dropped."""


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
    if mark in (NameState.BUILDING, NameState.ASIDE) and _NONCE.fullmatch(stamp[_TIME_LENGTH:]):
        since = _read_time(stamp[:_TIME_LENGTH])
    elif mark in (NameState.TRASH, NameState.MOVED):
        since = _read_time(stamp)
    else:
        return unknown
    return DatabaseName(text, NameState(mark), target, since) if since else unknown


def building(target: str, now: datetime, nonce: str) -> str:
    """Name a database that is being built; `nonce` makes it one that was never used before."""
    return _checked(f"building-{_write_time(now)}{_nonce(nonce)}.{target}")


def switching(target: str) -> str:
    """Name a database on its way between published and suspended."""
    return _checked(f"switching.{target}")


def aside(target: str, now: datetime, nonce: str) -> str:
    """Name a database for the moments in which it leaves a stale folder of files behind; a name that was never used before."""
    return _checked(f"aside-{_write_time(now)}{_nonce(nonce)}.{target}")


def trash(target: str, now: datetime) -> str:
    """Name a database that is kept for a while and then dropped."""
    return _checked(f"trash-{_write_time(now)}.{target}")


def moved(target: str, now: datetime) -> str:
    """Name what stays behind for a while of a database that goes on on another server."""
    return _checked(f"moved-{_write_time(now)}.{target}")


def suspended(target: str) -> str:
    """Name a suspended database."""
    return _checked(f"suspended.{target}")


def fixed_forms(target: str) -> tuple[str, ...]:
    """List the forms of a declared name that can be asked for by name; those set aside are found in a list only."""
    return (target, switching(target), suspended(target))


def resting(target: str, state: NameState) -> str:
    """Name a database of this state (published, suspended or switching) for another target; one set aside goes to the lock."""
    ways = {NameState.PUBLISHED: target, NameState.SUSPENDED: suspended(target)}
    return ways.get(state, switching(target))


def is_expired_build(name: DatabaseName, now: datetime, limit: timedelta) -> bool:
    """Tell whether a building name is older than the build limit. Anything else is not, whatever its age."""
    return name.state is NameState.BUILDING and name.since is not None and now - name.since > limit


def is_expired_trash(name: DatabaseName, now: datetime, limit: timedelta) -> bool:
    """Tell whether a name of trash, or of what a move left behind, is older than these are kept for.

    Anything else is not, whatever its age.
    """
    return name.state in KEPT and name.since is not None and now - name.since > limit


def forbidden_rename(old: str, new: str) -> str:
    """Say why a database may not go from one name to another, or nothing if it may.

    A building name goes to switching of its target. Published, suspended, switching and aside go to switching, of their own
    target or of the one that they are renamed to. Switching goes on to published or suspended of its own target.
    To an aside name goes what is in service or on its way.
    """
    source, goal = parse(old), parse(new)
    if len(new.encode()) > POSTGRESQL_LIMIT:
        return f"{new!r} is longer than {POSTGRESQL_LIMIT} bytes"
    same_target = source.target == goal.target
    if source.state is NameState.BUILDING:
        allowed = goal.state is NameState.SWITCHING and same_target
    elif goal.state in IN_SERVICE:
        allowed = source.state is NameState.SWITCHING and same_target
    else:
        allowed = source.state in FORMS and goal.state in ON_ITS_WAY
    return "" if allowed and old != new else f"a {source.state} database never goes from {old!r} to {new!r}"


def forbidden_trash(old: str, new: str) -> str:
    """Say why a database may not be turned to trash, or nothing if it may: from the lock only, and of the same target.

    That it was never in service, or that its text ended it, no name can tell: it is read in the database, at that moment.
    """
    source, goal = parse(old), parse(new)
    if source.state is NameState.SWITCHING and goal.state is NameState.TRASH and source.target == goal.target:
        return ""
    return f"a {source.state} database is not turned to trash from {old!r} to {new!r}"


def forbidden_leave(old: str, new: str) -> str:
    """Say why a database may not stay behind as moved, or nothing if it may: from the lock only, and of the same target.

    That this is noted in it, no name can tell: it is read in the database, at that moment.
    """
    source, goal = parse(old), parse(new)
    if source.state is NameState.SWITCHING and goal.state is NameState.MOVED and source.target == goal.target:
        return ""
    return f"a {source.state} database does not stay behind from {old!r} to {new!r}"


def forbidden_return(old: str, new: str) -> str:
    """Say why a database may not come back from where it is kept, or nothing if it may: out of reach only, of the same target.

    That its text ended it, no name can tell: what is trash for another reason stays there.
    """
    source, goal = parse(old), parse(new)
    if source.state in KEPT and goal.state in ON_ITS_WAY and source.target == goal.target:
        return ""
    return f"a {source.state} database does not come back from {old!r} to {new!r}"


def keeps(moment: datetime) -> bool:
    """Tell whether a name that is made at this moment is read back as of it: names have two digits of the year."""
    return _read_time(_write_time(moment)) == moment.replace(microsecond=0)


def _nonce(text: str) -> str:
    if not _NONCE.fullmatch(text):
        raise ValueError(f"such a name takes {NONCE_LENGTH} lowercase letters or digits as nonce")
    return text


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
