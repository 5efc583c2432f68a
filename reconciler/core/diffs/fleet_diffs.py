"""The diff: desired against observed gives a changeset. Facts in, plain data out; it never acts, waits or guesses.

What it cannot be sure of it does not plan: it is blocked, with why and what to do. The parts: servers and sweeps here,
templates in `template_diffs`, instances in `instance_diffs`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from reconciler.core.diffs import (
    ending_diffs,
    instance_diffs,
    replacement_diffs,
    support,
    template_diffs,
    upgrade_diffs,
)
from reconciler.core.diffs.drafts import Draft, needed_by
from reconciler.core.diffs.ordering import order
from reconciler.core.model import names, verbs
from reconciler.core.model.actions import Action, Reason, without
from reconciler.core.model.changesets import Changeset, Left, LeftAlone
from reconciler.core.model.inventory import Inventory
from reconciler.core.model.names import DatabaseName, NameState
from reconciler.core.model.observed import Observed, ObservedHost
from reconciler.core.model.selection import EVERYTHING, Selection
from reconciler.core.policies import claims
from reconciler.core.policies.claims import Doubt
from reconciler.core.policies.replacements import Replacing
from reconciler.fleet.desired import Desired
from schemas.instance import Instance
from schemas.server import Server
from schemas.template import Template


def diff(
    desired: Desired,
    observed: Observed,
    inventory: Inventory,
    now: datetime,
    selection: Selection = EVERYTHING,
    frozen: Mapping[str, Doubt] | None = None,
    replacing: Replacing | None = None,
) -> Changeset:
    """Compare a fleet with its hosts.

    Args:
        desired: the fleet's text, resolved.
        observed: shallow looks at all its servers, deep ones where `depths.targets` asked for them.
        inventory: what is remembered; NOTHING_REMEMBERED is always correct, only dearer.
        now: the time of this pass, UTC.
        selection: what the run is limited to; what the selected needs comes along.
        frozen: hosts whose listing is not believed, with why and what to do: they may hold what they do not list.
        replacing: whose database is to be replaced, if that is asked for.
    """
    draft = Draft(desired, observed, inventory, now, frozen or {}, replacing, selection)
    draft.count_used()
    for plans in PLANNERS:
        plans(draft)
    foreign = sum(_account_for(draft, host) for host in observed.hosts.values())
    return _select(draft, foreign, selection)


def _diff_servers(draft: Draft) -> None:
    for server in sorted(draft.desired.servers.values(), key=lambda s: (s.sequence, s.code)):
        _diff_server(draft, server)


PLANNERS: list[Callable[[Draft], None]] = [
    _diff_servers,
    template_diffs.diff_templates,
    instance_diffs.diff_instances,
    replacement_diffs.diff_replacements,
    ending_diffs.diff_endings,
    upgrade_diffs.diff_upgrades,
    support.diff_support,
]
"""What plans, each with what those before it planned: activations before templates, and both before clones."""


def _diff_server(draft: Draft, server: Server) -> None:
    host = draft.host(server.code)
    if host is None or not server.active or server.state == "draft":
        return
    remembered = draft.inventory.server_states.get(server.code)
    if server.state == "disabled":
        _diff_disabled(draft, server, host, remembered)
        return
    if doubt := draft.hold(server):
        draft.block("server", server.code, server.code, doubt)
        return
    if server.state == "maintenance":
        if remembered == "active":
            draft.plan(Action(verbs.MAINTAIN, "server", server.code, server.code, Reason.CHANGED))
    elif remembered != "active" and not _serves_this_fleet(draft, host):
        reason = Reason.CHANGED if remembered else Reason.DECLARED
        action = Action(verbs.ACTIVATE, "server", server.code, server.code, reason)
        draft.activations[server.code] = draft.plan(action)
    for name in host.databases:
        if names.is_expired_build(name, draft.now, draft.build_limit) and not _why_kept(draft, host, name):
            sweep = Action(verbs.SWEEP, "server", server.code, server.code, Reason.ABANDONED_BUILD, name.text)
            draft.plan(sweep)


def _diff_disabled(draft: Draft, server: Server, host: ObservedHost, remembered: str | None) -> None:
    if not host.online:
        why = f"whether it still hosts instances cannot be seen: {host.problem}"
        if remembered not in (None, "disabled"):
            draft.block("server", server.code, server.code, Doubt(why, "disable it while it answers"))
        return
    hosted = sorted(target for target in host.targets if target in draft.desired.names.wanted)
    if hosted:
        why = f"it cannot be disabled while it hosts {', '.join(hosted)}"
        advice = "make these instances absent first, or set the state to maintenance"
        draft.block("server", server.code, server.code, Doubt(why, advice))
    elif remembered not in (None, "disabled"):
        draft.plan(Action(verbs.DISABLE, "server", server.code, server.code, Reason.CHANGED))


def _serves_this_fleet(draft: Draft, host: ObservedHost) -> bool:
    remembered = {e.target for e in draft.inventory.on(host.server)}
    return any(target in remembered or draft.desired.declares(host.server, target) for target in host.targets)


def _account_for(draft: Draft, host: ObservedHost) -> int:
    """Say what is seen and not touched on a host; return how many databases there are foreign."""
    foreign = 0
    for _, left in _of_nobody(draft, host):
        if left:
            draft.left_alone.append(left)
        else:
            foreign += 1
    return foreign


def foreign_databases(
    desired: Desired, observed: Observed, inventory: Inventory, now: datetime
) -> tuple[tuple[str, DatabaseName], ...]:
    """List, by server, the databases that are none of this fleet's business: those that a plan counts as of others."""
    draft = Draft(desired, observed, inventory, now)
    ending_diffs.diff_endings(draft)
    seen = ((host, *each) for _, host in sorted(observed.hosts.items()) for each in _of_nobody(draft, host))
    return tuple((host.server, name) for host, name, left in seen if not left)


