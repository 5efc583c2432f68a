"""How deeply a pass looks: which databases are worth a login, from a shallow look and memory alone.

Deep for what changed in the text since it was applied, for what was never verified, and on a slow rotation that is
bounded per host, since a deep look costs the host a registry load. Foreign databases are never in the list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from reconciler.core.diffs import copies, copies_elsewhere, ending_diffs, support, trash, unclaimed
from reconciler.core.model.inventory import Inventory
from reconciler.core.model.names import (
    IN_SERVICE,
    KEPT,
    ON_ITS_WAY,
    NameState,
    is_expired_build,
    is_expired_trash,
    parse,
)
from reconciler.core.model.observed import Observed
from reconciler.core.model.selection import Selection
from reconciler.core.model.specs import DatabaseSpec, instance_digest, instance_spec, template_digest, template_spec
from reconciler.core.policies import claims, code_moves, endings, one_host, openers, upgrades
from reconciler.fleet.desired import Desired
from schemas.instance import Instance
from schemas.server import Server
from schemas.template import Template

MOST_CLAIMANTS = 3
"""So many missing instances, and so many documents that are not in the text any more, try to open what is between two names:
each try may be a wrong password on the host."""


@dataclass(frozen=True, slots=True)
class Depth:
    """How much to look at: nothing (`shallow`), all (`refresh`), or what is due.

    For the last, how old a verification may be, and how many such looks a host bears.

    Where an earlier plan is to be made again, `again` names by server and database what it looked at, which is looked at
    whatever memory says, and `passed_over` what it saw and did not look at: neither is that now, however due it has become.
    With `code` one database of each host is asked for the versions of the host's code, so that it is noticed when that moves.
    """

    shallow: bool = False
    verify_after: timedelta = timedelta(hours=24)
    rotation_per_host: int = 3
    again: frozenset[tuple[str, str]] = frozenset()
    passed_over: frozenset[tuple[str, str]] = frozenset()
    refresh: bool = False
    code: bool = False

    @staticmethod
    def of(desired: Desired, *, shallow: bool = False, refresh: bool = False, code: bool = False) -> Depth:
        """Look at the rhythm that the fleet's text sets."""
        age, databases = desired.settings.verification.max_age_hours, desired.settings.verification.databases_per_pass
        return Depth(shallow, timedelta(hours=age), databases, refresh=refresh, code=code)

    def asks_for_code(self, desired: Desired) -> bool:
        """Tell whether hosts are asked which code they run: where that is wanted, or somebody follows it."""
        return not self.shallow and (self.code or upgrades.anybody_follows(desired))


@dataclass(frozen=True, slots=True)
class Inspection:
    """One database to look at deeply, as the account of `spec` (or of `former_code`, while a document is renamed).

    An expired build is looked at as any of its `builders`, and only for whether it was ever in service. As a document that
    `is_gone` from the text what is between two names is looked at, to tell whose it is: another's password is not the declared
    one of whomever it turns out to be. Of what `moves` between servers, and of the template where it goes, the versions of
    modules are read as well.
    """

    server: str
    database: str
    spec: DatabaseSpec
    former_code: str | None = None
    builders: tuple[DatabaseSpec, ...] = ()
    is_gone: bool = False
    moves: bool = False


