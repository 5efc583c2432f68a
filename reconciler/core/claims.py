"""Whose is a database: what proves that it is ours, and where a document's database is.

A mark in the database proves it: this fleet, this document, and the database's own uuid (a copy carries the original's).
Without that proof, or a memory of having verified it, a database that merely bears a declared name is not touched.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import datetime

from reconciler.core import module_operations
from reconciler.core.inventory import Inventory
from reconciler.core.names import DatabaseName, NameState, parse
from reconciler.core.observed import Access, DatabaseLook, Mark, Observed
from reconciler.core.specs import DatabaseSpec
from reconciler.fleet.declared_names import NOWHERE
from reconciler.fleet.desired import Desired
from schemas.instance import Instance


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


def namesakes(desired: Desired, observed: Observed, instance: Instance) -> Iterator[tuple[str, DatabaseName]]:
    """Yield the forms of an instance's name, and of its former one, on other servers than its own, each with its server.

    Not those of the former name where the text gives that to another instance.
    """
    wanted = [(instance.database_name, NOWHERE)]
    if instance.renamed_from:
        wanted.append((instance.renamed_from, desired.names.places.get(instance.renamed_from, NOWHERE)))
    for target, excepted in wanted:
        for host in observed.holding(target):
            if host.server not in {instance.server, *excepted}:
                yield from ((host.server, name) for name in host.forms_of(target))


def is_whose(look: DatabaseLook, fleet: str) -> tuple[str, str]:
    """Name the document, by kind and code, of a database that was opened; nothing where it is not of this fleet."""
    mark = look.mark
    if mark is None or mark.fleet != fleet or not look.is_whole_copy_of_itself:
        return "", ""
    return mark.kind, mark.code


def is_anothers(look: DatabaseLook, fleet: str, instance: Instance) -> bool:
    """Tell whether a database that was opened is proven not to be an instance's: it bears, as its own, another's mark."""
    if look.mark is None or not look.is_whole_copy_of_itself:
        return False
    return is_whose(look, fleet) not in (("instance", instance.code), ("instance", instance.renamed_from))


def narrow(found: tuple[Found, ...], inventory: Inventory, kind: str, code: str) -> tuple[Found, ...]:
    """Prefer, of several hosts, those where this document's database is remembered to be."""
    if len(found) <= 1:
        return found
    known = {e.server for e in inventory.of(kind, code)}
    kept = tuple(f for f in found if f.server in known)
    return kept or found


def doubt(look: DatabaseLook, spec: DatabaseSpec, former_code: str | None, *, remembered: bool = False) -> Doubt | None:
    """Say why a database that was looked at is not taken for the spec's, or None if it is ours.

    That it is `remembered` to be ours counts where it refuses the declared password under its declared name.
    """
    if look.access is Access.HALF_MADE:
        return Doubt("its initialisation never ended", "nothing of this fleet left it so: look at the host")
    if look.access is Access.FAILED:
        return Doubt(look.problem)
    if look.access is Access.REFUSED:
        return _refused(spec, parse(look.database).target, remembered=remembered)
    mark = look.mark
    if mark is None or not mark.fleet:
        return Doubt(
            "it bears no mark of this fleet", f"it was not made by this fleet: choose another {_named_by(spec)}"
        )
    if not look.is_whole_copy_of_itself:
        advice = f"if it is to be {spec.address}, set its parameter odoo_fleet.uuid to its database.uuid"
        return Doubt(f"it is a copy of {mark.kind}/{mark.code}, not the original", advice)
    if mark.fleet != spec.fleet:
        return Doubt(f"it belongs to fleet '{mark.fleet}'")
    if mark.kind != spec.kind or mark.code not in (spec.code, former_code):
        return Doubt(
            f"it belongs to {mark.kind}/{mark.code}", _of_a_former_name(spec, mark, parse(look.database).target)
        )
    return None


def _of_a_former_name(spec: DatabaseSpec, mark: Mark, name: str) -> str:
    """A rename cut short leaves the former code in the mark, and nothing but `renamed_from` says that it goes on."""
    if (spec.kind, mark.kind) != ("instance", "instance"):
        return "choose another name for one of the two"
    if name != spec.target:
        return _renamed_twice(spec, name, f"`renamed_from: {mark.code}`")
    how = f"write `renamed_from: {mark.code}`"
    return f"if it is {spec.address}, once renamed, {how}; only if it is not, choose another `database_name`"


