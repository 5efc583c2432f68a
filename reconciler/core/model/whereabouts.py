"""Where instances are while they wait to be moved: not yet where their text has them. Pure."""

from __future__ import annotations

from reconciler.core.model.inventory import Inventory
from reconciler.fleet.desired import Desired
from schemas.instance import Instance


def as_it_stands(desired: Desired, inventory: Inventory) -> Desired:
    """Return the text with each instance where memory has it, as long as it was not moved to the server that it names."""
    elsewhere = {
        i.code: i.model_copy(update={"server": server})
        for i in desired.instances.values()
        if i.server is not None and (server := server_of(i, inventory)) in desired.servers and server != i.server
    }
    return desired.having("instance", {**desired.instances, **elsewhere}) if elsewhere else desired


def server_of(instance: Instance, inventory: Inventory) -> str | None:
    """Return the server that memory has an instance on: the one that its text names, if it is known to be there."""
    known = [entry.server for entry in inventory.of("instance", instance.code) if not entry.orphaned]
    return instance.server if instance.server in known else next(iter(known), None)
