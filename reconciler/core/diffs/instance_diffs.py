"""The diff's part on instances: find each one's database, or place and clone it; then rename, configure, suspend, resume.

Pinned instances come before those that are placed automatically, so that capacity counts what is certain first.
"""

from __future__ import annotations

from reconciler.core.diffs import (
    copies,
    copies_elsewhere,
    ending_diffs,
    fields,
    places,
    server_moves,
    trash,
    unclaimed,
    uninstalls,
)
from reconciler.core.diffs.chains import Chain
from reconciler.core.diffs.drafts import Draft
from reconciler.core.diffs.template_diffs import why_configured
from reconciler.core.diffs.upgrade_diffs import comes_first
from reconciler.core.model import names, verbs
from reconciler.core.model.actions import Action, FieldChange, Reason
from reconciler.core.model.changesets import Left, LeftAlone
from reconciler.core.model.names import NameState
from reconciler.core.model.observed import Access, DatabaseLook
from reconciler.core.model.specs import DatabaseSpec, instance_spec
from reconciler.core.policies import claims, usage
from reconciler.core.policies.claims import Doubt, Found
from schemas.instance import Instance


def diff_instances(draft: Draft) -> None:
    """Plan what instances need: copies last, since what is done to their sources comes first."""
    wanted = [i for i in draft.desired.instances.values() if i.state != "absent"]
    for instance in sorted(wanted, key=lambda i: (i.clone_of is not None, i.server is None, i.code)):
        _diff_instance(draft, instance)


def find(draft: Draft, instance: Instance) -> tuple[Found, ...]:
    """List where an instance's database may be, but where memory has it if that is one of several places."""
    found = claims.of(draft.desired, draft.observed, instance)
    return claims.narrow(found, draft.inventory, "instance", instance.code)


def _diff_instance(draft: Draft, instance: Instance) -> None:
    if instance.server and (doubt := draft.hold(draft.desired.servers[instance.server])):
        draft.block("instance", instance.code, instance.server, doubt)
        return
    found, elsewhere = find(draft, instance), any(server_moves.standing(draft, instance))
    if not (found or elsewhere):
        found = unclaimed.reverted(draft, instance) or server_moves.returning(draft, instance)
        found = found or trash.own(draft, instance)
    unused = [f for f in found if _is_unused(draft, instance, f, alone=len(found) == 1 and not elsewhere)]
    lost = (*unused, *_unused_elsewhere(draft, instance))
    discarded = tuple(draft.discard("instance", instance.code, f.server, f.name.text) for f in lost)
    found = tuple(f for f in found if f not in unused)
    if len(found) > 1:
        found = _without_strangers(draft, instance, _only_ours(draft, instance, found))
    if len(found) > 1:
        where = ", ".join(f"{f.name.text} on {f.server}" for f in found)
        several = Doubt(f"several databases claim to be it: {where}", "decide which one it is and rename the others")
        # Of one host under two names each database is there twice.
        draft.block("instance", instance.code, found[0].server, draft.disbelief(found[0].server) or several)
    elif found:
        _keep(draft, instance, found[0])
    elif not server_moves.plan(draft, instance, discarded):
        _clone(draft, instance, discarded)


def _is_unused(draft: Draft, instance: Instance, found: Found, *, alone: bool) -> bool:
    look = _look(draft, found)
    if look is None:
        return False
    return claims.is_lost(look, _spec(draft, instance, found), instance.renamed_from, alone=alone)


def _unused_elsewhere(draft: Draft, instance: Instance) -> tuple[Found, ...]:
    """List its builds that were cut at the lock on servers that its text does not name (any more)."""
    if not instance.server:
        return ()
    places = claims.namesakes(draft.desired, draft.observed, instance)
    found = (Found(server, name) for server, name in places if draft.hold(draft.desired.servers[server]) is None)
    return tuple(f for f in found if _is_unused(draft, instance, f, alone=False))


