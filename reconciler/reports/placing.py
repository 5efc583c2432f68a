"""Where an instance is, is pinned to, or would be placed, with the placement rule's reasons for each server.

The rule is applied as a pass applies it: after everything that a pass plans before this instance, so that `place` and `plan`
never disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler.core.diffs import instance_diffs, places, template_diffs
from reconciler.core.diffs.drafts import Draft
from reconciler.core.model.inventory import Inventory
from reconciler.core.model.observed import Observed
from reconciler.core.policies import claims
from reconciler.core.policies.placement import Placing
from reconciler.fleet.desired import Desired
from reconciler.reports.paragraphs import Paper, Tone
from reconciler.reports.plain import FORMAT
from schemas.instance import Instance


@dataclass(frozen=True, slots=True)
class Placed:
    """What was found of one instance: `current` is where its database is, `pinned` what its text names.

    `last` is where it was seen last, if that server does not answer and nothing else tells.
    """

    code: str
    current: str
    pinned: str
    rule: Placing
    last: str = ""

    @property
    def server(self) -> str:
        """Where it is or goes: a database that exists stays, a text that names a server is followed, else the rule."""
        return self.current or self.pinned or self.last or self.rule.server


def find_placement(
    desired: Desired, observed: Observed, inventory: Inventory, now: datetime, instance: Instance
) -> Placed:
    """Apply the rule to one instance."""
    draft = Draft(desired, observed, inventory, now)
    draft.count_used()
    template_diffs.diff_templates(draft)
    found = instance_diffs.find(draft, instance)
    draft.desired = desired.having("instance", _planned_before(desired, instance))
    instance_diffs.diff_instances(draft)
    draft.desired = desired
    rule = places.placing(draft, instance)
    last = "" if found or instance.server else claims.last_seen(desired, observed, inventory, instance)
    return Placed(instance.code, found[0].server if found else "", instance.server or "", rule, last)


def _planned_before(desired: Desired, instance: Instance) -> dict[str, Instance]:
    """Return the instances that a pass plans before this one: those with a server, then by code."""
    mine = (instance.server is None, instance.code)
    return {i.code: i for i in desired.instances.values() if (i.server is None, i.code) < mine}


def render_placement(placement: Placed, paper: Paper) -> str:
    """Say where it goes and why, then for each other server why not."""
    rule = placement.rule
    lines = paper.paragraph(f"{_verdict(placement)}.")
    if placement.current or placement.pinned or placement.last:
        lines += ["", "By the rule alone:"]
    lines += paper.paragraph(_chosen(rule), indent=2, head="✓ " if rule.server else "✗ ", tone=Tone.GOOD)
    for server, why in rule.passed_over:
        lines += paper.paragraph(f"{server}: {why}", indent=2, head="- ", tone=Tone.FAINT)
    return "\n".join(lines)


def _verdict(placement: Placed) -> str:
    address = f"instance/{placement.code}"
    if placement.current:
        return f"{address} is on {placement.current}, and stays there until its text names another server"
    if placement.pinned:
        return f"{address} goes to {placement.pinned}: its text names that server"
    if placement.last:
        return f"{address} was last seen on {placement.last}, which does not answer, and is made nowhere else"
    if placement.rule.server:
        return f"{address} would be placed on {placement.rule.server}"
    return f"No server can take {address}"


def _chosen(rule: Placing) -> str:
    return f"{rule.server}: {rule.free_percent:.0f} % free, the best place" if rule.server else "no server is fit"


def placement_document(placement: Placed) -> dict[str, Any]:
    """Return the same for machines."""
    return {
        "format": FORMAT,
        "instance": placement.code,
        "server": placement.server or None,
        "current": placement.current or None,
        "pinned": placement.pinned or None,
        "last_seen": placement.last or None,
        "rule": {
            "server": placement.rule.server or None,
            "free_percent": round(placement.rule.free_percent, 1) if placement.rule.server else None,
            "passed_over": [{"server": server, "why": why} for server, why in placement.rule.passed_over],
        },
    }
