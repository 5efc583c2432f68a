"""How it is noticed that the code of a host has moved, and whom that is a reason to look at. Pure.

One database of a host is asked for the versions of all modules that the host's code has. When they are others than at the last
pass, all databases of that host are looked into: newer code can break them though nothing else shows it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from reconciler.core.model.inventory import Inventory
from reconciler.core.model.observed import Observed, ObservedHost
from reconciler.core.model.selection import Selection
from reconciler.core.model.specs import DatabaseSpec, instance_spec, template_spec
from reconciler.core.policies import upgrades
from reconciler.core.policies.rollouts import course
from reconciler.core.policies.upgrades import CURRENT, Key
from reconciler.fleet.desired import Desired
from schemas.instance import Instance
from schemas.template import Template

_ROW = "code of "
_NEVER = "-"
UNREADABLE = {"": "nobody can log in"}
"""What is taken for the versions of a host's code where that lets nobody log in any more: it is not what it was."""


def row_of(server: str) -> str:
    """Name the row in which it is remembered which code a host ran; no server can be called so."""
    return _ROW + server


def fingerprint(database: str, versions: Mapping[str, str]) -> str:
    """Tell the versions of a host's code from others: only what the same database says is compared."""
    plain = "\n".join(f"{name} {version}" for name, version in sorted(versions.items()))
    return f"{database} {hashlib.sha256(plain.encode()).hexdigest()[:16]}"


def whom_to_ask(desired: Desired, host: ObservedHost, inventory: Inventory) -> tuple[str, DatabaseSpec] | None:
    """Choose the database of a host that is asked, with what it is declared to be: a customer's, the one of last time.

    Only one that is known to be as declared, so that no wrong password is tried. Each login leaves a row in it, which Odoo
    removes by itself where its scheduled actions run: in a template they would pile up.
    """
    last = inventory.server_states.get(row_of(host.server), "").partition(" ")[0]
    known = [entry for entry in inventory.on(host.server) if entry.digest and not entry.orphaned]
    for entry in sorted(known, key=lambda entry: (entry.kind != "instance", entry.target != last, entry.code)):
        document = desired.documents[entry.kind].get(entry.code)
        server = desired.servers.get(host.server)
        if server is None or not host.lists(entry.target):
            continue
        if isinstance(document, Template) and document.template_db == entry.target:
            return entry.target, template_spec(desired, document, server)
        if isinstance(document, Instance) and (document.database_name, document.state) == (entry.target, "active"):
            return entry.target, instance_spec(desired, document, server)
    return None


def has_moved(inventory: Inventory, server: str, code: str) -> bool:
    """Tell whether a host runs other code than is remembered."""
    former = inventory.server_states.get(row_of(server), "").rpartition(" ")[0]
    return bool(code and former) and former != code and former.partition(" ")[0] == code.partition(" ")[0]


def noted(inventory: Inventory, server: str, code: str, now: datetime) -> str:
    """Return what is to be remembered of the code of a host; empty where nothing of that is new."""
    former, _, moved_at = inventory.server_states.get(row_of(server), "").rpartition(" ")
    if former == code:
        return ""
    return f"{code} {now.isoformat(timespec='seconds') if has_moved(inventory, server, code) else moved_at or _NEVER}"


def moved_at(inventory: Inventory, server: str) -> datetime | None:
    """Return when the code of a host was last seen to have moved."""
    text = inventory.server_states.get(row_of(server), "").rpartition(" ")[2]
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return None


def worth_a_look(
    desired: Desired, observed: Observed, inventory: Inventory, now: datetime, selection: Selection
) -> Callable[[Key, datetime], bool]:
    """Return what tells, of a database and when it was last verified, whether newer code is a reason to look into it now.

    All of a host whose code has moved since are, those whose upgrade was cut short, and those that may be upgraded now.
    """
    moving = {code for code, host in observed.hosts.items() if has_moved(inventory, code, host.code)}
    moved = {code: at for code in observed.hosts if (at := moved_at(inventory, code)) is not None}
    standings = upgrades.remembered(inventory)
    waiting = course(desired, standings, now).waiting if standings else {}

    def is_worth_it(key: Key, verified_at: datetime) -> bool:
        kind, code, server = key
        standing = standings.get(key, CURRENT)
        seen = max(verified_at, standing.seen or verified_at)
        if server in moving or (server in moved and seen < moved[server]):
            return True
        if standing.is_current:
            return False
        document = desired.documents[kind].get(code)
        if standing.begun or document is None:
            return standing.begun
        if selection.names(document):
            return True
        follows = isinstance(document, (Instance, Template)) and upgrades.policy(desired, document) == "follow"
        return follows and not standing.failed and code not in waiting

    return is_worth_it
