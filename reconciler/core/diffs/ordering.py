"""The order of a changeset: dependencies first, otherwise by stage, server, kind and code; the same in every run."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from reconciler.core.model.actions import Action


def order(actions: Iterable[Action]) -> tuple[Action, ...]:
    """Sort so that each action comes after those that it names in `after`.

    Raises:
        ValueError: the dependencies form a circle or name an action that is not there (a defect of the diff).
    """
    by_id = {a.id: a for a in actions}
    waiting = {a.id: set(a.after) for a in by_id.values()}
    missing = {d for needs in waiting.values() for d in needs} - by_id.keys()
    if missing:
        raise ValueError(f"actions wait for what is not planned: {sorted(missing)}")
    followers: dict[str, list[str]] = {}
    for name, needs in waiting.items():
        for need in needs:
            followers.setdefault(need, []).append(name)
    ready = [(_rank(by_id[name]), name) for name, needs in waiting.items() if not needs]
    heapq.heapify(ready)
    ordered: list[Action] = []
    while ready:
        _, name = heapq.heappop(ready)
        ordered.append(by_id[name])
        for follower in followers.get(name, ()):
            waiting[follower].discard(name)
            if not waiting[follower]:
                heapq.heappush(ready, (_rank(by_id[follower]), follower))
    if len(ordered) != len(by_id):
        raise ValueError(f"actions wait for one another: {sorted(by_id.keys() - {a.id for a in ordered})}")
    return tuple(ordered)


def _rank(action: Action) -> tuple[int, str, str, str]:
    return (action.verb.stage, action.server, action.kind, action.code)
