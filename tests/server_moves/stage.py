"""Two simulated hosts, alpha and beta, with a customer on one of them who works, and is moved to the other."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from tests.harness.universe import Universe, fleet, instance, universe
from tests.harness.virtual_time import run

SERVERS = ("alpha", "beta")


def text(server: str, version: str = "19.0", *others: str, **fields: object) -> str:
    """The fleet's text, with acme on a server."""
    documents = [instance("acme", server=server, **fields), *others]
    return fleet(*documents, servers=dict.fromkeys(SERVERS, version))


@functools.cache
def _begun(versions: tuple[tuple[str, str], ...], before: str) -> Universe:
    async def make() -> Universe:
        world = universe(dict(versions))
        for host in world.hosts.values():
            host.add_database("shop")
        passed = await world.reconcile(before)
        assert passed.ok, passed
        return world

    return run(make())


def begun(
    version: str = "19.0", before: str = "", *, seed: int = 0, versions: Mapping[str, str] | None = None
) -> Universe:
    """Return a world of its own in which acme is in service on alpha, or another text is in force."""
    hosts = versions or dict.fromkeys(SERVERS, version)
    world = _begun(tuple(hosts.items()), before or text("alpha", version)).branch()
    world.seed = seed
    return world