def _only_ours(draft: Draft, instance: Instance, found: tuple[Found, ...]) -> tuple[Found, ...]:
    """Of namesakes on several hosts keep those that were proven ours; two forms on one host stay a conflict."""
    proven = [f for f in found if _is_ours(draft, instance, f)]
    servers = [f.server for f in found]
    if proven and len(set(servers)) == len(servers):
        return tuple(proven)
    return found


def _without_strangers(draft: Draft, instance: Instance, found: tuple[Found, ...]) -> tuple[Found, ...]:
    """Leave out what only bears the former name, long after: a database of somebody else beside the one that is proven ours."""
    own = [f for f in found if not f.renamed and _is_ours(draft, instance, f)]
    strangers = [(f, why) for f in found if f.renamed and (why := _why_a_stranger(draft, instance, f))]
    if not own or len(own) + len(strangers) != len(found):
        return found
    for stranger, why in strangers:
        what = f"it bears the former name of instance/{instance.code} and is not its database ({why}): `renamed_from` may go"
        draft.left_alone.append(LeftAlone(stranger.server, stranger.name.text, what, Left.STRANGER))
    return tuple(own)


def _why_a_stranger(draft: Draft, instance: Instance, found: Found) -> str:
    """Say by what a look tells that a plain name is not this instance's, or nothing where it may be, or cannot be told."""
    look = _look(draft, found)
    if look is None or found.name.state is not NameState.PUBLISHED or look.access is Access.FAILED:
        return ""
    doubt = claims.doubt(look, _spec(draft, instance, found), instance.renamed_from)
    return doubt.why if doubt else ""


def _look(draft: Draft, found: Found) -> DatabaseLook | None:
    return draft.observed.hosts[found.server].looks.get(found.name.text)


def _spec(draft: Draft, instance: Instance, found: Found) -> DatabaseSpec:
    return instance_spec(draft.desired, instance, draft.desired.servers[found.server])


def _is_ours(draft: Draft, instance: Instance, found: Found) -> bool:
    look = _look(draft, found)
    return look is not None and claims.doubt(look, _spec(draft, instance, found), instance.renamed_from) is None


def _objection(draft: Draft, instance: Instance, found: Found) -> Doubt | None:
    look = _look(draft, found)
    if look is None:
        return None
    spec = _spec(draft, instance, found)
    remembered = ("instance", instance.code, found.server) in draft.inventory.entries
    return claims.objection(look, spec, instance.renamed_from, remembered=remembered)


def _keep(draft: Draft, instance: Instance, found: Found) -> None:
    """Plan what an existing database needs: to its name and into or out of service first, then what can fail on its own."""
    server = draft.desired.servers[found.server]
    held = draft.hold(server) or (draft.full(server) if found.name.state in names.KEPT else None)
    if held is not None:
        draft.block("instance", instance.code, server.code, held)
        return
    if doubt := _objection(draft, instance, found) or _unseen_orphan(draft, instance, found):
        draft.block("instance", instance.code, server.code, Doubt(f"{found.name.text}: {doubt.why}", doubt.advice))
        return
    look = _look(draft, found)
    if look is not None and (busy := claims.others_work(look, draft.now)):
        draft.block("instance", instance.code, server.code, Doubt(f"{found.name.text}: {busy.why}", busy.advice))
        return
    is_in_place = not found.renamed and found.name.state is _wanted_state(instance)
    if comes_first(look) or (look is None and is_in_place):
        return  # its modules are upgraded before all else, or nothing is known against it: most instances of most passes
    spec = instance_spec(draft.desired, instance, server)
    if look is None and _is_unproven(draft, instance, found):
        draft.block("instance", instance.code, server.code, _never_looked_at(found))
        return
    former = _of_another(draft, instance, found, spec)
    if former and instance.adopt is None:
        advice = _COPY_TAKEN_OVER if spec.clone_of else _TAKEN_OVER
        draft.block("instance", instance.code, server.code, Doubt(f"{found.name.text}{former}", advice))
        return
    if look is not None and spec.neutralize and not fields.is_neutralized(look):
        advice = _MADE_ANEW if spec.clone_of else _A_COPY
        draft.block("instance", instance.code, server.code, Doubt(f"{found.name.text}{_NOT_NEUTRALIZED}", advice))
        return
    is_published = found.name.state is NameState.PUBLISHED
    ended = usage.why_ended(draft.desired, draft.inventory, instance, draft.now) if is_published else None
    if ended and (doubt := ending_diffs.clock_doubt(draft, server.code)):
        draft.block("instance", instance.code, server.code, doubt)
        return
    chain = Chain(draft, spec, found.name.text, draft.first(server.code))
    reason = Reason.ADOPTED if former else None
    if look is not None and claims.is_adopted(look, spec):
        chain.add(verbs.ADOPT, Reason.DECLARED, chain.name, fields.adopted_with(spec, look, found.name.state))
        look, reason = claims.as_adopted(look, spec), Reason.DECLARED
    _bring_to_its_place(chain, instance, found, look, ended=ended)
    _configure(chain, spec, look, reason)


