"""What a plan rests on: databases that were looked into in this pass, verified at an earlier one, or not verified.

"No changes" of a pass that looked into nothing says only that nothing has changed in the text since.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from reconciler.core.depths import candidates
from reconciler.core.model.inventory import Inventory
from reconciler.core.model.observed import Observed
from reconciler.core.model.selection import Selection
from reconciler.fleet.desired import Desired


@dataclass(frozen=True, slots=True)
class Freshness:
    """How many of the declared databases are known in which way; `oldest` is the earliest of the verifications relied on."""

    looked_into: int = 0
    verified: int = 0
    oldest: datetime | None = None
    unverified: int = 0


NOTHING_KNOWN = Freshness()


def freshness(desired: Desired, observed: Observed, inventory: Inventory, selection: Selection) -> Freshness:
    """Count what an observation tells of the databases that are selected, and what it takes from memory.

    Args:
        desired: the fleet's text.
        observed: what its hosts answered, with the deep looks of this pass.
        inventory: what was remembered before it.
        selection: what the run is limited to.
    """
    found = dict(_verifications(desired, observed, inventory, selection))
    looked_into = {(code, name) for code, host in observed.hosts.items() for name in host.looks} & found.keys()
    rest = [at for database, at in found.items() if database not in looked_into]
    times = [at for at in rest if at is not None]
    return Freshness(len(looked_into), len(times), min(times, default=None), len(rest) - len(times))


def _verifications(
    desired: Desired, observed: Observed, inventory: Inventory, selection: Selection
) -> Iterator[tuple[tuple[str, str], datetime | None]]:
    """Yield, by server and name, when each database was verified as what it is declared to be now; None if it never was."""
    for seen in candidates(desired, observed, inventory, selection):
        entry = inventory.entries.get((seen.document.kind, seen.document.code, seen.server.code))
        is_so = entry is not None and entry.digest == seen.digest(desired)
        yield (seen.server.code, seen.database), entry.verified_at if entry and is_so else None
