"""Names that two documents of a fleet cannot both have: addresses, databases, subdomains, former names.

The first document read keeps the name; each later one is told where the first is. An instance without a server may be
placed on any, so its names clash with the same names anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from reconciler.core.declarations import Declarations
from reconciler.core.diagnostics import Diagnostic
from schemas.instance import Instance

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
    yield from _told(world, "duplicate-server-url", "address", _addresses(world))
    yield from _told(world, "duplicate-database", "database", _databases(world))
    yield from _told(world, "duplicate-subdomain", "subdomain", _subdomains(world))
    yield from _told(world, "duplicate-renamed-from", "former name", _former_names(world))


def _told(world: Declarations, code: str, what: str, claims: Iterable[Claim]) -> Iterator[Diagnostic]:
    for claim, earlier in clashing(claims):
        place = world.range_of(claim.kind, claim.code, claim.field)
        first = world.range_of(earlier.kind, earlier.code, earlier.field)
        message = f"{what} {claim.name!r} is already that of {earlier.kind} {earlier.code!r}"
        unplaced = next((each for each in (claim, earlier) if not each.places), None)
        hint = f"see {first}"
        if unplaced is not None:
            hint += f"; {unplaced.kind} {unplaced.code!r} names no server, so it may be placed on any"
        yield Diagnostic(place, code, message, hint)


def _addresses(world: Declarations) -> Iterator[Claim]:
    for code, server in world.servers.items():
        yield Claim(server.server_url, ("fleet",), "server", code, "server_url")


def _databases(world: Declarations) -> Iterator[Claim]:
    for code, template in world.templates.items():
        if template.server_codes:
            yield Claim(template.template_db, template.server_codes, "template", code, "template_db")
    for code, instance in world.instances.items():
        yield Claim(instance.database_name, _server_of(instance), "instance", code, "database_name")


def _subdomains(world: Declarations) -> Iterator[Claim]:
    domains = {code: server.domain for code, server in world.servers.items()}
    if not any(domains.values()):
        return
    for instance in world.wanted_instances():
        domain = domains.get(instance.server or "")
        # On a server without a domain nothing is reached by its subdomain.
        if instance.server is None or domain is not None:
            places = (domain,) if domain is not None else ()
            yield Claim(instance.subdomain, places, "instance", instance.code, "subdomain")


def _former_names(world: Declarations) -> Iterator[Claim]:
    for instance in world.wanted_instances():
        if instance.renamed_from is not None:
            yield Claim(instance.renamed_from, _server_of(instance), "instance", instance.code, "renamed_from")


def _server_of(instance: Instance) -> tuple[Place, ...]:
    return (instance.server,) if instance.server is not None else ()