def _bring_to_its_place(
    chain: Chain, instance: Instance, found: Found, look: DatabaseLook | None, *, ended: Reason | None
) -> None:
    """Plan its name, its state and its password: a new password comes before a way back that has not begun.

    It never comes between out of reach and back in reach, where nothing may stand that can fail for reasons of its own.
    """
    spec, why = chain.spec, _why_switched(found, look)
    if found.name.state in names.KEPT:
        chain.add(verbs.RETURN, Reason.DECLARED if found.renamed else why, names.suspended(found.name.target))
    if found.renamed:
        renamed = FieldChange("database_name", found.name.target, spec.target)
        chain.add(verbs.RENAME, Reason.RENAMED, names.resting(spec.target, names.parse(chain.name).state), (renamed,))
    state = names.parse(chain.name).state
    if instance.state == "suspended" and state is not NameState.SUSPENDED:
        chain.add(verbs.SUSPEND, ended or why, names.suspended(spec.target))
    elif instance.state == "active" and state is not NameState.PUBLISHED:
        if state is NameState.SUSPENDED:
            chain.rotate(look)
        chain.add(verbs.RESUME, why, spec.target)
    chain.rotate(look)


def _unseen_orphan(draft: Draft, instance: Instance, found: Found) -> Doubt | None:
    """What an earlier document of this code left behind is not anybody's again before it was looked at."""
    entry = draft.inventory.entries.get(("instance", instance.code, found.server))
    if _look(draft, found) is not None or entry is None or not entry.orphaned:
        return None
    return Doubt("an earlier document of this code left it behind", "run without --shallow, so that it is looked at")


_NOT_NEUTRALIZED = (
    " is not neutralized, which is done only while a database is built: it goes on mailing and taking payments"
)
_A_COPY = "take `neutralize` out again; for a neutralized copy declare a new instance with `clone_of`"
_MADE_ANEW = (
    "somebody put it in earnest: end it, and bring it back under another `database_name`; or write `neutralize: false`"
)
_TAKEN_OVER = (
    "if it is the same customer, write `adopt: {}` to take it over with all that is in it (nobody's login changes);"
    " if not, choose another `database_name`"
)
_COPY_TAKEN_OVER = (
    "if it is to stay, write a `template`, `neutralize: true` and `adopt: {}` in the place of `clone_of`, which may come back"
    " once that is applied; if not, choose another `database_name`"
)


def _of_another(draft: Draft, instance: Instance, found: Found, spec: DatabaseSpec) -> str:
    """Say why a database may be another customer's of the same name, or nothing: it is given only if the text says so."""
    look = _look(draft, found)
    if look is None or look.mark is None:
        return ""
    if instance.renamed_from in (look.mark.code, look.mark.name, found.name.target):  # the text says whose it was
        return ""
    entry = draft.inventory.entries.get(("instance", instance.code, found.server))
    made_for, owner = look.mark.owner, _login(spec)
    made = "" if made_for is None else f" was made for owner {made_for}" if made_for else " was made without an owner"
    if entry is not None and entry.orphaned and entry.last_digest != spec.digest():
        return f"{made}: an earlier document of this code left it behind"
    if made_for in (None, owner) or look.mark.digest == spec.digest():  # this very text was applied to it
        return ""
    if made_for and owner:
        return f"{made}: its text named another owner then"
    if entry is not None and not entry.orphaned:  # one document all the time, which got an owner or lost it
        return ""
    return f"{made}: its text named {'one' if made_for else 'none'} then"


