"""Moves of instances between servers: what moves, and what is found to be in the way before anything begins. Pure.

    what is there  ─▶ suspended ─▶ packed into a build on the other server, proven ─▶ stays behind as `moved-….acme`
    the build      ─▶ through the lock into service

Whatever dies, one of the two can go on: what is there, as long as the build does not bear the lock, and the build from then on.
`moved-….acme` comes back unless it is noted in it that its contents went into service elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.core.diffs import same_code
from reconciler.core.diffs.drafts import Draft
from reconciler.core.model import names, verbs
from reconciler.core.model.actions import Action, FieldChange, Reason
from reconciler.core.model.names import NameState
from reconciler.core.model.observed import DatabaseLook
from reconciler.core.model.specs import DatabaseSpec, instance_spec
from reconciler.core.policies import backups, claims
from reconciler.core.policies.claims import Doubt, Found
from schemas.instance import Instance


@dataclass(frozen=True, slots=True)
class Moved:
    """Where a database that goes on in a build comes from, and its uuid."""

    server: str
    uuid: str


def standing(draft: Draft, instance: Instance) -> Iterator[Found]:
    """Yield what is proven to be an instance's own on other servers than its text names: in service, on its way, left behind."""
    if instance.server is None:
        return
    for server, name in claims.namesakes(draft.desired, draft.observed, instance):
        if name.target == instance.database_name and _is_own(draft, instance, server, name.text):
            yield Found(server, name)


def left_behind(draft: Draft, instance: Instance) -> tuple[Found, ...]:
    """Find what an interrupted move left behind of an instance that is nowhere else; of several the newest."""
    found = [
        Found(host.server, name)
        for host, name in draft.observed.named(NameState.MOVED, instance.database_name)
        if _is_own(draft, instance, host.server, name.text) and not _why_not_back(host.looks[name.text])
    ]
    return (max(found, key=lambda f: (f.name.since, f.server)),) if found else ()


def returning(draft: Draft, instance: Instance) -> tuple[Found, ...]:
    """Find what comes back from a move that did not end, where the text has the instance on that very server (again)."""
    return tuple(f for f in left_behind(draft, instance) if instance.server in (None, f.server))


def doubt(draft: Draft, instance: Instance) -> Doubt | None:
    """Say what a move left behind that may be all that there is of an instance, so that nothing is built for it, or nothing."""
    for host, name in draft.observed.named(NameState.MOVED, instance.database_name):
        what, look = f"{name.text} on {host.server}", host.looks.get(name.text)
        if look is None:
            return Doubt(f"{what} may be this instance's: it was not looked into", "run without --shallow")
        if look.opened and claims.is_anothers(look, draft.desired.settings.code, instance):
            continue
        if not (look.opened and look.is_whole_copy_of_itself):
            refused = "nothing in it tells whose it is" if look.opened else "it takes no password of this fleet"
            return Doubt(f"{what} may be this instance's: {look.problem or refused}", _LOOK_INSIDE)
        return _doubt_of_own(draft, instance, what, look)
    return None


_LOOK_INSIDE = "look inside; if it is not, rename it by hand"
_UNUSED = "look inside; if nothing of the customer's is in it, rename it by hand, to a name that no document declares"


def _doubt_of_own(draft: Draft, instance: Instance, what: str, look: DatabaseLook) -> Doubt:
    """Say why what bears an instance's own mark does not come back from a move, which it does where nothing is in its way."""
    what = f"{what} is what this instance was before it was moved"
    if why := _why_not_back(look):
        advice = (
            "restore it from a backup (`restore_from`) under another `database_name`; only if what is left behind is to go"
            f" on, rename it by hand to {names.suspended(instance.database_name)}, with its files"
        )
        return Doubt(f"{what}: {why}", advice)
    if others := ", ".join(f"{found.name.text} on {found.server}" for found in standing(draft, instance)):
        advice = "decide which one it is, and rename the others by hand to names that no document declares: it moves from there"
        return Doubt(f"{what}, and several databases claim to be it by now: {others}", advice)
    return Doubt(f"{what}, and is noted as never in service: it does not come back", _UNUSED)


