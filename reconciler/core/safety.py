"""The gate between what the diff wants and what may run: pauses, windows, frozen hosts, thresholds. Decided before it is seen."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from reconciler.core.model.actions import Action, Reason, without
from reconciler.core.model.changesets import Approval, Blocked, Changeset, Frozen, Stopped, Withheld, by_itself
from reconciler.core.model.inventory import Inventory
from reconciler.core.model.names import FORMS, IN_SERVICE, KEPT, NameState, parse
from reconciler.core.model.observed import Observed, ObservedHost
from reconciler.core.model.pauses import Pause, pause_of
from reconciler.core.model.verbs import END_SUPPORT, REBUILD, UPGRADE
from reconciler.core.policies.claims import Doubt
from reconciler.fleet.counting import count, some
from reconciler.fleet.desired import Desired
from schemas.fleet import Safety

PERCENT_COUNTS_FROM = 10
"""Below so many databases in service the percentage says nothing: one of three is already 33 %."""

_SHOWN = 3
_ALL = 100.0


@dataclass(frozen=True, slots=True)
class Threshold:
    """Something that one pass does to so many databases only; then it stops, does it to none, and says so.

    The fleet's `safety` has `max_NAME` and `max_NAME_percent`, a run that means it has `--allow-NAME`.
    """

    name: str
    counts: Callable[[Action], bool]
    told: str
    """What would become of the databases."""
    allowed: str
    """What `--allow-NAME` does, for its help."""

    @property
    def advice(self) -> str:
        """What to do about it."""
        return f"if it is meant, run with --allow-{self.name}"


_ROUTINE = (Reason.INTERRUPTED, Reason.OLD_MARK, Reason.ADOPTED)
"""Why databases are changed that nobody edited just now: work is finished, marks are written as this version writes them."""

REMOVALS = Threshold(
    "removals",
    lambda action: (
        (action.verb.takes_out_of_service and action.reason is not Reason.SCHEDULED) or action.verb.loses_data
    ),
    "would go out of service",
    "Take more out of service, or uninstall modules in more, than the safety thresholds allow.",
)
CHANGES = Threshold(
    "changes",
    lambda action: action.verb.alters and action.reason not in _ROUTINE,
    "would be changed",
    "Change more databases than the safety thresholds allow.",
)
THRESHOLDS = (REMOVALS, CHANGES)


def frozen_hosts(
    desired: Desired, observed: Observed, inventory: Inventory, confirmed: Collection[str]
) -> Mapping[str, Doubt]:
    """Name the hosts whose listing lost databases of this fleet since the last pass, each with what is missing and what to do.

    Of this fleet is what is remembered as ours, and whatever bears a declared name: it may be what an earlier pass made and
    did not live to remember.

    A host that lists less than it did may be lying (a failing query inside gives an empty list), and what seems gone
    would be built again. Such a host is left alone until someone confirms that its listing is the truth.

    Args:
        desired: the fleet's text; what is under the new name of a declared rename is not lost, nor what went back under
            the former one because an earlier text said so.
        observed: what hosts list now.
        inventory: with what they listed at the last pass.
        confirmed: hosts whose listing someone says is right.
    """
    renames = {i.renamed_from: i.database_name for i in desired.instances.values() if i.renamed_from}
    frozen: dict[str, Doubt] = {}
    for code, host in sorted(observed.hosts.items()):
        before = inventory.listings.get(code)
        if not host.online or before is None or code in confirmed:
            continue
        now = {d.target for d in host.databases if d.state in FORMS}
        ours = {e.target for e in inventory.on(code)}
        then = {n.target for n in map(parse, before) if n.state in FORMS}
        moved = {former for former, new in renames.items() if new in now} | set(_borne_elsewhere(host))
        moved |= {new for former, new in renames.items() if former in now - then}  # back under the name before
        moved |= _discarded(host, before) | _ended(desired, host, before) | _left_behind(host, before)
        lost = sorted({t for t in then if t in ours or desired.declares(code, t)} - now - moved)
        if any(n.state not in KEPT for n in map(parse, before)) and not host.databases:
            why = f"it lists no database at all, {len(before)} at the last pass"
            frozen[code] = Doubt(why, f"look at the host; if the list is right, run with --confirm-listing {code}")
        elif lost:
            frozen[code] = _missing(desired, code, lost, sorted(t for t in now - then if not desired.claims(t)))
    return frozen


def _missing(desired: Desired, server: str, lost: Sequence[str], new: Sequence[str]) -> Doubt:
    """Say what a host lists no more and, since that may be it, what it lists now that no document claims."""
    why = f"it no longer lists {some(lost, _SHOWN)}"
    customers = [name for name in lost if desired.names.may_be_on(server, name)]
    if not new:
        is_declared = any(desired.declares(server, name) for name in lost)
        right = (
            "the list is right"
            if is_declared
            else "it was dropped on purpose (no document declares it, and none is built)"
        )
        return Doubt(why, f"look at the host; if {right}, run with --confirm-listing {server}")
    why += f"; it lists {some(new, _SHOWN)}, which it did not"
    if not customers:
        return Doubt(why, f"look at the host; if nothing was renamed, run with --confirm-listing {server}")
    one = len(customers) == len(new) == 1
    what, to, line = (customers[0], new[0], f": {new[0]}") if one else ("one of them", "one of these", ": …")
    gone = f"only if it is gone for good, run with --confirm-listing {server}"
    return Doubt(why, f"if {what} was renamed to {to}, write `renamed_from{line}`; {gone}")


def _discarded(host: ObservedHost, before: Collection[str]) -> set[str]:
    """Name what was only on its way at the last pass and is trash since then: a build that could not go on."""
    rested = {name.target for name in map(parse, before) if name.state in IN_SERVICE}
    return {d.target for d in host.databases if d.state is NameState.TRASH and d.text not in before} - rested


def _ended(desired: Desired, host: ObservedHost, before: Collection[str]) -> set[str]:
    """Name what is trash since the last pass because its text ended it: the present text says so, or it was noted inside."""
    new = [d for d in host.databases if d.state is NameState.TRASH and d.text not in before]
    looks = {d.text: host.looks.get(d.text) for d in new}
    noted = {name for name, look in looks.items() if look and look.mark and look.mark.ended == name}
    return {d.target for d in new if d.text in noted or d.target not in desired.names.wanted}


def _left_behind(host: ObservedHost, before: Collection[str]) -> set[str]:
    """Name what has moved to another server since the last pass."""
    return {d.target for d in host.databases if d.state is NameState.MOVED and d.text not in before}


def _borne_elsewhere(host: ObservedHost) -> Iterator[str]:
    """Yield the names of databases that were opened under another one: a rename that was cut short, and reverted in the text."""
    for look in host.looks.values():
        if (
            look.opened
            and look.mark is not None
            and look.is_whole_copy_of_itself
            and parse(look.database).state in FORMS
        ):
            yield look.mark.name


def withhold(
    changeset: Changeset,
    pauses: Mapping[tuple[str, str], Pause],
    fleet: str,
    closed: Mapping[str, str] = MappingProxyType({}),
) -> Changeset:
    """Hold back what pauses concern or may not begin now, and what waits for that; say of what is blocked that it is paused.

    Args:
        changeset: what the diff wants; dependencies stand before what waits for them.
        pauses: those in force, by kind and code.
        fleet: the code of the fleet.
        closed: why actions may not begin now, by id.
    """
    if not (pauses or closed):
        return changeset
    held: dict[str, Withheld] = {}
    for action in changeset.actions:
        is_over = action.verb is END_SUPPORT  # whoever pauses leaves nobody inside for longer
        pause = None if is_over else pause_of(action, fleet, pauses) or pauses.get(("server", action.origin))
        missing = next((need for need in action.after if need in held and _is_needed(action, held[need].action)), None)
        if why := pause.why if pause is not None else closed.get(action.id):
            held[action.id] = Withheld(action, why)
        elif missing is not None:
            held[action.id] = Withheld(action, f"it needs '{missing}': {held[missing].why}")
    blocked = tuple(
        replace(b, paused=pause.why) if (pause := pause_of(b, fleet, pauses)) else b for b in changeset.blocked
    )
    kept = without(changeset.actions, held)
    return replace(changeset, actions=tuple(kept), blocked=blocked, withheld=(*changeset.withheld, *held.values()))


def _is_needed(action: Action, need: Action) -> bool:
    """Tell whether an action is nothing without one that it waits for: a clone goes on without its template's upgrade.

    Or with the template as it is while a new version of that is not built.
    """
    return need.verb not in (UPGRADE, REBUILD) or action.verb is UPGRADE


def gate(
    changeset: Changeset,
    frozen: Mapping[str, Doubt],
    safety: Safety,
    in_service: int,
    allowed: Collection[str] = (),
    refused: Mapping[str, tuple[str, str]] = MappingProxyType({}),
    approved: Collection[Approval] = (),
    begun: Collection[Action] = (),
) -> Changeset:
    """Turn what must not run into what is blocked: all on frozen hosts, which are named, and all of what is too much.

    Args:
        changeset: what the diff wants.
        frozen: hosts to leave alone, with why and what to do.
        safety: of the fleet document.
        in_service: how many published databases the fleet has now.
        allowed: names of thresholds that someone lifts for this run.
        refused: what else is not begun, with why and what to do, by the actions' ids.
        approved: actions that somebody lets through thresholds; they are not counted.
        begun: what the same text has had done lately, which counts: hosts do not all answer at the same moment.
    """
    why = dict(refused)
    for action in changeset.actions:
        for server in action.servers:
            if server in frozen:
                why[action.id] = (f"changes on {server} are frozen: {frozen[server].why}", frozen[server].advice)
    stopped = []
    for threshold in THRESHOLDS:
        if threshold.name in allowed:
            continue
        counted = [
            a for a in changeset.actions if threshold.counts(a) and (threshold.name, by_itself(a)) not in approved
        ]
        removed = [a for a in counted if threshold is REMOVALS and a.reason is Reason.REMOVED]
        lately = [a for a in begun if threshold.counts(a)]
        too_many = _too_many(threshold, [*counted, *lately], in_service, safety)
        own = {action.id: (too_many, threshold.advice) for action in counted if too_many}
        lost = _lost(removed, in_service, safety.max_removals_percent)
        own |= {action.id: (lost, _IF_LOST) for action in removed if lost}
        if new := tuple(by_itself(action) for action in counted if action.id in own.keys() - why.keys()):
            stopped.append(Stopped(threshold.name, too_many or lost, new))
        why = own | why
    named = tuple(Frozen(server, doubt.why, doubt.advice) for server, doubt in sorted(frozen.items()))
    return replace(_block(changeset, why), frozen=named, stopped=tuple(stopped))


_IF_LOST = "look whether the text is all there; if they were removed on purpose, run with --allow-removals"


def _lost(removed: Collection[Action], in_service: int, max_percent: int) -> str:
    """Say why so many documents rather went missing than were removed: of few instances two may be half."""
    gone = len(removed)
    there = in_service + sum(parse(a.database).state is not NameState.PUBLISHED for a in removed)
    if gone and gone >= there and max_percent < _ALL:
        return "no document is left of any instance that is in service, and `prune` ends none of them"
    if gone > 1 and _ALL * gone > max_percent * there:
        limit = f"safety.max_removals_percent ({max_percent})"
        return f"the documents of {gone} of {count(there, 'database')} in service are gone, more than {limit}"
    return ""


def _too_many(threshold: Threshold, counted: Sequence[Action], in_service: int, safety: Safety) -> str:
    databases, told = len({a.address for a in counted}), threshold.told
    if threshold is REMOVALS and any(a.verb.loses_data for a in counted):
        told += " or lose modules"
    most: int = getattr(safety, f"max_{threshold.name}")
    if databases > most:
        return f"{count(databases, 'database')} {told}, more than safety.max_{threshold.name} ({most})"
    most_percent: int = getattr(safety, f"max_{threshold.name}_percent")
    percent = _ALL * databases / in_service if in_service else 0.0
    if in_service >= PERCENT_COUNTS_FROM and percent > most_percent:
        limit = f"safety.max_{threshold.name}_percent ({most_percent})"
        return f"{databases} of {count(in_service, 'database')} ({percent:.0f} %) {told}, more than {limit}"
    return ""


def _block(changeset: Changeset, why: dict[str, tuple[str, str]]) -> Changeset:
    blocked, by_id = list(changeset.blocked), {action.id: action for action in changeset.actions}
    for action in changeset.actions:
        missing = next((need for need in action.after if need in why and _is_needed(action, by_id[need])), None)
        if action.id not in why and missing is not None:
            why[action.id] = (f"it needs '{missing}', which is blocked", "")
        if action.id in why:
            reason, advice = why[action.id]
            blocked.append(Blocked(action.kind, action.code, action.server, f"{action.verb}: {reason}", advice))
    kept = without(changeset.actions, why)
    return replace(changeset, actions=tuple(kept), blocked=tuple(sorted(blocked)))
