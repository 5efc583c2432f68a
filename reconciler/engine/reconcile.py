"""One pass: observe, diff, gate, execute, observe again. `plan`, `apply` and the daemon run these same functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from reconciler.core.deciding import Limits, Planned, decide
from reconciler.core.diffs import copies, fields, support, uninstalls
from reconciler.core.diffs.ending_diffs import is_whole
from reconciler.core.model.inventory import NOTHING_REMEMBERED, ORPHANED, PRUNES
from reconciler.core.model.names import NameState, parse
from reconciler.core.model.observed import Access, DatabaseLook, Observed, ObservedHost
from reconciler.core.model.outcomes import Outcome, Result
from reconciler.core.model.specs import DatabaseSpec, instance_spec, template_spec
from reconciler.core.policies import claims, code_moves, endings, template_versions, upgrades, usage
from reconciler.engine import measuring
from reconciler.engine.executor import execute
from reconciler.engine.measuring import measure
from reconciler.engine.observing import observe
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired


@dataclass(frozen=True, slots=True)
class Passed:
    """What a pass did, what it saw afterwards, and whether reality now matches the text."""

    planned: Planned
    outcomes: tuple[Outcome, ...]
    after: Planned

    @property
    def ok(self) -> bool:
        """Tell whether all was done and nothing declared is blocked, or was and is still to do, but for what is paused.

        Nor is anything still to do of a document that something was done for: who runs it once would take it for ready.
        """
        done = all(o.result is Result.DONE for o in self.outcomes)
        still = {(a.kind, a.code) for a in self.after.changeset.actions if not a.verb.is_housekeeping}
        begun = {(o.action.kind, o.action.code) for o in self.outcomes if not o.action.verb.is_housekeeping}
        held = [b for b in self.planned.changeset.blocked if (b.kind, b.code) in still]
        return done and not still & begun and all(b.paused for b in (*held, *self.after.changeset.blocked))


async def plan(desired: Desired, world: World, limits: Limits) -> Planned:
    """Observe, diff and gate; changes nothing on any host."""
    inventory = await world.inventory()
    observed = await observe(desired, inventory, world, limits.depth, limits.selection, limits.since)
    return decide(desired, observed, inventory, world.clock.now(), limits)


async def carry_out(planned: Planned, desired: Desired, world: World, limits: Limits) -> Passed:
    """Remember what was seen, execute what was planned, look again and remember that; then measure what is due."""
    remember(planned, desired, world)
    outcomes = await execute(planned.changeset, desired, world, exactly=limits.exactly)
    after = planned
    if outcomes and not world.stop.is_set():
        after = await plan(desired, world, replace(limits, replacing=None))  # asked for once
        remember(after, desired, world)
    if not world.stop.is_set():
        await measure(measuring.due(after, desired, world, limits), after, desired, world)
    return Passed(planned, outcomes, after)


def remember(seen: Planned, desired: Desired, world: World) -> None:
    """Write down what needs no action: verified databases, servers in use, and what hosts list."""
    world.note(lambda: _remember(seen, _in_force(seen, desired, world), world))


def _remember(seen: Planned, desired: Desired, world: World) -> None:
    now, memory = world.clock.now(), world.memory
    frozen = {each.server for each in seen.changeset.frozen}
    waiting = {(a.kind, a.code) for a in seen.changeset.actions} | {(b.kind, b.code) for b in seen.changeset.blocked}
    for code, host in seen.observed.hosts.items():
        if not host.online or code in frozen:
            continue
        memory.listing(code, [d.text for d in host.databases], now)
        if desired.servers[code].state == "active" and ("server", code) not in waiting and host.databases:
            memory.server_state(code, "active")
    _remember_code(seen, world)
    _remember_verified(seen, desired, world)
    _remember_orphans(seen, desired, world)


def _remember_orphans(seen: Planned, desired: Desired, world: World) -> None:
    """Note whose document is gone: should one of its code come back, what the former left behind is not given away.

    Not yet of what is to be ended for that: it is known by that its document went while the text said `prune: true`.
    """
    prunes = desired.settings.prune
    frozen = {each.server for each in seen.changeset.frozen}
    for (kind, code, server), entry in seen.inventory.entries.items():
        is_gone = code not in desired.instances and not desired.names.claims(entry.target)
        if kind != "instance" or not is_gone or entry.orphaned:
            continue
        host = seen.observed.hosts.get(server)
        is_ended = host is not None and host.online and server not in frozen and not host.forms_of(entry.target)
        if is_ended or not (prunes and seen.inventory.prunes):
            world.memory.verified(kind, code, server, entry.target, ORPHANED + entry.digest, entry.verified_at)
    # Last: whoever reads in between, or after a crash, must not take what was removed before for removed under `prune`.
    if prunes is not seen.inventory.prunes:
        world.memory.server_state(PRUNES, "yes" if prunes else "no")


def remember_looks(seen: Planned, desired: Desired, world: World) -> None:
    """Write down what the deep looks of a pass tell: what matches its text is verified now, what does not is verified no more.

    The latter only where it counted as verified as this very text: another text's memory is none of this one's business.
    """

    def write() -> None:
        _remember_code(seen, world)
        _remember_verified(seen, _in_force(seen, desired, world), world)

    world.note(write)


def _in_force(seen: Planned, desired: Desired, world: World) -> Desired:
    now = world.clock.now()
    return usage.in_force(endings.in_force(desired, now), seen.inventory, now)


def _remember_code(seen: Planned, world: World) -> None:
    """Note which code hosts run: when another one is seen than was noted, all databases of the host are looked into once."""
    for code, host in seen.observed.hosts.items():
        if host.code and (text := code_moves.noted(seen.inventory, code, host.code, world.clock.now())):
            world.memory.server_state(code_moves.row_of(code), text)


def _remember_standings(seen: Planned, desired: Desired, world: World) -> None:
    """Note how the modules of those databases stand that were looked at, as far as there is anything to do or to wait for."""
    known, now = seen.inventory.server_states, world.clock.now()
    for key, found in upgrades.standings(desired, seen.observed, NOTHING_REMEMBERED).items():
        row, text = upgrades.row_of(key), upgrades.text_of(found, now)
        if known.get(row, "") != text:
            world.memory.server_state(row, text)


def _remember_versions(seen: Planned, desired: Desired, world: World) -> None:
    """Note which versions of their templates those databases came from that were looked at."""
    states = seen.inventory.server_states
    for key, found in template_versions.known(desired.settings.code, seen.observed, NOTHING_REMEMBERED).items():
        row = template_versions.row_of(key)
        if states.get(row, "") != found:
            world.memory.server_state(row, found)


def _remember_verified(seen: Planned, desired: Desired, world: World) -> None:
    _remember_standings(seen, desired, world)
    _remember_versions(seen, desired, world)
    hosts, entries = seen.observed.hosts, seen.inventory.entries
    # Of one host under two names the proof is looked for again each time.
    apart = {code: host for code, host in hosts.items() if code not in seen.one_host}
    for spec in _specs_of_looks(desired, apart):
        host, key = hosts[spec.server], (spec.kind, spec.code, spec.server)
        for form in host.forms_of(spec.target):
            look = host.looks.get(form.text)
            if look is None or look.access is Access.FAILED or look.broken:
                continue
            now, copied = world.clock.now(), desired.instances.get(spec.code if spec.clone_of else "")
            # What is to be made anew is looked into until it was, however long something holds that back; so is what
            # the operator may be in, until it ends.
            if not look.support and support.is_noted_past(seen.inventory, key, now):
                world.memory.server_state(support.row_of(*key), "")
            if (
                _matches(spec, look, form.state)
                and not look.support
                and not (copied and copies.is_due(copied, look, now))
            ):
                world.memory.verified(*key, spec.target, spec.digest(), now)
            elif key in entries and entries[key].digest == spec.digest():
                world.memory.clear(*key)
    for spec in _specs_of_ended(desired, seen.observed):
        world.memory.verified(spec.kind, spec.code, spec.server, spec.target, spec.digest(), world.clock.now())


def _specs_of_ended(desired: Desired, observed: Observed) -> Iterator[DatabaseSpec]:
    """Yield whose database was looked at in the trash and is there as its text wants it."""
    for instance in desired.instances.values():
        for host, name in observed.named(NameState.TRASH, instance.database_name) if instance.state == "absent" else ():
            look = host.looks.get(name.text)
            spec = instance_spec(desired, instance, desired.servers[host.server])
            if look is not None and look.opened and is_whole(look, name) and claims.doubt(look, spec, None) is None:
                yield spec


def _specs_of_looks(desired: Desired, hosts: Mapping[str, ObservedHost]) -> Iterator[DatabaseSpec]:
    """Yield what the few databases that were looked at should be, of all the fleet's."""
    looked: dict[str, list[str]] = {}
    for code, host in hosts.items():
        for text in host.looks:
            looked.setdefault(parse(text).target, []).append(code)
    for template in desired.templates.values():
        for code in looked.get(template.template_db, ()):
            if code in template.server_codes:
                yield template_spec(desired, template, desired.servers[code])
    for instance in desired.instances.values():
        if instance.state != "absent":
            for code in looked.get(instance.database_name, ()):
                if instance.server in (None, code):
                    yield instance_spec(desired, instance, desired.servers[code])


def _matches(spec: DatabaseSpec, look: DatabaseLook, state: NameState) -> bool:
    ours = look.access is Access.CURRENT and claims.doubt(look, spec, None) is None
    return ours and not (fields.differences(spec, look, state) or uninstalls.is_wanted(spec, look))
