"""What a threshold stopped and somebody has approved since: those very actions, each of them once. Pure.

A daemon carries a changeset out host by host, over several decisions. So an approval is of actions: what is wanted beside them
counts by itself, and of them what was tried, or is not wanted any more, is approved no longer.
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Set as AbstractSet

from reconciler.core.model.actions import Action
from reconciler.core.model.changesets import Approval, Changeset, Stopped, by_itself
from reconciler.core.model.observed import Observed


def approve(stopped: Stopped) -> frozenset[Approval]:
    """Return what is approved by whoever approves what a threshold stopped."""
    return frozenset((stopped.threshold, action) for action in stopped.actions)


def without_tried(
    approved: AbstractSet[Approval], tried: Collection[Action], fresh: Collection[str]
) -> frozenset[Approval]:
    """Leave out what was tried, once its host has been looked at again: until then it still seems wanted.

    Args:
        approved: what is approved.
        tried: the actions that have ended, well or not.
        fresh: hosts that have answered since.
    """
    ended = {by_itself(action) for action in tried if action.server in fresh}
    return frozenset(each for each in approved if each[1] not in ended)


def still_wanted(
    approved: AbstractSet[Approval], decided: Changeset, observed: Observed, fresh: Collection[str]
) -> frozenset[Approval]:
    """Leave out what a decision does not want any more, by what all of its hosts answered.

    A host that is away, or frozen, shows nothing: what was approved there waits for it.

    Args:
        approved: what is approved.
        decided: what is wanted, and what is held back.
        observed: what was decided on.
        fresh: hosts of which that is news.
    """
    wanted = {*decided.actions, *(each.action for each in decided.withheld)}
    wanted |= {action for stopped in decided.stopped for action in stopped.actions}
    same = {by_itself(action) for action in wanted}
    shown = {host.server for host in observed.hosts.values() if host.online} - {each.server for each in decided.frozen}
    return frozenset(
        (threshold, action)
        for threshold, action in approved
        if action in same or action.server not in fresh or not shown.issuperset(action.servers)
    )