def targets(
    desired: Desired, observed: Observed, inventory: Inventory, now: datetime, depth: Depth, selection: Selection
) -> tuple[Inspection, ...]:
    """Choose what is looked at deeply in this pass, in a stable order."""
    if depth.shallow:
        return ()
    desired = endings.in_force(desired, now)
    due: list[ListedDatabase] = []
    aged: dict[str, list[tuple[datetime, str, ListedDatabase]]] = {}
    upgraded = code_moves.worth_a_look(desired, observed, inventory, now, selection)
    for seen in candidates(desired, observed, inventory, selection):
        document, code = seen.document, seen.server.code
        if (code, seen.database) in depth.passed_over:
            continue
        entry = inventory.entries.get((document.kind, document.code, code))
        is_again = (code, seen.database) in depth.again
        state = parse(seen.database).state
        # Not what was verified, even beside that; about to be ended; or about to come back from the trash.
        is_moving = state in (*ON_ITS_WAY, *(IN_SERVICE if _is_absent(document) else KEPT)) or seen.is_elsewhere
        if (
            depth.refresh
            or is_again
            or is_moving
            or entry is None
            or seen.former_code
            or entry.digest != seen.digest(desired)
            or support.is_noted(inventory, (document.kind, document.code, code))
            or upgraded((document.kind, document.code, code), entry.verified_at)
            or (isinstance(document, Instance) and copies.comes_due(document, entry.verified_at, now))
        ):
            due.append(seen)
        elif now - entry.verified_at > depth.verify_after:
            aged.setdefault(code, []).append((entry.verified_at, seen.database, seen))
    for waiting in aged.values():
        waiting.sort(key=lambda each: each[:2])
        due += [seen for _, _, seen in waiting[: depth.rotation_per_host]]
    due += _on_what_may_be_the_same_host(desired, observed, inventory, depth, due)
    builds = _expired_builds(desired, observed, now, depth, selection)
    remembered, guessed = _left_between(desired, observed, inventory, depth, selection)
    whole = (*remembered, *(seen.target(desired) for seen in due), *guessed)
    wholly = {(target.server, target.database) for target in whole}
    ended = _ended(desired, observed, inventory, now, depth) if selection.is_everything else ()
    found = (*whole, *builds, *(target for target in ended if (target.server, target.database) not in wholly))
    found = _of_moves(desired, observed, [seen for seen in due if seen.is_elsewhere], found)
    found = _of_copies(desired, observed, selection, due, found)
    return tuple(sorted(found, key=lambda t: (t.server, t.database)))  # of one database the likeliest account first


def _expired_builds(
    desired: Desired, observed: Observed, now: datetime, depth: Depth, selection: Selection
) -> Iterator[Inspection]:
    """Yield the builds past their limit: those that are swept, and in a limited run those that may be an instance's of it."""
    limit = timedelta(hours=desired.settings.retention.building_hours)
    selected = [i for i in desired.instances.values() if selection.includes(i)]
    own = {name for i in selected for name in (i.database_name, i.renamed_from)}
    for code, host in observed.hosts.items():
        for name in host.databases if host.online and code in desired.servers else ():
            if not is_expired_build(name, now, limit) or (code, name.text) in depth.passed_over:
                continue
            if not selection.is_everything and name.target not in own:
                continue
            if builders := openers.builders_of(desired, code, name.text):
                yield Inspection(code, name.text, builders[0], builders=builders)


def _ended(
    desired: Desired, observed: Observed, inventory: Inventory, now: datetime, depth: Depth
) -> Iterator[Inspection]:
    """Yield what is to be ended since its document was removed, and trash that is to be dropped."""
    for entry in ending_diffs.removed(desired, inventory):
        host = observed.hosts.get(entry.server)
        for spec in openers.as_gone(desired, entry.server, entry.target, [("instance", entry.code)]):
            for name in host.forms_of(entry.target) if host and host.online else ():
                if (entry.server, name.text) not in depth.passed_over:
                    yield Inspection(entry.server, name.text, spec, is_gone=True)
    for code, host in observed.hosts.items():
        for name in host.databases if host.online and code in desired.servers else ():
            is_over = is_expired_trash(name, now, endings.trash_limit(desired))
            owners = openers.owners_of_trash(desired, inventory, code, name.text) if is_over else ()
            if owners and (code, name.text) not in depth.passed_over:
                yield Inspection(code, name.text, owners[0], builders=owners)


def _of_moves(
    desired: Desired, observed: Observed, moving: Sequence[ListedDatabase], found: Sequence[Inspection]
) -> tuple[Inspection, ...]:
    """Have the versions of modules read of what may be moved, and of the templates where it would go."""
    templates: list[Inspection] = []
    for seen in moving:
        if isinstance(seen.document, Instance) and seen.document.server is not None:
            templates += _template_there(desired, observed, seen.document, seen.document.server)
    return _with_versions(found, templates, {(seen.server.code, seen.database) for seen in moving})