def _login(spec: DatabaseSpec) -> str:
    return spec.owner.login if spec.owner else ""


def _is_unproven(draft: Draft, instance: Instance, found: Found) -> bool:
    """Tell whether something would be done to a database that neither a look nor memory has proven to be ours."""
    if found.renamed:
        return True
    return (
        found.name.state is not _wanted_state(instance)
        and ("instance", instance.code, found.server) not in draft.inventory.entries
    )


def _wanted_state(instance: Instance) -> NameState:
    return NameState.SUSPENDED if instance.state == "suspended" else NameState.PUBLISHED


def _never_looked_at(found: Found) -> Doubt:
    why = "a rename needs a deep look" if found.renamed else "it was never looked at"
    return Doubt(why, "run without --shallow")


def _why_switched(found: Found, look: DatabaseLook | None) -> Reason:
    if found.renamed:
        return Reason.RENAMED
    is_cut_short = claims.is_replaced(look.mark if look else None, found.name.text)  # by what never came into its place
    return Reason.INTERRUPTED if is_cut_short or found.name.state in names.ON_ITS_WAY else Reason.DECLARED


def _configure(chain: Chain, spec: DatabaseSpec, look: DatabaseLook | None, reason: Reason | None) -> None:
    if look is None or not chain.uninstall(look):
        return
    state = names.parse(look.database).state
    changes = (*fields.differences(spec, look, state), *fields.not_done(spec, look, adopted=reason is Reason.ADOPTED))
    if chain.rotated:
        changes = changes or (fields.digest_after_rotation(spec),)
    if chain.name != look.database:  # every way begins with the files, and suspending and resuming see to the schedule
        changes = tuple(c for c in changes if c.field not in ("schedule", "files"))
    changes = uninstalls.left(look, changes)
    if changes:
        chain.add(verbs.CONFIGURE, reason or why_configured(spec, look, changes), chain.name, changes)


def _clone(draft: Draft, instance: Instance, discarded: tuple[str, ...]) -> None:
    doubt = (
        unclaimed.doubt(draft, instance)
        or trash.doubt(draft, instance)
        or server_moves.doubt(draft, instance)
        or unclaimed.renamed_away(draft, instance)
        or _elsewhere(draft, instance)
        or _hidden(draft, instance)
        or _under_a_building_name(draft, instance)
        or _lost_again(draft, instance)
        or draft.not_there(instance)
    )
    if doubt:
        draft.block("instance", instance.code, instance.server or "", doubt)
        return
    copied = copies_elsewhere.original(draft, instance) if copies.is_copied(instance) else None
    if isinstance(copied, Doubt):
        draft.block("instance", instance.code, instance.server or "", copied)
        return
    code = instance.server or (
        copied.server if copied else draft.former_place(instance) or places.placing(draft, instance).server
    )
    if not code:
        reasons = "; ".join(f"{s}: {why}" for s, why in places.placing(draft, instance).passed_over)
        draft.block(
            "instance", instance.code, "", Doubt(f"no server can take it ({reasons})", "see `odoo-fleet place`")
        )
        return
    server = draft.desired.servers[code]
    template = places.template_of(draft, instance, code)
    if doubt := draft.hold_new(server):
        draft.block("instance", instance.code, code, doubt)
    elif isinstance(template, Doubt) and copied is None:
        why = f"template {instance.template} cannot be cloned on {code}: {template.why}"
        draft.block("instance", instance.code, code, Doubt(why, template.advice))
    elif full := draft.full(server):
        draft.block("instance", instance.code, code, full)
    else:
        spec = instance_spec(draft.desired, instance, server)
        becomes = names.suspended(spec.target) if instance.state == "suspended" else spec.target
        waits = copied.after if copied else () if isinstance(template, Doubt) else (template,)
        after, why = draft.first(code, *waits, *discarded), draft.why_new(instance)
        verb, source, changes = copies.made_of(instance, spec, copied)
        origin = copied.origin(code) if copied else ""
        draft.plan(Action(verb, "instance", spec.code, code, why, source, becomes, changes, after, origin))
        draft.used[code] = draft.used.get(code, 0) + 1


