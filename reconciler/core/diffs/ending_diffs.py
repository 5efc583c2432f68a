"""The diff's part on endings: what is absent, or was removed, goes out of service and to trash; trash past its time is dropped.

Each database that is ended is opened first: its mark says whose it is. What cannot be told is kept, and said.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core.diffs.drafts import Draft
from reconciler.core.model import names, verbs
from reconciler.core.model.actions import Action, Reason
from reconciler.core.model.changesets import Left, LeftAlone
from reconciler.core.model.inventory import Entry, Inventory
from reconciler.core.model.names import DatabaseName, NameState
from reconciler.core.model.observed import DatabaseLook, ObservedHost
from reconciler.core.model.specs import instance_spec
from reconciler.core.policies import backups, claims, endings, subscriptions, usage
from reconciler.core.policies.claims import Doubt, Found
from reconciler.fleet.desired import Desired
from schemas.instance import Instance


def diff_endings(draft: Draft) -> None:
    """Plan what absent and removed instances need, and what is to be dropped."""
    for instance in draft.desired.instances.values():
        if instance.state == "absent":
            _end_absent(draft, instance)
    for entry in removed(draft.desired, draft.inventory):
        _end_removed(draft, entry)
    for host in draft.observed.hosts.values():
        for name in host.databases:
            if name.state in names.KEPT:
                _drop(draft, host, name)
    for instance in draft.desired.instances.values():
        if instance.state != "absent":
            _tell(draft, instance)
    done = ((server, action.database) for action in draft.actions if action.database for server in action.servers)
    draft.said.update(dict.fromkeys(done))


def removed(desired: Desired, inventory: Inventory) -> Iterator[Entry]:
    """Yield what is remembered of instances whose documents were removed, if that ends them.

    Not of those whose documents were gone before a text said so that this memory knows: they stay what they are, orphans.
    """
    if not (desired.settings.prune and inventory.prunes):
        return
    for (kind, code, _), entry in sorted(inventory.entries.items()):
        names_it = code in desired.instances or desired.names.claims(code) or desired.claims(entry.target)
        if kind == "instance" and not names_it and not entry.orphaned and entry.server in desired.servers:
            yield entry


def is_whole(look: DatabaseLook, name: DatabaseName) -> bool:
    """Tell whether what was looked at in the trash came there whole: quiet, with its files, noted as ended."""
    mark = look.mark
    return mark is not None and mark.ended == name.text and not (mark.moving_from or look.active_crons)


def _tell(draft: Draft, instance: Instance) -> None:
    """Tell of an instance that ends soon, or whose subscription does."""
    told = [subscriptions.told(draft.desired, instance, draft.now)]
    if soon := instance.expires and endings.within(endings.expires_at(instance), draft.now):
        told.append(f"{instance.address} expires on {instance.expires} ({soon}): out of service then, and trash")
    limit = usage.told(draft.desired, draft.inventory, instance)
    for what, kind in (*((each, Left.ENDING) for each in told if each), *([(limit, Left.LIMIT)] if limit else ())):
        for host in draft.observed.hosts.values():
            for name in host.forms_of(instance.database_name) if instance.server in (None, host.server) else ():
                draft.left_alone.append(LeftAlone(host.server, name.text, what, kind))


def _end_absent(draft: Draft, instance: Instance) -> None:
    found = claims.of(draft.desired, draft.observed, instance)
    found = claims.narrow(found, draft.inventory, "instance", instance.code) or _broken_trash(draft, instance)
    if not found:
        return
    server = draft.desired.servers[found[0].server]
    if held := draft.hold(server):
        draft.block("instance", instance.code, server.code, held)
        return
    if len(found) > 1:
        where = ", ".join(f"{f.name.text} on {f.server}" for f in found)
        doubt = Doubt(f"several databases claim to be it: {where}", "decide which one it is and rename the others")
        draft.block("instance", instance.code, server.code, doubt)
        return
    one = found[0]
    look = draft.look(one.server, one.name.text)
    doubted = _why_not_ended(draft, instance, one, look)
    if doubted is not None:
        doubt = Doubt(f"{one.name.text}: {doubted.why}", doubted.advice)
        draft.block("instance", instance.code, server.code, doubt)
        return
    reason = Reason.EXPIRED if instance.expires and endings.expires_at(instance) <= draft.now else Reason.DECLARED
    if one.name.state is NameState.TRASH or one.name.state in names.ON_ITS_WAY:
        reason = Reason.INTERRUPTED
    _end(draft, instance.code, one.server, one.name, look, reason)


def _broken_trash(draft: Draft, instance: Instance) -> tuple[Found, ...]:
    """Find what is an instance's in the trash, and did not come there whole: the host, or another reconciler, came between."""
    return tuple(
        Found(host.server, name)
        for host, name in draft.observed.named(NameState.TRASH, instance.database_name)
        if instance.server in (None, host.server)
        and (look := host.looks.get(name.text)) is not None
        and look.opened
        and claims.is_whose(look, draft.desired.settings.code) == ("instance", instance.code)
        and look.mark is not None
        and look.mark.ended == name.text
        and not is_whole(look, name)
    )


def _why_not_ended(draft: Draft, instance: Instance, found: Found, look: DatabaseLook | None) -> Doubt | None:
    if look is None:
        return Doubt("it was not looked into", "run without --shallow")
    spec = instance_spec(draft.desired, instance, draft.desired.servers[found.server])
    remembered = ("instance", instance.code, found.server) in draft.inventory.entries
    return (
        claims.doubt(look, spec, instance.renamed_from, remembered=remembered)
        or claims.others_work(look, draft.now)
        or clock_doubt(draft, found.server)
        or backups.no_target(draft.desired, instance)
    )


