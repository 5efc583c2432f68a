"""Whose is a database: what proves that it is ours, and where a document's database is.

A mark in the database proves it: this fleet, this document, and the database's own uuid (a copy carries the original's).
Without that proof, or a memory of having verified it, a database that merely bears a declared name is not touched.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime

from reconciler.core import module_operations
from reconciler.core.inventory import Inventory
from reconciler.core.names import DatabaseName
from reconciler.core.observed import Access, DatabaseLook, Observed
from reconciler.core.specs import DatabaseSpec


@dataclass(frozen=True, slots=True)
class Found:
    """One name on one host that may be a document's database; `renamed` if it is under its former name."""

    server: str
    name: DatabaseName
    renamed: bool = False


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a database is not taken for ours, and what its operator can do."""

    why: str
    advice: str = ""


def find(observed: Observed, servers: Container[str], target: str, former: str | None) -> tuple[Found, ...]:
    """List where the name (or, if it is nowhere, the former name) is in service, suspended or on its way."""
    found = _forms(observed, servers, target, renamed=False)
    return (*found, *_forms(observed, servers, former, renamed=True)) if former else found


def _forms(observed: Observed, servers: Container[str], target: str, *, renamed: bool) -> tuple[Found, ...]:
    hosts = [host for host in observed.holding(target) if host.server in servers]
    return tuple(Found(host.server, name, renamed) for host in hosts for name in host.forms_of(target))


def narrow(found: tuple[Found, ...], inventory: Inventory, kind: str, code: str) -> tuple[Found, ...]:
    """Prefer, of several hosts, those where this document's database is remembered to be."""
    if len(found) <= 1:
        return found
    known = {e.server for e in inventory.of(kind, code)}
    kept = tuple(f for f in found if f.server in known)
    return kept or found


def doubt(look: DatabaseLook, spec: DatabaseSpec, former_code: str | None, *, remembered: bool) -> Doubt | None:
    """Say why a database that was looked at is not taken for the spec's, or None if it is ours."""
    if look.access is Access.FAILED:
        return Doubt(look.problem)
    if look.access is Access.REFUSED:
        return _refused(spec, remembered=remembered)
    mark = look.mark
    if mark is None or not mark.fleet:
        return Doubt("it bears no mark of this fleet", "it was not made by this fleet: choose another database_name")
    if not look.is_whole_copy_of_itself:
        advice = f"if it is to be {spec.kind}/{spec.code}, set its parameter odoo_fleet.uuid to its database.uuid"
        return Doubt(f"it is a copy of {mark.kind}/{mark.code}, not the original", advice)
    if mark.fleet != spec.fleet:
        return Doubt(f"it belongs to fleet '{mark.fleet}'")
    if mark.kind != spec.kind or mark.code not in (spec.code, former_code):
        return Doubt(f"it belongs to {mark.kind}/{mark.code}")
    return None


def others_work(look: DatabaseLook, now: datetime) -> Doubt | None:
    """Say why a database of ours is left alone for now: somebody else is at work in it."""
    why = module_operations.of_others(look.modules, look.noted_modules, look.modules_changed, now)
    return Doubt(why, module_operations.ADVICE) if why else None


def _refused(spec: DatabaseSpec, *, remembered: bool) -> Doubt:
    if remembered:
        return Doubt(
            f"its account '{spec.admin_login}' no longer answers to the declared password",
            f"set the password of that account to what `odoo-fleet secret show {spec.kind}/{spec.code} admin_password`"
            " prints; the tool never resets it by force",
        )
    return Doubt(
        f"it does not answer to the fleet's password for '{spec.admin_login}', so it is not taken for ours",
        "choose another database_name, or give that account the password that the fleet declares",
    )
