"""One pass: observe, diff, gate, execute, observe again. `plan`, `apply` and the daemon run these same functions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from reconciler.core import claims, fields
from reconciler.core.changesets import Changeset
from reconciler.core.depths import Depth
from reconciler.core.desired import Desired
from reconciler.core.diffs import diff
from reconciler.core.inventory import Inventory
from reconciler.core.names import NameState
from reconciler.core.observed import Access, DatabaseLook, Observed
from reconciler.core.outcomes import Outcome, Result
from reconciler.core.safety import Thresholds, frozen_hosts, gate
from reconciler.core.selection import EVERYTHING, Selection
from reconciler.core.specs import DatabaseSpec, instance_spec, template_spec
from reconciler.engine.executor import execute
from reconciler.engine.observing import observe
from reconciler.engine.worlds import World


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run is limited to, and what its operator confirms for this run."""

    selection: Selection = EVERYTHING
    depth: Depth = field(default_factory=Depth)
    confirmed_listings: Collection[str] = ()
    allow_removals: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """What a pass saw and what it would do."""

    observed: Observed
    changeset: Changeset
    inventory: Inventory


@dataclass(frozen=True, slots=True)
class Passed:
    """What a pass did, what it saw afterwards, and whether reality now matches the text."""

    planned: Planned
    outcomes: tuple[Outcome, ...]
    after: Planned

    @property
    def ok(self) -> bool:
        """Tell whether every action was done and nothing that is declared is blocked."""
        return all(o.result is Result.DONE for o in self.outcomes) and not self.after.changeset.blocked


async def plan(desired: Desired, world: World, limits: Limits) -> Planned:
    """Observe, diff and gate; changes nothing on any host. What matches its text is remembered as verified."""
    inventory = world.memory.inventory()
    observed = await observe(desired, inventory, world, limits.depth, limits.selection)
    wanted = diff(desired, observed, inventory, world.clock.now(), limits.selection)
    frozen = frozen_hosts(observed, inventory, _renames(desired), limits.confirmed_listings)
    return Planned(
        observed, gate(wanted, frozen, _thresholds(desired, limits), _in_service(desired, observed)), inventory
    )


async def carry_out(planned: Planned, desired: Desired, world: World, limits: Limits) -> Passed:
    """Remember what was seen, execute what was planned, look again and remember that."""
    remember(planned, desired, world, limits)
    outcomes = await execute(planned.changeset, desired, world)
    if not outcomes or world.stop.is_set():
        return Passed(planned, outcomes, planned)
    after = await plan(desired, world, limits)
    remember(after, desired, world, limits)
    return Passed(planned, outcomes, after)


def remember(seen: Planned, desired: Desired, world: World, limits: Limits) -> None:
    """Write down what needs no action: verified databases, servers in use, and what hosts list."""
    world.note(lambda: _remember(seen, desired, world, limits))


def _remember(seen: Planned, desired: Desired, world: World, limits: Limits) -> None:
    now, memory = world.clock.now(), world.memory
    frozen = frozen_hosts(seen.observed, seen.inventory, _renames(desired), limits.confirmed_listings)
    waiting = {(a.kind, a.code) for a in seen.changeset.actions} | {(b.kind, b.code) for b in seen.changeset.blocked}
    for code, host in seen.observed.hosts.items():
        if not host.online or code in frozen:
            continue
        memory.listing(code, [d.text for d in host.databases], now)
        if desired.servers[code].state == "active" and ("server", code) not in waiting and host.databases:
            memory.server_state(code, "active")
    _remember_verified(seen, desired, world)


def _remember_verified(seen: Planned, desired: Desired, world: World) -> None:
    specs = [
        template_spec(desired, t, desired.servers[s])
        for t in desired.templates.values()
        for s in t.server_codes
        if s in desired.servers
    ]
    specs += [
        instance_spec(desired, i, desired.servers[s])
        for i in desired.instances.values()
        if i.state != "absent"
        for s in ([i.server] if i.server else desired.servers)
    ]
    for spec in specs:
        host = seen.observed.hosts.get(spec.server)
        for form in host.forms_of(spec.target) if host else ():
            look = host.looks.get(form.text) if host else None
            if look is not None and _matches(spec, look, form.state):
                now = world.clock.now()
                world.memory.verified(spec.kind, spec.code, spec.server, spec.target, spec.digest(), now)


def _matches(spec: DatabaseSpec, look: DatabaseLook, state: NameState) -> bool:
    ours = look.access is Access.CURRENT and claims.doubt(look, spec, None, remembered=True) is None
    return ours and not fields.differences(spec, look, state)


def _renames(desired: Desired) -> dict[str, str]:
    return {i.renamed_from: i.database_name for i in desired.instances.values() if i.renamed_from}


def _thresholds(desired: Desired, limits: Limits) -> Thresholds:
    if limits.allow_removals:
        return Thresholds(len(desired.instances), 100.0)
    safety = desired.settings.safety
    return Thresholds(safety.max_removals, safety.max_removals_percent)


def _in_service(desired: Desired, observed: Observed) -> int:
    declared = {i.database_name for i in desired.instances.values()}
    listed = (d for h in observed.hosts.values() for d in h.databases)
    return sum(d.state is NameState.PUBLISHED and d.target in declared for d in listed)
