"""A changeset, and what became of it, for machines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from reconciler.core.freshness import NOTHING_KNOWN, Freshness
from reconciler.core.model.actions import Action
from reconciler.core.model.changesets import Changeset, Stopped
from reconciler.core.model.outcomes import Outcome
from reconciler.reports.plain import report
from reconciler.reports.words import goals


def plan_document(
    changeset: Changeset,
    fleet: str,
    selection: Iterable[str] = (),
    base: tuple[str, str] | None = None,
    known: Freshness | None = None,
) -> dict[str, Any]:
    """Return a changeset as JSON's plain types.

    Args:
        changeset: what is planned.
        fleet: code of the fleet.
        selection: what the plan is limited to, as it was asked for.
        base: the revision that the text is compared with, as it was named, and its commit; None if there is none.
        known: how the content of databases is known; None where no host was asked.
    """
    compared = None if base is None else {"revision": base[0], "commit": base[1]}
    return {
        **report(fleet, selected=list(selection), base=compared, databases=known or NOTHING_KNOWN),
        **changeset_document(changeset),
    }


def apply_document(
    before: Changeset, fleet: str, outcomes: Iterable[Outcome], after: Changeset | None
) -> dict[str, Any]:
    """Return a run: what was planned, how each action ended, and what a fresh look found afterwards (null if none was made)."""
    return {
        **report(fleet),
        "plan": changeset_document(before),
        "outcomes": [_outcome(each) for each in outcomes],
        "after": None if after is None else changeset_document(after),
        "converged": after is not None and after.is_converged,
    }


def changeset_document(changeset: Changeset) -> dict[str, Any]:
    """Return a changeset alone."""
    return {
        "digest": changeset.digest(),
        "converged": changeset.is_converged,
        "summary": {
            **goals(changeset.actions),
            "blocked": len(changeset.blocked),
            "left_alone": len(changeset.left_alone),
            "foreign": changeset.foreign,
            "withheld": len(changeset.withheld),
            "removed": len(changeset.removed),
            "frozen": len(changeset.frozen),
        },
        "actions": [_action(each) for each in changeset.actions],
        "blocked": [asdict(each) for each in changeset.blocked],
        "left_alone": [asdict(each) for each in changeset.left_alone],
        "withheld": [{"action": _action(each.action), "why": each.why} for each in changeset.withheld],
        "removed": [asdict(each) for each in changeset.removed],
        "frozen": [asdict(each) for each in changeset.frozen],
        "hooks": [asdict(each) for each in changeset.hooks],
        "stopped": [_stopped(each) for each in changeset.stopped],
    }


def _action(action: Action) -> dict[str, Any]:
    return {"id": action.id, **action.plain()}


def _stopped(stopped: Stopped) -> dict[str, Any]:
    actions = [_action(each) for each in stopped.actions]
    return {"threshold": stopped.threshold, "why": stopped.why, "digest": stopped.digest, "actions": actions}


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "id": outcome.action.id,
        "result": outcome.result.value,
        "detail": outcome.detail,
        "seconds": round(outcome.seconds, 3),
    }
