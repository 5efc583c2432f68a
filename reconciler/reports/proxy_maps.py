"""The proxy's map of names: which host names lead to which database on which server, and whether it is in service.

The same text for the same fleet, line by line, so that it can be compared and reloaded when it has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.core.model import whereabouts
from reconciler.core.model.inventory import Inventory
from reconciler.fleet.addresses import host_names
from reconciler.fleet.desired import Desired

_LONGEST = 512
"""Host names have up to 253 characters; nginx has room for 64 unless it is told otherwise, of which it takes some itself."""


@dataclass(frozen=True, slots=True, order=True)
class Route:
    """A host name, the one under which Odoo finds the database (`dbfilter = ^%d$`), its server, and the declared state."""

    name: str
    odoo_name: str
    server: str
    state: str


def routes(desired: Desired, inventory: Inventory) -> tuple[list[Route], list[str]]:
    """Return the routes, sorted, and the codes of instances that have none, since nobody knows where they are.

    Args:
        desired: the fleet as it counts now (`endings.in_force`).
        inventory: where instances are whose text names no server, or one that they were not moved to yet.
    """
    found, unplaced = [], []
    for instance in whereabouts.as_it_stands(desired, inventory).instances.values():
        server = desired.servers.get(instance.server or whereabouts.server_of(instance, inventory) or "")
        if instance.state == "absent":
            continue
        if server is None:
            unplaced.append(instance.code)
            continue
        first = instance.database_name if server.domain is None else f"{instance.subdomain}.{server.domain}"
        found += [Route(name, first, server.code, instance.state) for name in host_names(instance, server)]
    return sorted(found), unplaced


def _nginx(found: Sequence[Route], fleet: str) -> Iterator[str]:
    yield f"# Made by `odoo-fleet render nginx` from the fleet {fleet}; to be included in `http`."
    yield f"map_hash_bucket_size {_LONGEST};"
    yield from _nginx_map("$odoo_host", "$host", {r.name: r.odoo_name for r in found})
    yield from _nginx_map("$odoo_server", '""', {r.name: r.server for r in found})
    yield from _nginx_map("$odoo_state", "unknown", {r.name: r.state for r in found})


def _nginx_map(variable: str, default: str, values: Mapping[str, str]) -> Iterator[str]:
    yield f"map $host {variable} {{"
    yield f"    default {default};"
    yield from (f"    {name} {value};" for name, value in values.items())
    yield "}"


def _caddy(found: Sequence[Route], fleet: str) -> Iterator[str]:
    yield f"# Made by `odoo-fleet render caddy` from the fleet {fleet}; to be imported in a site."
    yield "map {host} {odoo_host} {odoo_server} {odoo_state} {"
    yield from (f"\t{r.name} {r.odoo_name} {r.server} {r.state}" for r in found)
    yield '\tdefault {host} "" unknown'
    yield "}"


PROXIES: Mapping[str, Callable[[Sequence[Route], str], Iterator[str]]] = {"nginx": _nginx, "caddy": _caddy}
"""The proxies that maps are written for: lines from the routes and the fleet's code."""


def render_routes(found: Sequence[Route], fleet: str, proxy: str) -> str:
    """Return the map of a proxy that is one of `PROXIES`."""
    return "\n".join(PROXIES[proxy](found, fleet)) + "\n"
