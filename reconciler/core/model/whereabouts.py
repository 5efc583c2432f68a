"""Where instances are whose text does not say so: it names no server, or one that they wait to be moved to. Pure."""

from __future__ import annotations

from reconciler.core.model.inventory import Inventory
from reconciler.fleet.desired import Desired
from schemas.instance import Instance
from schemas.template import Template


def as_it_stands(desired: Desired, inventory: Inventory) -> Desired:
    """Return the text with each instance where memory has it, as long as it was not moved to the server that it names."""
    elsewhere = {
        i.code: i.model_copy(update={"server": server})
        for i in desired.instances.values()
        if i.server is not None and (server := places(desired, i, inventory)[0]) != i.server
    }
    return desired.having("instance", {**desired.instances, **elsewhere}) if elsewhere else desired


def server_of(instance: Instance, inventory: Inventory) -> str | None:
    """Return the server that memory has an instance on: the one that its text names, if it is known to be there."""
    known = [entry.server for entry in inventory.of("instance", instance.code) if not entry.orphaned]
    return instance.server if instance.server in known else next(iter(known), None)


def places(desired: Desired, document: Instance | Template, inventory: Inventory) -> tuple[str, ...]:
    """Return the servers on which the databases of a document are, or may be.

    A template is on each that it names. An instance is where memory has it; without memory on the server that it names, or on one
    of its template's, where it is made.
    """
    if isinstance(document, Template):
        return document.server_codes
    if document.server is not None:
        standing = server_of(document, inventory)
        return (standing if standing is not None and standing in desired.servers else document.server,)
    known = (e.server for e in inventory.of("instance", document.code) if not e.orphaned)
    return (
        tuple(code for code in known if code in desired.servers)
        or desired.templates[desired.template_of(document)].server_codes
    )
