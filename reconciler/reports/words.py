"""The words of reports: what a verb does, why an action is planned, how counts read. One place, so that all reports agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.core.actions import Action, FieldChange, Reason, Verb
from reconciler.core.names import NameState, parse

SYMBOLS = {
    Verb.ACTIVATE: "+",
    Verb.MAINTAIN: "~",
    Verb.DISABLE: "-",
    Verb.CREATE: "+",
    Verb.CLONE: "+",
    Verb.DISCARD: "-",
    Verb.RENAME: "~",
    Verb.SUSPEND: "-",
    Verb.RESUME: "+",
    Verb.ROTATE: "~",
    Verb.CONFIGURE: "~",
    Verb.SWEEP: "-",
}
"""`+` brings something into service, `~` changes it, `-` takes it out of service or away."""

_GOALS = {
    Verb.ACTIVATE: "activate",
    Verb.MAINTAIN: "set to maintenance",
    Verb.DISABLE: "disable",
    Verb.CREATE: "create",
    Verb.CLONE: "clone",
    Verb.DISCARD: "discard",
    Verb.RENAME: "rename",
    Verb.SUSPEND: "suspend",
    Verb.RESUME: "resume",
    Verb.ROTATE: "change",
    Verb.CONFIGURE: "change",
    Verb.SWEEP: "sweep",
}

_DECLARED: Mapping[str, str] = {
    Verb.ACTIVATE: "new: its tests come first",
    Verb.CREATE: "new",
    Verb.CLONE: "new",
    Verb.SUSPEND: "declared suspended",
    Verb.RESUME: "declared active",
}

_REASONS: Mapping[str, str] = {
    Reason.DECLARED: "declared",
    Reason.CHANGED: "its text changed",
    Reason.DRIFTED: "it drifted from its text",
    Reason.RENAMED: "it was renamed",
    Reason.ROTATED: "a new generation or key",
    Reason.ADOPTED: "an earlier document left it behind: taken over with all that is in it, as `adopt` says",
    Reason.OLD_MARK: "the mark of an earlier version is completed",
    Reason.INTERRUPTED: "an earlier change was cut short",
    Reason.ABANDONED_BUILD: "an unfinished build past its limit",
}


def subject(action: Action) -> str:
    """Name what an action is done to."""
    return action.database if action.verb is Verb.SWEEP else action.address


def why(action: Action) -> str:
    """Say why an action is planned."""
    return why_of(action.verb, action.reason)


def why_of(verb: str, reason: str) -> str:
    """Say why something was planned, by the names of its verb and reason; what this version does not know stays as it is."""
    if reason == Reason.DECLARED:
        return _DECLARED.get(verb, _REASONS[reason])
    return _REASONS.get(reason, reason)


def whereby(action: Action) -> str:
    """Say from what to what an action takes a database, where that tells more than its address."""
    if action.verb is Verb.CREATE:
        return f"database {action.becomes}"
    if action.verb is Verb.CLONE:
        quiet = ", suspended" if parse(action.becomes).state is NameState.SUSPENDED else ""
        return f"from {action.database}{quiet}"
    if action.verb is Verb.DISCARD:
        return f"{action.database} becomes {trash_of(action)}: it was never in service"
    return ""


def trash_of(action: Action) -> str:
    """Name what a discarded build becomes; the time in that name is that of the discard."""
    return f"trash-….{parse(action.database).target}"


def mark_in_words(change: FieldChange) -> str:
    """Say what a change of the ownership mark alone comes to."""
    if change.field == "mark.digest" and not change.observed.startswith("cleared"):
        return "nothing in the database differs: only the note of what was applied is written anew"
    return "ownership mark: to be written anew"


def count(number: int, one: str, many: str = "") -> str:
    """Write a number with its noun: `1 database`, `3 databases`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def goals(actions: Iterable[Action]) -> dict[str, int]:
    """Count actions by what they are to do, in the order in which they are done: `{"create": 1, "clone": 5}`."""
    counts = dict.fromkeys(_GOALS.values(), 0)
    for action in actions:
        counts[_GOALS[action.verb]] += 1
    return {goal: number for goal, number in counts.items() if number}
