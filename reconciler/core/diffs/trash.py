"""Trash that may be an instance's: what its text ended comes back when the text wants it again, for as long as it is there.

Nothing empty is made beside what may be wanted back: a look tells, and what cannot be told holds a clone back.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core.diffs.drafts import Draft
from reconciler.core.model.names import DatabaseName, NameState
from reconciler.core.model.observed import Access, Observed, ObservedHost
from reconciler.core.model.specs import instance_spec
from reconciler.core.policies import claims
from reconciler.core.policies.claims import Doubt, Found
from reconciler.fleet.desired import Desired
from schemas.instance import Instance


def may_be_of(desired: Desired, observed: Observed, instance: Instance) -> Iterator[tuple[ObservedHost, DatabaseName]]:
    """Yield the trash of an instance's names, present and former, and what moves left behind, with the hosts that list it.

    Not on servers where the text gives the name to another instance.
    """
    for target in dict.fromkeys((instance.database_name, instance.renamed_from or instance.database_name)):
        for host, name in (*observed.named(NameState.TRASH, target), *observed.named(NameState.MOVED, target)):
            is_own = instance.server in (None, host.server)
            if is_own or host.server not in desired.names.places.get(target, ()):
                yield host, name


def own(draft: Draft, instance: Instance) -> tuple[Found, ...]:
    """Find the database of an instance in the trash of a server where its text may have it; of several the newest."""
    found = [f for f in _its_own(draft, instance) if instance.server in (None, f.server)]
    return (max(found, key=lambda f: (f.name.since, f.server)),) if found else ()


def doubt(draft: Draft, instance: Instance) -> Doubt | None:
    """Say which trash may be an instance's, so that nothing is cloned for it, or nothing."""
    for found in _its_own(draft, instance):
        what, is_elsewhere = f"{found.name.text} on {found.server} is this instance's", instance.server != found.server
        if instance.server and is_elsewhere:
            return Doubt(what, f"set `server: {found.server}`; once it is back there it can be moved")
        return Doubt(what, "apply once more: it comes back when nothing else bears a form of its name")
    trash = ((host, name) for host, name in _seen(draft, instance) if name.state is NameState.TRASH)
    doubts = (_may_be_its_own(draft, instance, host, name) for host, name in trash)
    return next((each for each in doubts if each), None) or _under_another_name(draft, instance)


def _under_another_name(draft: Draft, instance: Instance) -> Doubt | None:
    """Say that an instance ended under another `database_name` than it has by now: what it had is in the trash of that."""
    for entry in draft.inventory.of("instance", instance.code):
        if entry.target in (instance.database_name, instance.renamed_from) or draft.desired.claims(entry.target):
            continue
        if (
            not entry.digest
        ):  # it was on its way there: what lies in that trash may be a build that was never in service
            continue
        for host, name in draft.observed.named(NameState.TRASH, entry.target):
            if host.server == entry.server:
                return Doubt(
                    f"{name.text} on {host.server} is this instance's of another `database_name`",
                    f"write `database_name: {entry.target}` to bring it back, and rename it after that; for one that begins"
                    " empty choose another `code`",
                )
    return None


def _seen(draft: Draft, instance: Instance) -> Iterator[tuple[ObservedHost, DatabaseName]]:
    for host, name in may_be_of(draft.desired, draft.observed, instance):
        if draft.hold(draft.desired.servers[host.server]) is None:
            yield host, name


def _its_own(draft: Draft, instance: Instance) -> Iterator[Found]:
    """Yield what a look has proven to be an instance's, and to be there since its text ended it."""
    for host, name in _seen(draft, instance):
        look = host.looks.get(name.text)
        if name.state is not NameState.TRASH or look is None or look.mark is None or look.mark.ended != name.text:
            continue
        spec = instance_spec(draft.desired, instance, draft.desired.servers[host.server])
        if claims.doubt(look, spec, instance.renamed_from) is None:
            yield Found(host.server, name, renamed=name.target != instance.database_name)


def _may_be_its_own(draft: Draft, instance: Instance, host: ObservedHost, name: DatabaseName) -> Doubt | None:
    """Say why trash that is not proven to be an instance's may be it, or nothing."""
    what, look = f"{name.text} on {host.server} may be this instance's", host.looks.get(name.text)
    if look is None:
        return Doubt(f"{what}: it was not looked into", "run without --shallow")
    if look.opened:
        is_ours = claims.is_whose(look, draft.desired.settings.code) == ("instance", instance.code)
        if not is_ours or look.is_unused_build:
            return None
        return Doubt(f"{what}: nothing in it says that its text ended it", _BY_HAND.format(name.target))
    if look.access is Access.HALF_MADE or instance.server not in (None, host.server):
        return None
    problem = f": {look.problem}" if look.problem else ", it takes no password of this fleet"
    return Doubt(f"{what}{problem}", _BY_HAND.format(name.target))


_BY_HAND = (
    "look inside: if it is, rename it by hand to {}, with its files, as Odoo does; if it is not, rename it by hand to a name"
    " that no document declares"
)
