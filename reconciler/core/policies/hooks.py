"""Which hooks an action meets, what they are told of it, and which may not run here. Pure: nothing is run here."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal

from reconciler.core.model.actions import Action, Reason
from reconciler.core.model.changesets import MetHook
from reconciler.core.model.labels import concerns, labels_of
from reconciler.core.model.outcomes import Outcome
from reconciler.fleet.desired import Desired
from schemas.hooks import Hook

FORMAT = 1
"""Of what hooks are told: fields are added, none changes its meaning."""

When = Literal["before", "after"]
Numbered = tuple[int, Hook]


def hooks_of(action: Action, desired: Desired, when: When) -> tuple[Numbered, ...]:
    """Return the hooks that an action meets, each with its place in the text.

    What an earlier pass began is finished: no hook before it stops that, or a customer would be left half-way.
    """
    hooks = desired.settings.hooks
    if not hooks or (when == "before" and action.reason is Reason.INTERRUPTED):
        return ()
    labels = labels_of(action.kind, action.code, action.server, desired)
    return tuple(
        (number, hook)
        for number, hook in enumerate(hooks)
        if hook.when == when and action.verb in hook.verbs and concerns(hook.selector, labels)
    )


def met(actions: Iterable[Action], desired: Desired) -> tuple[MetHook, ...]:
    """Return the hooks that some actions meet, in the order of the text, each with those actions."""
    met_by: dict[int, list[str]] = {}
    for action in actions if desired.settings.hooks else ():
        for number, _ in (*hooks_of(action, desired, "before"), *hooks_of(action, desired, "after")):
            met_by.setdefault(number, []).append(action.id)
    hooks = desired.settings.hooks
    return tuple(MetHook(hooks[number].when, hooks[number].runs, tuple(met_by[number])) for number in sorted(met_by))


def refused(
    actions: Iterable[Action], desired: Desired, allowed: Collection[str] | None
) -> Mapping[str, tuple[str, str]]:
    """Say of actions that meet a command which may not run here why they are not begun, and what to do, by their ids.

    Args:
        actions: what the diff wants.
        desired: the fleet's text.
        allowed: the directories whose programs this run may run; None where it runs nothing.
    """
    if allowed is None or not desired.settings.hooks:
        return {}
    found: dict[str, tuple[str, str]] = {}
    for action in actions:
        if action.reason is Reason.INTERRUPTED:
            continue
        for _, hook in (*hooks_of(action, desired, "before"), *hooks_of(action, desired, "after")):
            if hook.command and not is_allowed(hook.command[0], allowed):
                why = f"its hook {hook.runs} may not run here"
                directory = hook.runs.rpartition("/")[0] or "/"
                found.setdefault(action.id, (why, f"if it is yours, run with --allow-commands {directory}"))
    return found


def is_allowed(program: str, allowed: Collection[str]) -> bool:
    """Tell whether a program lies in one of the directories, or below it."""
    return any(program.startswith(f"{directory.rstrip('/')}/") for directory in allowed)


def told(action: Action, desired: Desired, when: When, occasion: str, outcome: Outcome | None = None) -> dict[str, Any]:
    """Return what a hook is told of an action, as JSON's plain types; values of fields, which may be private, are not in it.

    Args:
        action: the action.
        desired: the text that it was decided on.
        when: before or after it.
        occasion: what tells it from the same action at another time: when it was last done.
        outcome: how it ended; None before.
    """
    document = desired.documents[action.kind].get(action.code)
    result = outcome.result.value if outcome else ""
    place = f"{desired.settings.code}\n{action.id}\n{action.becomes}\n{occasion}\n{when}\n{result}"
    return {
        "format": FORMAT,
        "key": hashlib.sha256(place.encode()).hexdigest()[:32],
        "when": when,
        "fleet": desired.settings.code,
        "action": action.id,
        "verb": str(action.verb),
        "kind": action.kind,
        "code": action.code,
        "name": document.name if document else "",
        "labels": dict(document.labels) if document else {},
        "server": action.server,
        **({"origin": action.origin} if action.origin else {}),
        "database": action.database,
        "becomes": action.becomes,
        "reason": action.reason.value,
        "fields": [change.field for change in action.changes],
        "outcome": {"result": result, "detail": outcome.detail, "seconds": round(outcome.seconds, 3)}
        if outcome
        else None,
    }
