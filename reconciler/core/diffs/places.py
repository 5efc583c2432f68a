"""Where an instance is put that has no database yet: the placement rule, asked with what a pass knows. Pure."""

from __future__ import annotations

from reconciler.core.diffs import copies
from reconciler.core.diffs.drafts import Draft
from reconciler.core.policies.claims import Doubt
from reconciler.core.policies.placement import Candidate, Placing, place
from reconciler.fleet.rules import NEUTRALIZE_SINCE, is_cloned
from schemas.instance import Instance
from schemas.server import Server


def placing(draft: Draft, instance: Instance) -> Placing:
    """Apply the placement rule to an instance, with what this pass has planned so far counted as there.

    A copy has no choice: it is where its source is, unless its text names a server.
    """
    copied = copies.original(draft, instance) if copies.is_copied(instance) else None
    only = (instance.server or copied.server) if isinstance(copied, copies.Original) else None
    servers = [s for s in draft.desired.servers.values() if s.active and only in (None, s.code)]
    candidates = [_candidate(draft, instance, s) for s in servers]
    return place(candidates, draft.desired.settings.placement.min_capacity_percent)


def _candidate(draft: Draft, instance: Instance, server: Server) -> Candidate:
    return Candidate(
        server=server,
        online=draft.hold(server) is None,
        has_template=instance.clone_of is not None or not isinstance(template_of(draft, instance, server.code), Doubt),
        supports=not (instance.neutralize and is_cloned(instance)) or float(server.odoo_version) >= NEUTRALIZE_SINCE,
        used=draft.used.get(server.code, 0),
        paused=("server", server.code) in draft.pauses,
        stored=draft.stored.get(server.code, 0),
    )


def template_of(draft: Draft, instance: Instance, server: str) -> str | Doubt:
    """Return what comes before a clone of an instance's template on a server, or why there can be none."""
    return draft.templates.get((draft.desired.template_of(instance), server), Doubt("it is not declared there", ""))
