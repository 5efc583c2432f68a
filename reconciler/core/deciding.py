"""The decision of a pass, as one pure function: from text, observation and memory to what runs, what does not, and why.

`plan` prints what it returns, `apply` and the daemon run it; nothing else decides.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from reconciler.core.depths import Depth
from reconciler.core.diffs import ending_diffs
from reconciler.core.diffs.fleet_diffs import diff
from reconciler.core.model import pauses
from reconciler.core.model.actions import Action
from reconciler.core.model.changesets import Approval, Changeset
from reconciler.core.model.inventory import Inventory
from reconciler.core.model.names import NameState, parse
from reconciler.core.model.observed import Observed
from reconciler.core.model.selection import EVERYTHING, Selection
from reconciler.core.policies import endings, hooks, one_host, usage, windows
from reconciler.core.policies.replacements import Replacing
from reconciler.core.policies.rollouts import Course, course
from reconciler.core.policies.upgrades import Key, ModulesState, standings
from reconciler.core.removals import with_removed
from reconciler.core.revisions import Comparison
from reconciler.core.safety import frozen_hosts, gate, withhold
from reconciler.fleet.desired import Desired


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run is limited to, and what its operator confirms for this run.

    `allowed` names the thresholds that are lifted. With `exactly`, what differs in a database otherwise than the changeset shows
    ends its action before anything is written. With `since`, the selection is limited to what that comparison of texts found
    concerned (`Comparison.narrow`), hosts that it does not concern are not asked, and what becomes of removed documents is told.
    `replacing` says whose database another one takes the place of, by command. `commands` are the directories whose
    programs hooks may run; None where nothing is carried out. `approved` is what thresholds stopped, and somebody lets through.
    `begun` is what the same text has had done lately on hosts that answered earlier: it counts towards thresholds.
    """

    selection: Selection = EVERYTHING
    depth: Depth = field(default_factory=Depth)
    confirmed_listings: Collection[str] = ()
    allowed: Collection[str] = ()
    since: Comparison | None = None
    exactly: bool = False
    replacing: Replacing | None = None
    commands: Collection[str] | None = None
    approved: Collection[Approval] = frozenset()
    begun: Collection[Action] = frozenset()


@dataclass(frozen=True, slots=True)
class Planned:
    """What a pass saw and what it would do; `one_host` are servers that are one host with another, which are frozen too.

    `standings` say how the modules of databases stand, `course` where the rollout of newer code does.
    """

    observed: Observed
    changeset: Changeset
    inventory: Inventory
    one_host: frozenset[str] = frozenset()
    standings: Mapping[Key, ModulesState] = field(default_factory=dict)
    course: Course = field(default_factory=Course)


def decide(desired: Desired, observed: Observed, inventory: Inventory, now: datetime, limits: Limits) -> Planned:
    """Compare the text with what was seen, and hold back what pauses, windows, frozen hosts and thresholds do not let through.

    Args:
        desired: the fleet's text, resolved.
        observed: what its hosts answered.
        inventory: what is remembered.
        now: the time of this pass, UTC.
        limits: what this run is limited to.
    """
    desired = usage.in_force(endings.in_force(desired, now), inventory, now)
    same = one_host.proven(observed)
    frozen = {**frozen_hosts(desired, observed, inventory, limits.confirmed_listings), **same}
    wanted = diff(desired, observed, inventory, now, limits.selection, frozen, limits.replacing)
    closed = windows.closed(wanted.actions, desired, now)
    released = withhold(wanted, pauses.in_force(desired, inventory.pauses), desired.settings.code, closed)
    in_service = _in_service(desired, observed, inventory)
    refused = hooks.refused(released.actions, desired, limits.commands)
    safety = desired.settings.safety
    gated = gate(released, frozen, safety, in_service, limits.allowed, refused, limits.approved, limits.begun)
    gated = replace(gated, hooks=hooks.met(gated.actions, desired))
    if limits.since is not None:
        gated = with_removed(gated, limits.since, desired, observed, inventory)
    stand = standings(desired, observed, inventory)
    return Planned(observed, gated, inventory, frozenset(same), stand, course(desired, stand, now))


def _in_service(desired: Desired, observed: Observed, inventory: Inventory) -> int:
    """Count the databases in service: as hosts list them, and on hosts that were not asked as they did or as is declared."""
    declared = {*desired.names.places, *(entry.target for entry in ending_diffs.removed(desired, inventory))}
    listed = [d for h in observed.hosts.values() for d in h.databases]
    unseen = 0
    for code in desired.in_use - observed.hosts.keys():
        if code in inventory.listings:
            listed += map(parse, inventory.listings[code])
        else:
            unseen += sum(i.server == code and i.state == "active" for i in desired.instances.values())
    return unseen + sum(d.state is NameState.PUBLISHED and d.target in declared for d in listed)