def _end_removed(draft: Draft, entry: Entry) -> None:
    host = draft.host(entry.server)
    if host is None or draft.hold(draft.desired.servers[entry.server]):
        return
    for name in host.forms_of(entry.target):
        look = host.looks.get(name.text)
        why = _why_kept(draft, entry, look)
        if why:
            what = f"its document was removed, and it is kept: {why}"
            draft.said[entry.server, name.text] = LeftAlone(entry.server, name.text, what, Left.ORPHAN)
        else:
            _end(draft, entry.code, entry.server, name, look, Reason.REMOVED)


def _why_kept(draft: Draft, entry: Entry, look: DatabaseLook | None) -> str:
    if look is None:
        return "it was not looked into"
    if not look.opened:
        return "it does not answer to the password that its document would have, so that nothing proves whose it is"
    if claims.is_whose(look, draft.desired.settings.code) != ("instance", entry.code):
        return f"its mark does not say that it is instance/{entry.code}"
    if look.mark is not None and look.mark.protected:
        return "it is protected against deletion: only its document can take that back"
    doubt = claims.others_work(look, draft.now) or clock_doubt(draft, entry.server)
    return doubt.why if doubt else ""


def _end(draft: Draft, code: str, server: str, name: DatabaseName, look: DatabaseLook | None, reason: Reason) -> None:
    """Plan an ending, with the backup before it that the text of an instance asks for; a removed one has no text to ask."""
    verb, instance = verbs.END, draft.desired.instances.get(code)
    if name.state is NameState.SWITCHING and look is not None and look.is_unused_build:
        verb, instance = verbs.DISCARD, None
    backup = backups.before_ending(draft.desired, instance, look) if instance is not None else None
    changes = (backup,) if backup is not None else ()
    draft.plan(Action(verb, "instance", code, server, reason, name.text, changes=changes, after=draft.first(server)))


def clock_doubt(draft: Draft, server: str) -> Doubt | None:
    """Say why nothing is done by the day that it is here, or nothing."""
    return endings.clock_doubt(draft.now, draft.observed.hosts[server].clock, server)


def _drop(draft: Draft, host: ObservedHost, name: DatabaseName) -> None:
    at = f"{endings.dropped_at(name, draft.desired):%Y-%m-%d %H:%M} UTC"
    server = draft.desired.servers[host.server]
    if not names.is_expired_trash(name, draft.now, endings.trash_limit(draft.desired)):
        known = draft.desired.claims(name.target) or any(
            e.target == name.target for e in draft.inventory.on(host.server)
        )
        soon = endings.within(endings.dropped_at(name, draft.desired), draft.now) if known else ""
        remark = (" ", f"({soon})") if soon else ("", "") if known else (", ", "if it is this fleet's")
        _say(draft, host, name, Left.ENDING if soon else Left.KEPT, f": dropped for good after {at}", *remark)
        return
    look = host.looks.get(name.text)
    if why := _why_not_dropped(draft, host, name, look):
        _say(draft, host, name, Left.KEPT, "", ", and ", f"kept: {why}")
        return
    if draft.hold(server) is None and look is not None and look.mark is not None:
        code = look.mark.code
        is_declared = look.mark.kind == "instance" and code in draft.desired.instances
        of = ("instance", code) if is_declared else ("server", server.code)
        after = draft.first(server.code)
        draft.plan(Action(verbs.DROP, *of, server.code, Reason.KEPT_LONG_ENOUGH, name.text, after=after))


def _why_not_dropped(draft: Draft, host: ObservedHost, name: DatabaseName, look: DatabaseLook | None) -> str:
    if look is None:
        return "its time is over, and it was not looked into"
    if not look.opened:
        problem = f": {look.problem}" if look.problem else ""
        return f"whether its text ended it cannot be told, it takes no password of this fleet{problem}"
    succeeded = _is_succeeded(draft, host, name, look)
    if why := claims.why_trash_kept(look.uuid, look.mark, name.text, draft.desired.settings.code, succeeded=succeeded):
        return why
    if name.target in endings.wanted(draft.desired) and not succeeded:
        return f"a document declares {name.target}, and may want it back"
    doubt = clock_doubt(draft, host.server)
    return doubt.why if doubt else ""


def _is_succeeded(draft: Draft, host: ObservedHost, name: DatabaseName, look: DatabaseLook) -> bool:
    """Tell whether trash was replaced, or moved, and another database rests under its name.

    Whose that is, is looked up before the drop.
    """
    instance = draft.desired.instances.get(look.mark.code) if look.mark is not None else None
    hosts: list[ObservedHost] = [host]
    if name.state is NameState.MOVED:
        hosts = [h for h in draft.observed.hosts.values() if instance and instance.server in (None, h.server)]
    forms = [form for each in hosts for form in each.forms_of(name.target)]
    return claims.is_replaced(look.mark, name.text) and [form.state in names.IN_SERVICE for form in forms] == [True]


def _say(draft: Draft, host: ObservedHost, name: DatabaseName, kind: Left, end: str, joint: str, remark: str) -> None:
    """Say of trash what it is, when it ends and what remark there is; the latter also for whoever shows the end beside it."""
    is_moved = name.state is NameState.MOVED
    what = "left behind by a move" if is_moved else "trash"
    beside = f"{what}{joint}{remark}" if is_moved else remark
    said = LeftAlone(host.server, name.text, f"{what}{end}{joint}{remark}", kind, beside)
    draft.said[host.server, name.text] = said
