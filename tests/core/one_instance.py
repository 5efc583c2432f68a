"""One instance on hosts whose templates are ready: what is planned for it, or why nothing is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from reconciler.core.diffs.fleet_diffs import diff
from reconciler.core.model.changesets import Changeset
from reconciler.core.model.inventory import NOTHING_REMEMBERED, Entry, Inventory
from reconciler.core.model.observed import DatabaseLook, ObservedHost
from reconciler.core.model.selection import EVERYTHING
from reconciler.core.policies.claims import Doubt
from reconciler.fleet.desired import Desired
from tests.core.scenes import NOW, as_declared, desired, instance, observed, online, spec

ACME = instance("acme")
ON_ONE = instance("acme", server="one")
SUSPENDED = instance("acme", state="suspended")
RENAMED = instance("acme", renamed_from="old-acme")


def plan(
    document: str,
    *hosts: ObservedHost,
    inventory: Inventory = NOTHING_REMEMBERED,
    frozen: Mapping[str, Doubt] | None = None,
    servers: Collection[str] = (),
) -> Changeset:
    """Plan one instance on hosts whose templates are ready."""
    text = desired(document, servers=servers or [h.server for h in hosts])
    return diff(text, observed(*(ready(text, h) for h in hosts)), inventory, NOW, EVERYTHING, frozen)


def ready(text: Desired, host: ObservedHost) -> ObservedHost:
    if not host.online:
        return host
    base = as_declared(spec(text, "template/base", host.server))
    listed = (*(d.text for d in host.databases), "template_base")
    there = online(host.server, base, *host.looks.values(), lists=listed, version=host.version)
    return replace(there, clock=host.clock)


def refusal(changeset: Changeset, code: str = "acme") -> tuple[str, str, str]:
    """Say where, why and what to do, of an instance for which nothing is planned."""
    assert [a for a in changeset.actions if a.code == code] == []
    (blocked,) = [b for b in changeset.blocked if b.code == code]
    assert blocked.kind == "instance"
    return blocked.server, blocked.why, blocked.advice


def look_of(document: str, name: str = "", server: str = "one") -> DatabaseLook:
    text = desired(document, servers=[server])
    (code,) = text.instances
    return as_declared(spec(text, f"instance/{code}", server), name)


def remembered(
    *entries: tuple[str, str, str], digest: str = "", listings: Mapping[str, tuple[str, ...]] | None = None
) -> Inventory:
    """Remember instances by code, server and database, and servers as in use."""
    found = {("instance", c, s): Entry("instance", c, s, database, digest, NOW) for c, s, database in entries}
    return Inventory(found, {"one": "active", "two": "active"}, listings or {})
