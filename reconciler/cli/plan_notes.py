"""Notes on a plan's actions, as far as the store remembers: which drift came back, and how long renames took before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from reconciler.core.model.actions import Reason
from reconciler.core.model.changesets import Changeset
from reconciler.core.model.outcomes import Result
from reconciler.notices.recurrence import WINDOW, repairs, returned
from reconciler.store.opening import AnyStore

_MOST = 1000
"""Repairs of one document in a week: more are not counted."""
_READ = 200
"""Outcomes of a server that are looked through for the last rename there."""


def drift_notes(store: AnyStore, changeset: Changeset, now: datetime) -> Mapping[str, str]:
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
                kind, code, reason=Reason.DRIFTED.value, result=Result.DONE.value, since=now - WINDOW, limit=_MOST
            )
        )
    ]
    return returned(drifted, earlier, now)


def last_moment(store: AnyStore, changeset: Changeset) -> str:
    """Say it of the servers on which databases are to be renamed, the longest first; empty where none is known.

    Args:
        store: with the outcomes of earlier passes.
        changeset: what is planned.

    Raises:
        MemoryFailure: the store cannot be read.
    """
    servers = dict.fromkeys(a.server for a in changeset.actions if a.verb.passes_out_of_reach)
    verbs = {str(a.verb) for a in changeset.actions if a.verb.passes_out_of_reach}
    took: list[tuple[float, str]] = []
    for server in servers:
        ended = store.outcomes(server=server, reason="renamed", result=Result.DONE.value, limit=_READ)
        took += [(each.seconds, server) for each in ended if each.verb in verbs][:1]
    said = (f"{seconds:.1f} s on {server}" for seconds, server in sorted(took, reverse=True))
    return f"the last time it took {', '.join(said)}" if took else ""