def plan(draft: Draft, instance: Instance, discarded: tuple[str, ...]) -> bool:
    """Plan the move of an instance whose database is elsewhere than its text says; tell whether there is one to be moved."""
    found = tuple(standing(draft, instance))
    if not found:
        found = tuple(f for f in left_behind(draft, instance) if f.server != instance.server)
    if instance.server is None or len(found) != 1:
        return False
    (source,) = found
    if why := _why_not(draft, instance, source):
        told = Doubt(f"it is not moved from {source.server}: {why.why}", why.advice)
        draft.block("instance", instance.code, instance.server, told)
        return True
    spec = instance_spec(draft.desired, instance, draft.desired.servers[instance.server])
    becomes = names.suspended(spec.target) if instance.state == "suspended" else spec.target
    changes = _of_address(draft, instance, source.server, spec)
    if backups.policy(draft.desired, instance) is not None:
        target = backups.target_of(draft.desired, backups.policy(draft.desired, instance))
        changes.append(FieldChange(backups.FIELD, "none", f"one in {target}, of what is moved"))
    reason = Reason.INTERRUPTED if _is_begun(draft, instance, source) else Reason.DECLARED
    after = draft.first(instance.server, *filter(None, [draft.activations.get(source.server)]), *discarded)
    draft.plan(
        Action(
            verbs.MOVE,
            "instance",
            instance.code,
            instance.server,
            reason,
            source.name.text,
            becomes,
            tuple(changes),
            after,
            source.server,
        )
    )
    draft.used[instance.server] += 1
    return True


def _of_address(draft: Draft, instance: Instance, server: str, there: DatabaseSpec) -> list[FieldChange]:
    """Show that customers find it at another address than on the server that it leaves."""
    here = instance_spec(draft.desired, instance, draft.desired.servers[server])
    changed = here.base_url != there.base_url
    return [FieldChange("parameters.web.base.url", here.base_url, there.base_url)] if changed else []


def _is_own(draft: Draft, instance: Instance, server: str, name: str) -> bool:
    look = draft.look(server, name)
    if look is None or look.is_unused_build or server not in draft.desired.servers:
        return False
    spec = instance_spec(draft.desired, instance, draft.desired.servers[server])
    return claims.doubt(look, spec, instance.renamed_from) is None


def _is_begun(draft: Draft, instance: Instance, source: Found) -> bool:
    """Tell whether a move was cut short, or may have been: who is out of reach and is to be served waits for no window."""
    look = draft.look(source.server, source.name.text)
    is_packed = look is not None and look.mark is not None and bool(look.mark.leaving)
    waits = source.name.state is NameState.SUSPENDED and instance.state == "active"
    return source.name.state in (*names.ON_ITS_WAY, NameState.MOVED) or is_packed or waits


def _why_not_back(look: DatabaseLook) -> str:
    return claims.why_not_back(look.uuid, look.mark)


def _why_not(draft: Draft, instance: Instance, source: Found) -> Doubt | None:
    """Say what is in the way of a move, or nothing."""
    assert instance.server is not None
    server, here = draft.desired.servers[instance.server], draft.desired.servers[source.server]
    look = draft.look(source.server, source.name.text)
    held = draft.hold(here) or draft.disbelief(here.code) or draft.hold_new(server) or draft.full(server)
    if held is not None:
        return held
    if server.odoo_version != here.odoo_version:
        why = f"it is of Odoo {here.odoo_version}, and {server.code} runs {server.odoo_version}"
        return Doubt(why, "a database moves between servers of one version alone; upgrade it with Odoo's own tools")
    if instance.clone_of is not None:
        return Doubt(
            "it is a copy", "a copy does not move: end it, and declare it again there; it is made of its source"
        )
    if instance.database_name in _others_names(draft, instance, here.code):
        return Doubt(
            f"{here.code} is to have another instance's {instance.database_name}", "choose another name for one"
        )
    assert look is not None  # or else it was not found to be its own
    return (
        claims.others_work(look, draft.now)
        or backups.no_target(draft.desired, instance)
        or same_code.doubt(draft, instance, instance.server, same_code.versions_of(look))
    )


def _others_names(draft: Draft, instance: Instance, server: str) -> set[str]:
    others = (i for i in draft.desired.instances.values() if i.code != instance.code and i.server == server)
    return {i.database_name for i in others if i.state != "absent"}
