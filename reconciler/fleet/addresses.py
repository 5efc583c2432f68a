"""Under which names customers reach an instance: its subdomain of the server's domain, and domains of their own."""

from __future__ import annotations

from reconciler.fleet.desired import Desired
from schemas.instance import Instance
from schemas.server import Server


def host_names(instance: Instance, server: Server) -> tuple[str, ...]:
    """Return all of them, that of the server's domain first where it has one."""
    own = () if server.domain is None else (f"{instance.subdomain}.{server.domain}",)
    return (*own, *instance.domains)


def names_in_use(desired: Desired) -> frozenset[str]:
    """Return the names of all instances that are not absent; of one whose text names no server, on each that it may be on."""
    kept = (i for i in desired.instances.values() if i.state != "absent")
    places = ((i, (i.server,) if i.server else desired.servers) for i in kept)
    return frozenset(name for i, codes in places for code in codes for name in host_names(i, desired.servers[code]))


def primary_address(instance: Instance, server: Server) -> str:
    """Return the address that the instance names itself, without a path; nothing where there is none."""
    if instance.primary_domain is not None:
        return server.public_url(instance.primary_domain)
    return server.public_address(instance.subdomain)
