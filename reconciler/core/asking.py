"""Whom a run that compares with an earlier revision asks: hosts that nothing concerns are not asked at all.

Most needs are known from the text. One is not: what turns out to be missing is looked for everywhere before it is cloned, so
that nothing is ever made twice. So this is asked once before any answer is there, and once more with the answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.core.depths import Depth, Inspection
from reconciler.core.model.inventory import Inventory
from reconciler.core.model.observed import Observed
from reconciler.core.model.selection import Selection
from reconciler.core.revisions import ANYWHERE, Comparison
from reconciler.fleet.desired import Desired
from schemas.instance import Instance

NOTHING_SEEN = Observed({})


def servers_to_ask(
    desired: Desired, seen: Observed, inventory: Inventory, selection: Selection, since: Comparison | None
) -> frozenset[str]:
    """Name the servers that a run asks for their version and databases: all in use, or those that a comparison needs.

    Args:
        desired: the fleet's text.
        seen: what hosts have answered so far; NOTHING_SEEN at first.
        inventory: what is remembered.
        selection: what the run is limited to.
        since: what changed in the text, if that limits the run.
    """
    everyone = desired.in_use
    if since is None:
        return everyone
    asked = {s.code for s in desired.servers.values() if selection.includes(s)}
    for template in desired.templates.values():
        if selection.includes(template):
            asked.update(template.server_codes)
    for gone in since.gone:
        asked.update(gone.servers or _remembered(inventory, gone.kind, gone.code) or everyone)
    for instance in desired.instances.values():
        if selection.includes(instance):
            places = _places(instance, inventory)
            asked |= everyone if not places or is_missing(instance, seen, places) else places
    return frozenset(asked) & everyone


def _places(instance: Instance, inventory: Inventory) -> frozenset[str]:
    """Name where an instance's database is by its text, or was by memory; none if it may be anywhere."""
    return frozenset([instance.server]) if instance.server else _remembered(inventory, "instance", instance.code)


def _remembered(inventory: Inventory, kind: str, code: str) -> frozenset[str]:
    return frozenset(entry.server for entry in inventory.of(kind, code))


def is_missing(instance: Instance, seen: Observed, places: Iterable[str]) -> bool:
    """Tell whether an instance would be cloned: all these hosts have answered, and none lists its database."""
    hosts = [seen.hosts.get(place) for place in places]
    names = (instance.database_name, instance.renamed_from or instance.database_name)
    if instance.state == "absent":
        return False
    return all(h is not None and h.online and not any(h.forms_of(name) for name in names) for h in hosts)


def worth_a_look(
    wanted: Iterable[Inspection],
    desired: Desired,
    seen: Observed,
    depth: Depth,
    selection: Selection,
    since: Comparison | None,
) -> tuple[Inspection, ...]:
    """Keep, of the databases that depth would look at, those that the comparison says may differ.

    Looked at besides is what an earlier plan looked at and, where an instance is to be built, its template, what it is a copy of,
    and what may be its database under another name.
    """
    if since is None:
        return tuple(wanted)
    sources = frozenset(_sources(desired, seen, selection))
    looks = frozenset(since.looks) | sources
    kept = []
    for target in wanted:
        address = target.spec.address
        is_again = (target.server, target.database) in depth.again or ((target.is_gone or target.builders) and sources)
        if is_again or (address, ANYWHERE) in looks or (address, target.server) in looks:
            kept.append(target)
    return tuple(kept)


def _sources(desired: Desired, seen: Observed, selection: Selection) -> Iterator[tuple[str, str]]:
    for instance in desired.instances.values():
        if selection.includes(instance):
            places = [instance.server] if instance.server else list(seen.hosts)
            if is_missing(instance, seen, places):
                yield f"template/{desired.template_of(instance)}", instance.server or ANYWHERE
                if instance.clone_of is not None:
                    yield f"instance/{instance.clone_of}", ANYWHERE
