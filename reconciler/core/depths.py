"""How deeply a pass looks: which databases are worth a login, from a shallow look and memory alone.

Deep for what changed in the text since it was applied, for what was never verified, and on a slow rotation that is
bounded per host, since a deep look costs the host a registry load. Foreign databases are never in the list.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.core import claims
from reconciler.core.desired import Desired
from reconciler.core.inventory import Inventory
from reconciler.core.observed import Observed
from reconciler.core.selection import Selection
from reconciler.core.specs import DatabaseSpec, instance_spec, template_spec


@dataclass(frozen=True, slots=True)
class Depth:
    """How much to look at: not at all (`shallow`), and how old a verification may be, how many such looks a host bears."""

    shallow: bool = False
    verify_after: timedelta = timedelta(hours=24)
    rotation_per_host: int = 3


@dataclass(frozen=True, slots=True)
class Target:
    """One database to look at deeply, as the account of `spec` (or of `former_code`, while a document is renamed)."""

    server: str
    database: str
    spec: DatabaseSpec
    former_code: str | None = None


def targets(
    desired: Desired, observed: Observed, inventory: Inventory, now: datetime, depth: Depth, selection: Selection
) -> tuple[Target, ...]:
    """Choose what is looked at deeply in this pass, in a stable order."""
    if depth.shallow:
        return ()
    due: list[Target] = []
    aged: dict[str, list[tuple[datetime, Target]]] = {}
    for target in _candidates(desired, observed, inventory, selection):
        spec = target.spec
        entry = inventory.entries.get((spec.kind, spec.code, spec.server))
        if entry is None or entry.digest != spec.digest() or target.former_code:
            due.append(target)
        elif now - entry.verified_at > depth.verify_after:
            aged.setdefault(target.server, []).append((entry.verified_at, target))
    for waiting in aged.values():
        waiting.sort(key=lambda pair: (pair[0], pair[1].database))
        due += [target for _, target in waiting[: depth.rotation_per_host]]
    return tuple(sorted(due, key=lambda t: (t.server, t.database, t.spec.code)))


def _candidates(desired: Desired, observed: Observed, inventory: Inventory, selection: Selection) -> Iterator[Target]:
    for template in desired.templates.values():
        if not (template.active and selection.concerns_template(desired, template)):
            continue
        for code in template.server_codes:
            host, server = observed.hosts.get(code), desired.servers.get(code)
            if host and server and host.online and host.lists(template.template_db):
                yield Target(code, template.template_db, template_spec(desired, template, server))
    for instance in desired.instances.values():
        if instance.state == "absent" or not selection.includes(instance):
            continue
        places = (instance.server,) if instance.server else tuple(desired.servers)
        found = claims.find(observed, places, instance.database_name, instance.renamed_from)
        for one in claims.narrow(found, inventory, "instance", instance.code):
            spec = instance_spec(desired, instance, desired.servers[one.server])
            yield Target(one.server, one.name.text, spec, instance.renamed_from)