def _renamed_twice(spec: DatabaseSpec, name: str, how: str) -> str:
    """Of two renames in a row, the first of which was cut short, the second text says too little to go on with the first."""
    return (
        f"if it is {spec.address}, its rename to {name} was cut short: write back the text that renamed it to {name},"
        f" with {how}, apply that, and rename it again after that; only if it is not, remove `renamed_from`"
    )


def is_unused(uuid: str, mark: Mark | None) -> bool:
    """Tell whether a mark proves, in the database of this uuid, that it is a build that was never in service."""
    return mark is not None and mark.uuid == uuid and mark.in_service is False


def is_lost(look: DatabaseLook | None, spec: DatabaseSpec, former_code: str | None, *, alone: bool) -> bool:
    """Tell whether this is a spec's own build that lost its way: never in service, and without its files or beside another form.

    Args:
        look: at what bears a form of its name, if it was looked at.
        spec: what it was to be.
        former_code: of its document, while that is renamed.
        alone: whether there is no other form.
    """
    if look is None or parse(look.database).state is not NameState.SWITCHING or not look.is_unused_build:
        return False
    return (look.missing_files > 0 or not alone) and doubt(look, spec, former_code) is None


def why_kept(uuid: str, mark: Mark | None) -> str:
    """Say why a database under an expired building name is not dropped, or nothing if it was never in service.

    A build gets its own mark last, and with it the note that it was never in service: without one, or with the one that came
    with its template, it is unfinished. What 0.1.0 marked bears no such note, so that it cannot be told.
    """
    if mark is None or mark.uuid != uuid or mark.kind == "template" or mark.in_service is False:
        return ""
    if mark.in_service:
        return f"it was in service as {mark.address}: it is somebody's data"
    return f"it may have been in service as {mark.address}, which cannot be told"


def why_trash_kept(uuid: str, mark: Mark | None, name: str, fleet: str) -> str:
    """Say why trash past its time is kept, or nothing if it was never in service or its text ended it under this very name.

    Args:
        uuid: the database's own.
        mark: what it bears.
        name: the trash name that it bears now.
        fleet: the code of this fleet.
    """
    if mark is None or mark.uuid != uuid:
        return "nothing in it tells whose it is"
    if mark.fleet != fleet:
        return f"it belongs to fleet '{mark.fleet}'"
    if mark.in_service is False or mark.ended == name:
        return ""
    if mark.ended:
        return f"its text ended it as {mark.ended}, and nothing says why it bears this name"
    return f"it was in service as {mark.address}, and nothing in it says that its text ended it"


def why_build_kept(look: DatabaseLook) -> str:
    """Say why a build past its limit that was looked into is kept, or nothing if it was never in service."""
    if look.opened:
        return why_kept(look.uuid, look.mark)
    if look.access is Access.HALF_MADE:
        return ""
    return "whether it was ever in service cannot be told" + (f": {look.problem}" if look.problem else "")


def others_work(look: DatabaseLook, now: datetime) -> Doubt | None:
    """Say why a database of ours is left alone for now: somebody else is at work in it."""
    why = module_operations.of_others(look.modules, look.noted_modules, look.modules_changed, now)
    return Doubt(why, module_operations.ADVICE) if why else None


def _refused(spec: DatabaseSpec, name: str, *, remembered: bool) -> Doubt:
    why = f"it does not answer to the fleet's password for '{spec.admin_login}', so it is not taken for ours"
    if name != spec.target:
        return Doubt(why, _renamed_twice(spec, name, "the `renamed_from` and the `admin_password` that it had"))
    if remembered:
        return Doubt(
            f"its account '{spec.admin_login}' no longer answers to the declared password",
            f"set the password of that account to what `odoo-fleet secret show {spec.address} admin_password`"
            " prints (if the text names another secret now, too); the tool never resets it by force",
        )
    address = spec.address
    return Doubt(
        why,
        f"what this fleet built has odoo_fleet.code in its system parameters (Odoo: Settings, Technical). With `{spec.code}`"
        f" there it is {address}: give that account what `odoo-fleet secret show {address} admin_password` prints; with a former"
        f" code write `renamed_from`. Without it no password makes it this fleet's: choose another {_named_by(spec)}",
    )


def _named_by(spec: DatabaseSpec) -> str:
    """Name the field that says what a document's database is called."""
    return "`template_db`" if spec.kind == "template" else "`database_name`"