def _of_nobody(draft: Draft, host: ObservedHost) -> Iterator[tuple[DatabaseName, LeftAlone | None]]:
    """Yield what is on a host and not touched, with what it is; of a foreign database nothing is said."""
    remembered = {e.target for e in draft.inventory.on(host.server)}
    for name in host.databases:
        said = (host.server, name.text)
        if said in draft.said and draft.said[said] is None:
            continue
        declared = draft.desired.declares(host.server, name.target) or _was_declared(draft, host.server, name.target)
        known = name.target in remembered
        left = _left_alone_because(draft, host.server, name, declared=declared, remembered=known)
        is_foreign = name.state is NameState.UNKNOWN or not (declared or known)
        if left or (is_foreign and name.state is not NameState.BUILDING):
            yield name, left


def _why_kept(draft: Draft, host: ObservedHost, name: DatabaseName) -> str:
    """Say why an expired build is not swept, or nothing if a look inside showed that it was never in service."""
    look = host.looks.get(name.text)
    if look is not None and (kept := claims.why_build_kept(look)):
        return f"under a building name, and kept: {kept}"
    if held := draft.hold(draft.desired.servers[host.server]):
        return f"an unfinished build past its limit: not swept while {held.why}"
    return "" if look is not None else "an unfinished build past its limit: looked into before it is swept"


def _left_alone_because(
    draft: Draft, server: str, name: DatabaseName, *, declared: bool, remembered: bool
) -> LeftAlone | None:
    if (said := draft.said.get((server, name.text))) is not None:
        return said
    told = _untold(draft, server, name, declared=declared, remembered=remembered)
    return told and LeftAlone(server, name.text, told[1], told[0])


def _untold(
    draft: Draft, server: str, name: DatabaseName, *, declared: bool, remembered: bool
) -> tuple[Left, str] | None:
    if name.state is NameState.BUILDING:
        if names.is_expired_build(name, draft.now, draft.build_limit):
            why = _why_kept(draft, draft.observed.hosts[server], name)
            return (Left.BUILD, why) if why else None
        return Left.BUILD, "being built, or abandoned: swept after its limit"
    if declared or name.state in (NameState.UNKNOWN, *names.KEPT):
        return None
    if name.state is NameState.SUSPENDED or name.state in names.ON_ITS_WAY:
        return Left.ORPHAN, f"orphan: {name.state}, and no document declares it"
    if (mover := _on_its_way(draft, server, name)) is not None:
        return Left.KEPT, f"what instance/{mover.code} is until it is moved to {mover.server}"
    return (Left.ORPHAN, "orphan: once published by this fleet, no longer declared") if remembered else None


def _on_its_way(draft: Draft, server: str, name: DatabaseName) -> Instance | None:
    """Return the instance that a database is remembered to be, if its text has that on another server by now."""
    for entry in draft.inventory.on(server):
        if entry.target == name.target and entry.kind == "instance" and not entry.orphaned:
            found = draft.desired.instances.get(entry.code)
            return found if found is not None and found.database_name == name.target else None
    return None


def _was_declared(draft: Draft, server: str, target: str) -> bool:
    return draft.desired.names.may_have_been_on(server, target)


def _select(draft: Draft, foreign: int, selection: Selection) -> Changeset:
    actions, blocked, withheld, left_alone = draft.actions, draft.blocked, draft.withheld, draft.left_alone
    if not selection.is_everything:
        chosen = _selected_addresses(draft.desired, selection)
        kept = needed_by(actions, [a for a in actions if a.address in chosen and not a.verb.is_housekeeping])
        actions = without(actions, {a.id for a in actions} - kept)
        blocked = [b for b in blocked if b.address in chosen]
        withheld = [w for w in withheld if w.action.address in chosen]
    if selection.by_hand:
        left_alone = list(filter(_is_about(draft.desired, selection), left_alone))
    return Changeset(order(actions), tuple(sorted(blocked)), tuple(sorted(left_alone)), foreign, tuple(withheld))


def _is_about(desired: Desired, selection: Selection) -> Callable[[LeftAlone], bool]:
    """Return what tells whether a database stands on a selected server, or under a name that a selected document has or had."""
    selected = [each for each in desired.subjects() if selection.includes(each)]
    servers = {each.code for each in selected if isinstance(each, Server)}
    targets = {each.template_db for each in selected if isinstance(each, Template)}
    for each in (one for one in selected if isinstance(one, Instance)):
        targets |= {each.database_name, each.renamed_from or each.database_name}
    return lambda left: left.server in servers or names.parse(left.database).target in targets


def _selected_addresses(desired: Desired, selection: Selection) -> set[str]:
    return {d.address for d in desired.subjects() if selection.includes(d)}