def _of_copies(
    desired: Desired,
    observed: Observed,
    selection: Selection,
    due: Sequence[ListedDatabase],
    found: Sequence[Inspection],
) -> tuple[Inspection, ...]:
    """Have what copies that are looked into, or are not there yet, are made of looked into as well.

    Of those on other servers the versions of modules are read too, and those of the templates where they are.
    """
    chosen = {(seen.server.code, seen.database) for seen in due}
    beside: list[Inspection] = []
    elsewhere: list[Inspection] = []
    for place in copies_elsewhere.places(desired, observed):
        is_due = not place.standing or any((each.server, each.name.text) in chosen for each in place.standing)
        has_rhythm = place.copy.refresh is not None and bool(place.standing)
        if not (is_due and selection.includes(place.copy) and (place.is_elsewhere or has_rhythm)):
            continue
        source = desired.instances[place.copy.clone_of or ""]
        spec = instance_spec(desired, source, desired.servers[place.source.server])
        target = Inspection(place.source.server, place.source.name.text, spec, source.renamed_from)
        if place.is_elsewhere:
            elsewhere += [target, *_template_there(desired, observed, place.copy, place.server)]
        else:
            beside.append(target)
    there = {(target.server, target.database) for target in found}
    more = [target for target in beside if (target.server, target.database) not in there]
    return _with_versions((*found, *more), elsewhere, set())


def _template_there(desired: Desired, observed: Observed, instance: Instance, server: str) -> list[Inspection]:
    """Return the template of an instance on a server as what is looked into, if it is there."""
    template, host = desired.templates[desired.template_of(instance)], observed.hosts.get(server)
    if host is None or not (host.online and host.lists(template.template_db)):
        return []
    return [Inspection(server, template.template_db, template_spec(desired, template, desired.servers[server]))]


def _with_versions(
    found: Sequence[Inspection], more: Sequence[Inspection], asked: set[tuple[str, str]]
) -> tuple[Inspection, ...]:
    """Add what is looked into beside, and have the versions of modules read of that and of what is asked for."""
    there = {(target.server, target.database) for target in found}
    added = {(target.server, target.database): target for target in more}
    whole = (*found, *(target for key, target in added.items() if key not in there))
    return tuple(replace(t, moves=True) if (t.server, t.database) in asked | added.keys() else t for t in whole)


def _is_absent(document: Template | Instance) -> bool:
    return isinstance(document, Instance) and document.state == "absent"


class ListedDatabase(NamedTuple):
    """A database that a host lists and a document declares. Its spec is worked out only if it is looked at."""

    document: Template | Instance
    server: Server
    database: str
    former_code: str | None = None

    @property
    def is_elsewhere(self) -> bool:
        """Tell whether it is on another server than its text says."""
        return isinstance(self.document, Instance) and self.document.server not in (None, self.server.code)

    def digest(self, desired: Desired) -> str:
        """Fingerprint what it should be."""
        if isinstance(self.document, Template):
            return template_digest(desired, self.document, self.server)
        return instance_digest(desired, self.document, self.server)

    def target(self, desired: Desired) -> Inspection:
        """Say how to look at it."""
        if isinstance(self.document, Template):
            spec = template_spec(desired, self.document, self.server)
        else:
            spec = instance_spec(desired, self.document, self.server)
        return Inspection(self.server.code, self.database, spec, self.former_code)


def _on_what_may_be_the_same_host(
    desired: Desired, observed: Observed, inventory: Inventory, depth: Depth, due: Sequence[ListedDatabase]
) -> list[ListedDatabase]:
    """Before a server's first look is believed, look at the same database on those that list the very same names."""
    chosen = {(seen.server.code, seen.database) for seen in due}
    similar = one_host.alike(observed)
    return [
        seen._replace(server=desired.servers[other])
        for seen in due
        if (seen.document.kind, seen.document.code, seen.server.code) not in inventory.entries
        for other in similar.get(seen.server.code, ())
        if not {(other, seen.database)} & (chosen | depth.passed_over)
    ]


