"""Notes on a plan's actions: which of the drift that they repair came back, as far as the store remembers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from reconciler.core.actions import Reason
from reconciler.core.changesets import Changeset
from reconciler.core.outcomes import Result
from reconciler.notices.recurrence import WINDOW, repairs, returned

if TYPE_CHECKING:
    from reconciler.store.forgetful import NoMemory
    from reconciler.store.sql_store import Store

_MOST = 1000
"""Repairs of one document in a week: more are not counted."""


def drift_notes(store: Store | NoMemory, changeset: Changeset, now: datetime) -> Mapping[str, str]:
    """Return notes by the ids of actions, for `render_plan` and `render_changeset_markdown`.

    Args:
        store: with the outcomes of earlier passes.
        changeset: what is planned; what pauses withhold is noted on as well.
        now: the time of the plan, UTC.

    Raises:
        MemoryFailure: the store cannot be read.
    """
    planned = (*changeset.actions, *(held.action for held in changeset.withheld))
    drifted = [action for action in planned if action.reason is Reason.DRIFTED]
    earlier = [
        repair
        for kind, code in sorted({(action.kind, action.code) for action in drifted})
        for repair in repairs(
            store.outcomes(
                kind,
                code,
                reason=Reason.DRIFTED.value,
                result=Result.DONE.value,
                since=now - WINDOW,
                limit=_MOST,
            )
        )
    ]
    return returned(drifted, earlier, now)