def _hidden(draft: Draft, instance: Instance) -> Doubt | None:
    """A server that cannot be seen may hold the database: nothing is cloned elsewhere unless its last listing says not."""
    own = {instance.database_name, instance.renamed_from or instance.database_name}
    for code, server in sorted(draft.desired.servers.items()):
        host = draft.host(code)
        believed = code not in draft.frozen or code == instance.server  # there the gate holds all back, and says why
        if not server.active or server.state == "draft" or (host and host.online and believed):
            continue
        remembered = any(e.server == code for e in draft.inventory.of("instance", instance.code))
        listed = draft.inventory.listed(code)
        if remembered or listed is None or not own.isdisjoint(listed - _others_there(draft, instance, code)):
            if code in draft.frozen:
                frozen = draft.frozen[code]
                return Doubt(f"it may be on {code}, which is frozen: {frozen.why}", frozen.advice)
            advice = "bring the server back; set it inactive only if what it held is lost"
            return Doubt(f"it may be on {code}, which cannot be seen now", advice)
    return None


def _others_there(draft: Draft, instance: Instance, server: str) -> set[str]:
    """Name the databases on a server that are other instances': declared there, and proven to be theirs before."""
    others = {e.target for e in draft.inventory.on(server) if e.kind == "instance" and e.code != instance.code}
    return {name for name in others if server in draft.desired.names.places.get(name, ())}


def _under_a_building_name(draft: Draft, instance: Instance) -> Doubt | None:
    """A customer of 0.1.0 may bear a building name, and no note tells: nothing empty is made beside what is kept for that."""
    targets = [name for name in (instance.database_name, instance.renamed_from) if name]
    for host, name in (found for target in targets for found in draft.observed.named(NameState.BUILDING, target)):
        is_anothers = host.server != instance.server and host.server in draft.desired.names.places.get(name.target, ())
        if is_anothers or not names.is_expired_build(name, draft.now, draft.build_limit):
            continue
        what, look = f"{name.text} on {host.server} may be this instance's", host.looks.get(name.text)
        if look is None:
            return Doubt(f"{what}: it was not looked into", "run without --shallow")
        kept = claims.why_build_kept(look)
        if kept and not (look.opened and claims.is_anothers(look, draft.desired.settings.code, instance)):
            advice = (
                f"look inside: if it is the customer's, rename it by hand to {name.target}, with its files, as Odoo does;"
                " only if nobody needs it, drop it by hand"
            )
            return Doubt(f"{what}: {kept}", advice)
    return None


def _lost_again(draft: Draft, instance: Instance) -> Doubt | None:
    # Of one that names its server another instance may have the name elsewhere.
    places = [instance.server] if instance.server else sorted(draft.observed.hosts)
    doubts = (draft.lost_again(code, instance.database_name) for code in places)
    return next((doubt for doubt in doubts if doubt), None)


def _elsewhere(draft: Draft, instance: Instance) -> Doubt | None:
    """Nothing empty is made for an instance whose database stands, or may stand, on another server than its text says.

    Whose a namesake there is, a look tells; memory alone never does, so that a second pass knows no more than the first.
    """
    if not instance.server:
        return None
    unused = _unused_elsewhere(draft, instance)
    for server, name in claims.namesakes(draft.desired, draft.observed, instance):
        if Found(server, name) in unused:
            continue
        look = draft.observed.hosts[server].looks.get(name.text)
        if look is not None and look.opened:
            if claims.is_anothers(look, draft.desired.settings.code, instance):
                continue
        elif look is None and name.target in _others_there(draft, instance, server):
            continue
        another = "choose another `database_name`" if name.target == instance.database_name else "remove `renamed_from`"
        return Doubt(
            f"a database {name.text} is on {server}, and may be this instance's",
            f"if it is, set `server: {server}`, apply, and then name the other server; only if it is another's, {another}",
        )
    return None
