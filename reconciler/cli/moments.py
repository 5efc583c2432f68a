"""How long a rename kept a database out of reach the last time, as far as the store remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.changesets import Changeset
from reconciler.core.outcomes import Result

if TYPE_CHECKING:
    from reconciler.store.forgetful import NoMemory
    from reconciler.store.sql_store import Store

_READ = 200
"""Outcomes of a server that are looked through for the last rename there."""


def last_moment(store: Store | NoMemory, changeset: Changeset) -> str:
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
