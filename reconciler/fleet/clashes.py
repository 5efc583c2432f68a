"""Names that two documents of a fleet cannot both have: addresses, databases, subdomains, former names.

The first document read keeps the name; each later one is told where the first is. An instance without a server may be
placed on any, so its names clash with the same names anywhere. Nearly all names are claimed once, so names are counted
first, and only for the others it is worked out who claims them where.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field

from reconciler.fleet.declarations import Declarations
from reconciler.fleet.diagnostics import Diagnostic
from schemas.instance import Instance
from schemas.server import host_of

Place = str


@dataclass(frozen=True)
class Claim:
    """A document's claim to a name in some places (servers or domains); no places means that it may be any."""

    name: str
    places: tuple[Place, ...]
    kind: str
    code: str
    field: str


@dataclass
class _Taken:
    """Who has a name: by place, and anywhere."""

    first: Claim
    by_place: dict[Place, Claim] = field(default_factory=dict)
    anywhere: Claim | None = None

    def meets(self, claim: Claim) -> Claim | None:
        """Return the earlier claim that this one clashes with."""
        if not claim.places:
            return self.first
        return self.anywhere or next((self.by_place[place] for place in claim.places if place in self.by_place), None)

    def add(self, claim: Claim) -> None:
        if not claim.places:
            self.anywhere = self.anywhere or claim
        for place in claim.places:
            self.by_place.setdefault(place, claim)


def clashing(claims: Iterable[Claim]) -> Iterator[tuple[Claim, Claim]]:
    """Yield each claim that clashes with an earlier one, and that one."""
    taken: dict[str, _Taken] = {}
    for claim in claims:
        holders = taken.get(claim.name)
        if holders is None:
            holders = taken[claim.name] = _Taken(claim)
        else:
            earlier = holders.meets(claim)
            if earlier is not None:
                yield claim, earlier
        holders.add(claim)


def check_clashes(world: Declarations) -> Iterator[Diagnostic]:
    """Find all names that are claimed twice."""
    instances, servers = world.instances.values(), world.servers.values()
    addresses = [host_of(server.server_url) for server in servers]
    databases = [template.template_db for template in world.templates.values()]
    databases += [instance.database_name for instance in instances]
    subdomains = [instance.subdomain for instance in instances] if any(server.domain for server in servers) else []
    former = [instance.renamed_from for instance in instances if instance.renamed_from is not None]
    yield from _told(world, "duplicate-server-url", "address", addresses, _addresses)
    yield from _told(world, "duplicate-database", "database", databases, _databases)
    yield from _told(world, "duplicate-subdomain", "subdomain", subdomains, _subdomains)
    if any(instance.domains for instance in instances):
        reached = [name for each in world.wanted_instances() for name, _ in _host_names(world, each)]
        yield from _told(world, "duplicate-domain", "host name", reached, _domains)
    yield from _told(world, "duplicate-renamed-from", "former name", former, _former_names)


Claims = Callable[[Declarations, Container[str]], Iterator[Claim]]
"""Yields the claims to some names."""


def _told(world: Declarations, code: str, what: str, names: Iterable[str], claims: Claims) -> Iterator[Diagnostic]:
    repeated = {name for name, times in Counter(names).items() if times > 1}
    if not repeated:
        return
    for claim, earlier in clashing(claims(world, repeated)):
        place = world.range_of(claim.kind, claim.code, claim.field)
        first = world.range_of(earlier.kind, earlier.code, earlier.field)
        message = f"{what} {claim.name!r} is already that of {earlier.kind} {earlier.code!r}"
        unplaced = next((each for each in (claim, earlier) if not each.places), None)
        hint = f"see {first}"
        if unplaced is not None:
            hint += f"; {unplaced.kind} {unplaced.code!r} names no server, so it may be placed on any"
        yield Diagnostic(place, code, message, hint)


def _addresses(world: Declarations, names: Container[str]) -> Iterator[Claim]:
    for code, server in world.servers.items():
        if (host := host_of(server.server_url)) in names:
            yield Claim(host, ("fleet",), "server", code, "server_url")


def _databases(world: Declarations, names: Container[str]) -> Iterator[Claim]:
    for code, template in world.templates.items():
        if template.template_db in names and template.server_codes:
            yield Claim(template.template_db, template.server_codes, "template", code, "template_db")
    for code, instance in world.instances.items():
        if instance.database_name in names:
            yield Claim(instance.database_name, _server_of(instance), "instance", code, "database_name")


def _subdomains(world: Declarations, names: Container[str]) -> Iterator[Claim]:
    domains = {code: server.domain for code, server in world.servers.items()}
    for instance in world.wanted_instances():
        domain = domains.get(instance.server or "")
        # On a server without a domain nothing is reached by its subdomain.
        if instance.subdomain in names and (instance.server is None or domain is not None):
            places = (domain,) if domain is not None else ()
            yield Claim(instance.subdomain, places, "instance", instance.code, "subdomain")


def _domains(world: Declarations, names: Container[str]) -> Iterator[Claim]:
    """Yield the claims to host names; that two subdomains are one is told as that."""
    reached: set[str] = set()
    for instance in world.wanted_instances():
        for name, where in _host_names(world, instance):
            if name in names and (where == "domains" or name not in reached):
                reached.add(name)
                yield Claim(name, ("fleet",), "instance", instance.code, where)


def _host_names(world: Declarations, instance: Instance) -> Iterator[tuple[str, str]]:
    server = world.servers.get(instance.server or "")
    if server is not None and server.domain is not None:
        yield f"{instance.subdomain}.{server.domain}", "subdomain"
    yield from ((name, "domains") for name in dict.fromkeys(instance.domains))


def _former_names(world: Declarations, names: Container[str]) -> Iterator[Claim]:
    for instance in world.wanted_instances():
        if instance.renamed_from is not None and instance.renamed_from in names:
            yield Claim(instance.renamed_from, _server_of(instance), "instance", instance.code, "renamed_from")


def _server_of(instance: Instance) -> tuple[Place, ...]:
    return (instance.server,) if instance.server is not None else ()
