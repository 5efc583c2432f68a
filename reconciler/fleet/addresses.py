"""Under which names customers reach an instance: its subdomain of the server's domain, and domains of their own."""

from __future__ import annotations

from schemas.instance import Instance
from schemas.server import Server


def host_names(instance: Instance, server: Server) -> tuple[str, ...]:
    """Return all of them, that of the server's domain first where it has one."""
    own = () if server.domain is None else (f"{instance.subdomain}.{server.domain}",)
    return (*own, *instance.domains)


def primary_address(instance: Instance, server: Server) -> str:
    """Return the address that the instance names itself, without a path; nothing where there is none."""
    if instance.primary_domain is not None:
        return server.public_url(instance.primary_domain)
    return server.public_address(instance.subdomain)
