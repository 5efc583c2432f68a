"""Copies on another server than their source's: of what they are made there, and what is in the way. Pure.

Where the source has backups it is the newest of them, so that neither its host nor its people notice anything; where there is
none yet, the source is packed as it is then. What is built of it is neutralized and proven as on the server of its source.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from reconciler.core.diffs import copies, same_code
from reconciler.core.diffs.copies import BACKUP_OF_SOURCE, Original
from reconciler.core.diffs.drafts import Draft
from reconciler.core.model.actions import FieldChange
from reconciler.core.model.observed import BackupSeen, DatabaseLook, Observed, ObservedHost
from reconciler.core.policies import backups, claims
from reconciler.core.policies.claims import Doubt, Found
from reconciler.fleet.desired import Desired
from schemas.instance import Instance


def original(draft: Draft, copy: Instance, place: str | None = None) -> Original | Doubt:
    """Find what a copy is made of, wherever its source is.

    Args:
        draft: what is observed, and planned so far.
        copy: the copy's document.
        place: the server of the copy; left out, the one that its text names, or that of its source.
    """
    found = copies.original(draft, copy)
    place = place or copy.server
    if isinstance(found, Doubt) or place in (None, found.server):
        return found
    made = _from_elsewhere(draft, copy, place, found)
    if isinstance(made, Doubt):
        return Doubt(f"instance/{copy.clone_of}, of which it is a copy, is on {found.server}: {made.why}", made.advice)
    return made


def uuid_of(draft: Draft, copy: Instance, place: str, made_of: Original) -> str:
    """Return the uuid of what a copy on a server would be made of; empty where it is not known."""
    source = draft.desired.instances[copy.clone_of or ""]
    if made_of.is_backup:
        return draft.observed.hosts[place].backups[source.code].uuid
    look = _look_at(draft, source, made_of)
    return look.uuid if look is not None else ""


def _from_elsewhere(draft: Draft, copy: Instance, place: str, found: Original) -> Original | Doubt:
    servers, source = draft.desired.servers, draft.desired.instances[copy.clone_of or ""]
    if servers[found.server].odoo_version != servers[place].odoo_version:
        why = f"that is of Odoo {servers[found.server].odoo_version}, and {place} runs {servers[place].odoo_version}"
        return Doubt(why, "a copy is made on a server of the same version: name one, or remove `server`")
    kept = _newest(draft, source, place)
    if isinstance(kept, Doubt):
        return kept
    first = same_code.made_first(draft, copy, place)  # compared with the archive once it is there
    if kept.id:
        told = FieldChange(BACKUP_OF_SOURCE, f"in {kept.target}, taken {kept.taken_at:%Y-%m-%d %H:%M} UTC", kept.id)
        doubt = None if first else same_code.doubt(draft, copy, place, kept.modules)
        return doubt or replace(found, after=first, told=(told,))
    told = FieldChange("source", f"on {found.server}", "packed there as it is then, since there is no backup of it")
    doubt = draft.hold(servers[found.server]) or draft.disbelief(found.server)
    doubt = doubt or (None if first else _unlike(draft, copy, place, found))
    return doubt or replace(found, after=(*found.after, *first), told=(told,))


def _newest(draft: Draft, source: Instance, place: str) -> BackupSeen | Doubt:
    if backups.policy(draft.desired, source) is None:
        return BackupSeen()
    host = draft.host(place)
    kept = host.backups.get(source.code) if host is not None else None
    if kept is None:
        return Doubt(
            "which backups of it there are was not looked up", "run without --shallow, once the template is there"
        )
    return Doubt(f"which backups of it there are is not known: {kept.problem}", "") if kept.problem else kept


def _unlike(draft: Draft, copy: Instance, place: str, found: Original) -> Doubt | None:
    """Compare what is in the source with the code of the copy's server; what is built in this run is compared after that."""
    source = draft.desired.instances[copy.clone_of or ""]
    if found.after and not claims.find(draft.observed, (found.server,), source.database_name, source.renamed_from):
        return None
    look = _look_at(draft, source, found)
    return same_code.doubt(draft, copy, place, same_code.versions_of(look))


def _look_at(draft: Draft, source: Instance, found: Original) -> DatabaseLook | None:
    forms = claims.find(draft.observed, (found.server,), source.database_name, source.renamed_from)
    looks = (draft.look(found.server, form.name.text) for form in forms)
    return next((look for look in looks if look is not None), None)


@dataclass(frozen=True, slots=True)
class CopyPlace:
    """A copy, the server where it is or is to be, what of it is there, and where its source is."""

    copy: Instance
    server: str
    standing: tuple[Found, ...]
    source: Found

    @property
    def is_elsewhere(self) -> bool:
        """Tell whether it is on another server than its source."""
        return self.server != self.source.server


def places(desired: Desired, observed: Observed) -> Iterator[CopyPlace]:
    """Yield the copies of a fleet whose own place and whose source's place are known from lists of names."""
    for copy in desired.instances.values():
        if copy.state == "absent" or not copies.is_copied(copy):
            continue
        standing = claims.of(desired, observed, copy)
        servers = {found.server for found in standing} or {copy.server or ""}
        sources = claims.of(desired, observed, desired.instances[copy.clone_of or ""])
        if len(servers) == len(sources) == 1 and (server := servers.pop()):
            yield CopyPlace(copy, server, standing, sources[0])


def backed_up_sources(desired: Desired, observed: Observed, host: ObservedHost) -> tuple[str, ...]:
    """Name the instances whose newest backups are asked for: of copies on a host that are not there yet, or were looked into now.

    Args:
        desired: the fleet's text.
        observed: what hosts list.
        host: the one, with the looks of this pass.
    """
    found = dict.fromkeys(
        place.copy.clone_of or ""
        for place in places(desired, observed)
        if place.server == host.server and place.is_elsewhere
        if not place.standing or any(each.name.text in host.looks for each in place.standing)
    )
    return tuple(code for code in found if backups.policy(desired, desired.instances[code]) is not None)
