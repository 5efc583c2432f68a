"""Whose is a database: what proves that it is ours, and where a document's database is.

A mark in the database proves it: this fleet, this document, and the database's own uuid (a copy carries the original's).
Without that proof, or a memory of having verified it, a database that merely bears a declared name is not touched.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.core.model import module_operations
from reconciler.core.model.inventory import Inventory
from reconciler.core.model.names import IN_SERVICE, DatabaseName, NameState, parse
from reconciler.core.model.observed import Access, DatabaseLook, Mark, Observed
from reconciler.core.model.specs import DatabaseSpec
from reconciler.fleet.declared_names import NOWHERE
from reconciler.fleet.desired import Desired
from schemas.instance import Instance
from schemas.references import DerivedSecret


@dataclass(frozen=True, slots=True)
class Found:
    """One name on one host that may be a document's database; `renamed` if it is under its former name."""

    server: str
    name: DatabaseName
    renamed: bool = False


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a database is not taken for ours, and what its operator can do: nothing where the reason says it."""

    why: str
    advice: str


def find(observed: Observed, servers: Container[str], target: str, former: str | None) -> tuple[Found, ...]:
    """List where the name (or, if it is nowhere, the former name) is in service, suspended or on its way."""
    found = _forms(observed, servers, target, renamed=False)
    return (*found, *_forms(observed, servers, former, renamed=True)) if former else found


def of(desired: Desired, observed: Observed, instance: Instance) -> tuple[Found, ...]:
    """List where an instance's database may be: on its server if it names one, else on any."""
    places = (instance.server,) if instance.server else desired.servers
    return find(observed, places, instance.database_name, instance.renamed_from)


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


def last_seen(desired: Desired, observed: Observed, inventory: Inventory, instance: Instance) -> str:
    """Name the server that does not answer and held an instance when it last did, as far as memory goes; empty if none."""
    known = {entry.server for entry in inventory.of("instance", instance.code)}
    for code in desired.servers:
        host = observed.hosts.get(code)
        listed = instance.database_name in (inventory.listed(code) or ())
        if (host is None or not host.online) and (code in known or (listed and not known)):
            return code
    return ""


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
        return Doubt(look.problem, "")
    if look.access is Access.REFUSED:
        return _refused(spec, look, remembered=remembered)
    return _doubt_of_mark(look, spec, former_code)


def objection(
    look: DatabaseLook, spec: DatabaseSpec, former_code: str | None, *, remembered: bool = False
) -> Doubt | None:
    """Say why nothing is done to a database that was looked at, or None if it is ours or to be taken over."""
    if look.opened and look.mark is None and spec.adopt is not None:
        return _why_not_adopted(look, spec)
    return doubt(look, spec, former_code, remembered=remembered)


def _doubt_of_mark(look: DatabaseLook, spec: DatabaseSpec, former_code: str | None) -> Doubt | None:
    mark = look.mark
    if mark is None or not mark.fleet:
        return Doubt(
            "it bears no mark of this fleet", f"it was not made by this fleet: choose another {_named_by(spec)}"
        )
    if not look.is_whole_copy_of_itself:
        advice = f"if it is to be {spec.address}, set its parameter odoo_fleet.uuid to its database.uuid"
        if spec.adopt is not None:
            advice = f"if it is to be {spec.address}, remove {_ITS_MARK}, and it is adopted"
        return Doubt(f"it is a copy of {mark.kind}/{mark.code}, not the original", advice)
    if mark.fleet != spec.fleet:
        return Doubt(f"it belongs to fleet '{mark.fleet}'", _GIVEN_UP if spec.adopt is not None else "")
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


_ITS_MARK = "the system parameters odoo_fleet.* in it (Odoo: Settings, Technical)"
_GIVEN_UP = (
    f"only if that fleet has given it up (its document removed there, then `odoo-fleet forget`), remove {_ITS_MARK}"
)


def _why_not_adopted(look: DatabaseLook, spec: DatabaseSpec) -> Doubt | None:
    """Say why a database that opens and that nobody has marked is not taken over as the text says, or None."""
    name = parse(look.database)
    if name.target != spec.target:
        advice = f"take it over under its name first (`database_name: {name.target}`), and rename it after that"
        return Doubt("`adopt` takes over no database under a former name", advice)
    if name.state not in IN_SERVICE:
        return Doubt("it is between two names, and nothing tells whose it is", "look at the host; rename it by hand")
    if not look.uuid:
        return Doubt(
            "it has no database.uuid, by which copies are told", "set that system parameter in it to a new UUID"
        )
    return why_not_its_admin(look)


def why_not_its_admin(look: DatabaseLook) -> Doubt | None:
    """Say why what opened a database that this fleet has not made is not the account that it is kept by, or None."""
    if not look.is_admin:
        advice = f"give the login and the password of its account base.user_admin, '{look.login}', in `adopt`"
        return Doubt("what `adopt` says opens another account than its admin's", advice)
    if look.second_factor:
        advice = "switch two-factor login off for that account; nothing here does"
        return Doubt(
            f"its account '{look.login}' logs in with a second factor, so that a password opens nothing", advice
        )
    return None


def is_adopted(look: DatabaseLook | None, spec: DatabaseSpec) -> bool:
    """Tell whether a database that was looked at is to be taken over: nobody's yet, and the text says so."""
    if look is None or not look.opened or look.mark is not None or spec.adopt is None:
        return False
    return _why_not_adopted(look, spec) is None


