"""Which server each instance of one that is to be emptied would move to: as few moves as it has instances. Pure.

What a move would be blocked by, as far as names tell it, is left out: another version of Odoo, no template, no room, a name that
is taken. Of the servers that remain, the one most like the drained one is chosen, then the emptiest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from reconciler.core.diffs import instance_diffs, places, template_diffs
from reconciler.core.diffs.drafts import Draft
from reconciler.core.model.inventory import Inventory
from reconciler.core.model.observed import Observed
from reconciler.core.policies.claims import Doubt
from reconciler.core.policies.placement import Candidate, why_not
from reconciler.fleet.desired import Desired
from schemas.instance import Instance
from schemas.server import Server


@dataclass(frozen=True, slots=True)
class ProposedMove:
    """Where one instance would go; or, where there is no `server`, why to none."""

    code: str
    server: str
    why: str = ""


def drain(
    desired: Desired, observed: Observed, inventory: Inventory, now: datetime, server: Server
) -> tuple[ProposedMove, ...]:
    """Propose where the instances of a server go.

    Args:
        desired: the fleet's text.
        observed: what its hosts list.
        inventory: what is remembered.
        now: the time, UTC.
        server: what is to be emptied.
    """
    draft = Draft(desired, observed, inventory, now)
    draft.count_used()
    template_diffs.diff_templates(draft)
    return tuple(_propose(draft, instance, server) for instance in _on(draft, server))


def _on(draft: Draft, server: Server) -> Iterator[Instance]:
    """Yield the instances that are there by their text, or were found there."""
    for _, instance in sorted(draft.desired.instances.items()):
        found = [f.server for f in instance_diffs.find(draft, instance)] if instance.server is None else []
        if instance.state != "absent" and server.code in (instance.server, *found):
            yield instance


def _propose(draft: Draft, instance: Instance, server: Server) -> ProposedMove:
    if instance.clone_of is not None:
        return ProposedMove(instance.code, "", "it is a copy: end it, and make another one where its source is by then")
    others = [s for _, s in sorted(draft.desired.servers.items()) if s.active and s.code != server.code]
    passed, eligible = [], []
    for other in others:
        if why := why_not_there(draft, instance, server, other):
            passed.append(f"{other.code}: {why}")
        else:
            eligible.append(other)
    if not eligible:
        return ProposedMove(instance.code, "", "; ".join(passed) or "there is no other server")

    def rank(other: Server) -> tuple[int, float, int, str]:
        alike = len(server.labels.items() & other.labels.items())
        return -alike, -_candidate(draft, instance, other).free_percent, other.sequence, other.code

    best = min(eligible, key=rank)
    draft.used[best.code] = draft.used.get(best.code, 0) + 1
    return ProposedMove(instance.code, best.code)


def why_not_there(draft: Draft, instance: Instance, server: Server, other: Server) -> str:
    """Say why an instance of a server cannot be moved to another one, as far as names and lists tell; or nothing."""
    if other.odoo_version != server.odoo_version:
        return f"it runs Odoo {other.odoo_version}"
    host = draft.host(other.code)
    if host is not None and host.forms_of(instance.database_name):
        return f"a database {instance.database_name} is there"
    return why_not(_candidate(draft, instance, other), draft.desired.settings.placement.min_capacity_percent)


def _candidate(draft: Draft, instance: Instance, other: Server) -> Candidate:
    return Candidate(
        server=other,
        online=draft.hold(other) is None,
        has_template=not isinstance(places.template_of(draft, instance, other.code), Doubt),
        supports=True,  # it is there already on a server of the same version
        used=draft.used.get(other.code, 0),
        paused=("server", other.code) in draft.pauses,
        stored=draft.stored.get(other.code, 0),
    )
