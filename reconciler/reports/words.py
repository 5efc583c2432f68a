"""The words of reports: what a verb does, why an action is planned, how counts read. One place, so that all reports agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from reconciler.core.freshness import Freshness
from reconciler.core.model.actions import Action, FieldChange, Reason
from reconciler.core.model.names import NameState, parse
from reconciler.core.model.verbs import VERBS, in_order
from reconciler.fleet.counting import count

_REASONS: Mapping[str, str] = {
    Reason.DECLARED: "declared",
    Reason.CHANGED: "its text changed",
    Reason.DRIFTED: "it drifted from its text",
    Reason.RENAMED: "it was renamed",
    Reason.ROTATED: "a new code, generation or key",
    Reason.GIVEN_UP: "new and empty: what it had on a server that is inactive now is given up",
    Reason.ADOPTED: "an earlier document left it behind: taken over with all that is in it, as `adopt` says",
    Reason.NEWER_CODE: "the code of its host is newer",
    Reason.OLD_MARK: "the mark of an earlier version is completed",
    Reason.INTERRUPTED: "an earlier change did not come to its end",
    Reason.SCHEDULED: "its `refresh` is due",
    Reason.EXPIRED: "it has expired",
    Reason.OVER_LIMIT: "it uses more than its plan includes",
    Reason.TIME_IS_UP: "its time is over",
    Reason.REMOVED: "its document was removed, and the fleet says `prune: true`",
    Reason.ABANDONED_BUILD: "an unfinished build past its limit",
    Reason.KEPT_LONG_ENOUGH: "trash past `retention.trash_days`",
}

IN_WORDS = frozenset(
    {
        "admin_password",
        "backup",
        "contents",
        "files",
        "languages",
        "modules",
        "neutralize",
        "owner",
        "schedule",
        "template",
    }
)
"""Fields whose changes are told in words; the values of others are quoted."""


def why(action: Action) -> str:
    """Say why an action is planned."""
    return why_of(action.verb, action.reason)


def why_of(verb: str, reason: str) -> str:
    """Say why something was planned, by the names of its verb and reason; what this version does not know stays as it is."""
    if reason == Reason.DECLARED and verb in VERBS:
        return VERBS[verb].new
    return _REASONS.get(reason, reason)


def whereby(action: Action) -> str:
    """Say from what to what an action takes a database, where that tells more than its address."""
    quiet = ", suspended" if ends_suspended(action) else ""
    return action.verb.whereby.format(
        database=action.database,
        becomes=action.becomes,
        trash=trash_of(action),
        quiet=quiet,
        origin=action.origin,
        server=action.server,
    )


def ends_suspended(action: Action) -> bool:
    """Tell whether an action leaves a database that is suspended."""
    return parse(action.becomes).state is NameState.SUSPENDED


def trash_of(action: Action) -> str:
    """Name the trash that a database becomes; the time in that name is that of its rename."""
    return f"trash-….{parse(action.database).target}"


def left_behind(action: Action) -> str:
    """Name what a move leaves behind; the time in that name is that of its rename."""
    return f"moved-….{parse(action.database).target}"


def mark_in_words(change: FieldChange) -> str:
    """Say what a change of the ownership mark alone comes to."""
    if change.field == "mark.digest" and not change.observed.startswith("cleared"):
        return "nothing in the database differs: only the note of what was applied is written anew"
    return "ownership mark: to be written anew"


def lasting(time: timedelta) -> str:
    """Write a span of time in one unit: `40 s`, `12 min`, `5 h`, `3 days`."""
    seconds = max(0.0, time.total_seconds())
    hour, day = 3600, 86_400
    if seconds < 60:  # noqa: PLR2004 -- a minute
        return f"{seconds:.0f} s"
    if seconds < hour:
        return f"{seconds // 60:.0f} min"
    return f"{seconds // hour:.0f} h" if seconds < 2 * day else f"{seconds // day:.0f} days"


def how_known(known: Freshness, now: datetime) -> str:
    """Say how the content of databases is known: `2 databases looked into now, 15 verified 3 h ago at most`."""
    parts = []
    if known.looked_into:
        parts.append((known.looked_into, "looked into now"))
    if known.oldest is not None:
        parts.append((known.verified, f"verified {lasting(now - known.oldest)} ago at most"))
    if known.unverified:
        parts.append((known.unverified, "not verified"))
    return ", ".join(f"{number if i else count(number, 'database')} {how}" for i, (number, how) in enumerate(parts))


def goals(actions: Iterable[Action]) -> dict[str, int]:
    """Count actions by what they are to do, in the order in which they are done: `{"create": 1, "clone": 5}`."""
    counts = dict.fromkeys((verb.goal for verb in in_order()), 0)
    for action in actions:
        counts[action.verb.goal] += 1
    return {goal: number for goal, number in counts.items() if number}