def candidates(
    desired: Desired, observed: Observed, inventory: Inventory, selection: Selection
) -> Iterator[ListedDatabase]:
    """Yield every database that a host lists and a document that is selected may call its own."""
    yield from _of_templates(desired, observed, selection)
    yield from _of_instances(desired, observed, inventory, selection)


def _of_templates(desired: Desired, observed: Observed, selection: Selection) -> Iterator[ListedDatabase]:
    for template in desired.templates.values():
        if not (template.active and selection.concerns_template(desired, template)):
            continue
        for code in template.server_codes:
            host, server = observed.hosts.get(code), desired.servers.get(code)
            if host and server and host.online:
                trash = [
                    name
                    for there, name in observed.named(NameState.TRASH, template.template_db)
                    if there.server == code
                ]
                for name in host.forms_of(template.template_db) or trash:
                    yield ListedDatabase(template, server, name.text)


def _of_instances(
    desired: Desired, observed: Observed, inventory: Inventory, selection: Selection
) -> Iterator[ListedDatabase]:
    missing: list[Instance] = []
    for instance in desired.instances.values():
        if not selection.includes(instance):
            continue
        found = claims.of(desired, observed, instance)
        for one in claims.narrow(found, inventory, "instance", instance.code):
            yield ListedDatabase(instance, desired.servers[one.server], one.name.text, instance.renamed_from)
        if not found:
            for host, name in trash.may_be_of(desired, observed, instance):
                yield ListedDatabase(instance, desired.servers[host.server], name.text, instance.renamed_from)
        if not found and not _is_absent(instance):
            missing.append(instance)
    yield from _namesakes(desired, observed, missing)
    yield from _unclaimed(desired, observed, inventory, missing)


def _namesakes(desired: Desired, observed: Observed, missing: Iterable[Instance]) -> Iterator[ListedDatabase]:
    """Before a missing instance is cloned its namesakes on other servers are opened, to tell whose they are."""
    for instance in missing:
        for server, name in claims.namesakes(desired, observed, instance) if instance.server else ():
            if server not in desired.names.places.get(name.target, ()):  # another's, who looks at it when it is due
                yield ListedDatabase(instance, desired.servers[server], name.text, instance.renamed_from)


def _unclaimed(
    desired: Desired, observed: Observed, inventory: Inventory, missing: Iterable[Instance]
) -> Iterator[ListedDatabase]:
    """What is between two names and no document's may be a missing instance's: a few of them try to open it."""
    for host, name in unclaimed.seen(desired, observed):
        here = [i for i in missing if i.server in (None, host.server)]
        here.sort(key=lambda i: (("instance", i.code, host.server) not in inventory.entries, i.code))
        for instance in here[:MOST_CLAIMANTS]:
            yield ListedDatabase(instance, desired.servers[host.server], name.text, name.target)


def _left_between(
    desired: Desired, observed: Observed, inventory: Inventory, depth: Depth, selection: Selection
) -> tuple[list[Inspection], list[Inspection]]:
    """List as whose accounts that are not in the text any more what is between two names is opened: remembered ones, or guesses.

    Only while something is missing: what is proven to be another's then holds it back no more, and is not opened again.
    """
    remembered: list[Inspection] = []
    guessed: list[Inspection] = []
    between = [(h, n) for h, n in unclaimed.seen(desired, observed) if (h.server, n.text) not in depth.passed_over]
    wanted = (i for i in desired.instances.values() if i.state != "absent" and selection.includes(i))
    if not between or all(claims.of(desired, observed, i) for i in wanted):
        return remembered, guessed
    declared = {"instance": desired.instances, "template": desired.templates}
    for host, name in between:
        known = [(e.kind, e.code) for e in inventory.on(host.server) if e.target == name.target]
        documents = known or openers.guesses(name.target)
        gone = [(kind, code) for kind, code in documents if code not in declared[kind]][:MOST_CLAIMANTS]
        accounts = openers.as_gone(desired, host.server, name.target, gone)
        found = (Inspection(host.server, name.text, account, is_gone=True) for account in accounts)
        (remembered if known else guessed).extend(found)
    return remembered, guessed