def mark_for(spec: DatabaseSpec, uuid: str, version: str) -> Mark:
    """Write down whose a database of this uuid is, and that all of its spec is applied.

    Only an instance's is ever in service: the note would go from a template to its clones.
    """
    return Mark(
        spec.fleet,
        spec.kind,
        spec.code,
        spec.target,
        uuid,
        spec.template,
        version,
        spec.digest(),
        in_service=spec.kind == "instance",
        owner=spec.owner.login if spec.owner else "",
        modules=tuple(sorted(spec.modules)),
        protected=True if spec.protected else None,
    )


def as_adopted(look: DatabaseLook, spec: DatabaseSpec) -> DatabaseLook:
    """Say what a look at a database will show once it is taken over: what is left to be done after that is the difference."""
    return replace(
        look,
        access=Access.CURRENT,
        login=spec.admin_login,
        settings={**look.settings, **spec.settings},
        languages=look.languages.union(spec.languages),
        parameters={**look.parameters, **spec.all_parameters},
        active_crons=()
        if spec.kind == "template" or parse(look.database).state is NameState.SUSPENDED
        else look.active_crons,
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


def why_trash_kept(uuid: str, mark: Mark | None, name: str, fleet: str, *, succeeded: bool) -> str:
    """Say why trash past its time is kept, or nothing if it was never in service or its text ended it under this very name.

    What a move left behind is not kept if its contents are known to have gone on elsewhere.

    Args:
        uuid: the database's own.
        mark: what it bears.
        name: the name that it bears now.
        fleet: the code of this fleet.
        succeeded: whether its document has another database in service by now.
    """
    if mark is None or mark.uuid != uuid:
        return "nothing in it tells whose it is"
    if mark.fleet != fleet:
        return f"it belongs to fleet '{mark.fleet}'"
    is_left_behind = parse(name).state is NameState.MOVED
    if mark.ended == name or (succeeded if is_left_behind else mark.in_service is False):
        return ""
    if is_left_behind:
        return "nothing in it says that it is in service elsewhere: it may be all that there is"
    if mark.ended:
        return f"its text ended it as {mark.ended}, and nothing says why it bears this name"
    return f"it was in service as {mark.address}, and nothing in it says that its text ended it"


def is_replaced(mark: Mark | None, name: str) -> bool:
    """Tell whether trash is noted to bear its name because another database took its place; what moved stays behind as that."""
    if parse(name).state is NameState.MOVED:
        return mark is not None
    return mark is not None and mark.ended == mark.replaced == name


def why_not_back(uuid: str, mark: Mark | None) -> str:
    """Say why what a move left behind does not come back, or nothing as long as it never went on elsewhere."""
    if mark is None or mark.uuid != uuid:
        return "nothing in it tells whose it is"
    if mark.ended:
        return f"it has gone on on {mark.moved_to or 'another server'} since: what is here was overtaken"
    return ""


def why_build_kept(look: DatabaseLook) -> str:
    """Say why a build past its limit that was looked into is kept, or nothing if it was never in service."""
    if look.opened:
        return why_kept(look.uuid, look.mark)
    if look.access is Access.HALF_MADE:
        return ""
    return "whether it was ever in service cannot be told" + (f": {look.problem}" if look.problem else "")


def others_work(look: DatabaseLook, now: datetime) -> Doubt | None:
    """Say why a database of ours is left alone for now: somebody else is at work in it."""
    upgraded = look.upgrading.to if look.upgrading else ()
    removed = look.removing.to if look.removing else ()
    why = module_operations.of_others(look.modules, look.noted_modules, look.modules_changed, now, upgraded, removed)
    return Doubt(why, module_operations.ADVICE) if why else None


_SHUT = (
    "nothing was changed. The password may be another; the account base.user_admin may have another login; it may log in with a"
    " second factor; it may be deactivated, which no answer tells apart: correct `adopt`, or change that account in Odoo"
    " (Settings, Users)"
)


def _refused(spec: DatabaseSpec, look: DatabaseLook, *, remembered: bool) -> Doubt:
    name = parse(look.database).target
    origin = f"the declared one is {look.declared_password}: " if look.declared_password else ""
    if spec.adopt is not None and not remembered:
        return Doubt(
            f"it opens neither to what `adopt` says nor to the declared password of '{spec.admin_login}'",
            f"{origin}{_SHUT}",
        )
    why = f"it does not answer to the fleet's password for '{spec.admin_login}', so it is not taken for ours"
    if name != spec.target:
        return Doubt(why, _renamed_twice(spec, name, "the `renamed_from` and the `admin_password` that it had"))
    if remembered:
        former_key = ""
        if origin and isinstance(spec.admin_password, DerivedSecret):
            former_key = "if that is another key than before, bring that back or name it in `former_secret_keys`; else "
        return Doubt(
            f"its account '{spec.admin_login}' no longer answers to the declared password",
            f"{origin}{former_key}set the password of that account to what `odoo-fleet secret show {spec.address} admin_password`"
            " prints (if the text names another secret now, too); the tool never resets it by force",
        )
    address = spec.address
    adopting = "" if spec.clone_of else ", or have it taken over with `adopt`"  # a copy cannot say `adopt`
    return Doubt(
        why,
        f"{origin}what this fleet built has odoo_fleet.code in its system parameters (Odoo: Settings, Technical)."
        f" With `{spec.code}` there it is {address}: give that account what `odoo-fleet secret show {address} admin_password`"
        f" prints; with a former code write `renamed_from`. Without it no password alone makes it this fleet's: choose another"
        f" {_named_by(spec)}{adopting}",
    )


def _named_by(spec: DatabaseSpec) -> str:
    """Name the field that says what a document's database is called."""
    return "`template_db`" if spec.kind == "template" else "`database_name`"
