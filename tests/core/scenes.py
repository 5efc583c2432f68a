"""Fleets, and hosts as they would look, in a few words: the worlds that the tests of the core start from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from reconciler.core.model import names
from reconciler.core.model.inventory import Entry, Inventory
from reconciler.core.model.names import NameState
from reconciler.core.model.observed import NEUTRALIZED, Access, DatabaseLook, Mark, Observed, ObservedHost, host
from reconciler.core.model.settings import SETTINGS
from reconciler.core.model.specs import DatabaseSpec, instance_spec, template_spec
from reconciler.core.policies import claims
from reconciler.fleet.desired import Desired
from tests.harness.universe import fleet, instance, read
from tests.harness.virtual_time import EPOCH

NOW = EPOCH
FRESH = names.building("acme", NOW - timedelta(hours=1), "aaaaa")
EXPIRED = names.building("acme", NOW - timedelta(hours=3), "bbbbb")
CRONS = (1, 2)


def desired(*documents: str, servers: Iterable[str] = ("one",), **fleet_fields: str) -> Desired:
    """Read a fleet with the template `base` on all its servers; keywords add fields to the fleet document."""
    text = fleet(*documents, servers=dict.fromkeys(servers, "19.0"))
    extra = "".join(f"{name}: {value}\n" for name, value in fleet_fields.items())
    return read(text.replace("code: demo\n", f"code: demo\n{extra}", 1))


def changed(text_of: str, old: str, new: str) -> str:
    """Edit a text where it says exactly that."""
    assert old in text_of
    return text_of.replace(old, new)


def spec(fleet_: Desired, address: str, server: str = "one") -> DatabaseSpec:
    """Say what a document's database on a server should be."""
    kind, _, code = address.partition("/")
    if kind == "template":
        return template_spec(fleet_, fleet_.templates[code], fleet_.servers[server])
    return instance_spec(fleet_, fleet_.instances[code], fleet_.servers[server])


def mark_for(wanted: DatabaseSpec, uuid: str) -> Mark:
    """Make the mark of a database to which all of a spec was applied."""
    return claims.mark_for(wanted, uuid, "19.0")


def as_declared(wanted: DatabaseSpec, name: str = "") -> DatabaseLook:
    """Make the look of a database that is as its spec says, under the name given or its own."""
    name = name or wanted.target
    uuid = f"uuid of {wanted.kind}/{wanted.code} on {wanted.server}"
    awake = wanted.kind == "instance" and names.parse(name).state is NameState.PUBLISHED and not wanted.neutralize
    born = wanted.at_birth()
    return DatabaseLook(
        name,
        Access.CURRENT,
        login=wanted.admin_login,
        mark=mark_for(wanted, uuid),
        uuid=uuid,
        settings={**dict.fromkeys(SETTINGS, ""), "company": "My Company", **born.settings},
        languages=frozenset(born.languages),
        modules=dict.fromkeys(wanted.modules, "installed"),
        parameters={**wanted.all_parameters, **({NEUTRALIZED: "true"} if wanted.neutralize else {})},
        active_crons=CRONS if awake else (),
        quiesced_crons=None if awake else CRONS,
    )


def seen_as(look: DatabaseLook, **seen: Any) -> DatabaseLook:
    """Make the look of a database whose fields or settings are others."""
    settings = {name: seen.pop(name) for name in SETTINGS if name in seen}
    return replace(look, settings={**look.settings, **settings}, **seen)


def online(server: str, *looks: DatabaseLook, lists: Iterable[str] = (), version: str = "19.0") -> ObservedHost:
    """Observe a host with databases that were looked at deeply, and some that were only listed."""
    listed = {*lists, *(look.database for look in looks)}
    return replace(
        host(server, tuple(listed), version=version, clock=NOW), looks={each.database: each for each in looks}
    )


def unfinished(name: str) -> DatabaseLook:
    """Make the look of a build that was cut short: its own mark is not written yet."""
    return DatabaseLook(name, Access.FORMER, uuid="its own")


def offline(server: str) -> ObservedHost:
    """Observe a host that does not answer."""
    return ObservedHost(server, online=False, problem="connection refused")


def observed(*hosts: ObservedHost) -> Observed:
    return Observed({each.server: each for each in hosts})


def remembering(*specs: DatabaseSpec, digest: str | None = None, states: Mapping[str, str] | None = None) -> Inventory:
    """Remember databases as verified just now (or with another digest), and servers as active."""
    entries = {
        (s.kind, s.code, s.server): Entry(
            s.kind, s.code, s.server, s.target, s.digest() if digest is None else digest, NOW
        )
        for s in specs
    }
    return Inventory(entries, dict(states or {}))


__all__ = [
    "CRONS",
    "EXPIRED",
    "FRESH",
    "NOW",
    "as_declared",
    "changed",
    "desired",
    "instance",
    "mark_for",
    "observed",
    "offline",
    "online",
    "remembering",
    "seen_as",
    "spec",
    "unfinished",
]
