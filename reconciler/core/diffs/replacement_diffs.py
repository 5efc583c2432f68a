"""The diff's part on replacements: what is asked for takes the place of what an instance's database was to get.

All that holds back the instance holds back its replacement; what takes its place needs none of the changes that it had to get.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from reconciler.core.diffs import copies, copies_elsewhere
from reconciler.core.diffs.copies import Original
from reconciler.core.diffs.drafts import Draft
from reconciler.core.diffs.instance_diffs import find
from reconciler.core.model import names, verbs
from reconciler.core.model.actions import Action, FieldChange, Reason
from reconciler.core.model.changesets import Withheld
from reconciler.core.model.names import IN_SERVICE, NameState
from reconciler.core.model.observed import Access, DatabaseLook
from reconciler.core.policies import backups, endings, replacements
from reconciler.core.policies.claims import Doubt, Found
from reconciler.core.policies.replacements import Replacing
from schemas.instance import Instance

_NEW = (verbs.CLONE, verbs.COPY, verbs.RESTORE)


def diff_replacements(draft: Draft) -> None:
    """Plan the replacement that a command asks for, and of copies what their rhythm does, where they have a database."""
    if draft.replacing is not None and draft.replacing.kind == "instance":
        _diff_replacement(draft, draft.replacing)
    for instance, server, look in list(_due(draft)):
        _diff_scheduled(draft, instance, server, look)


def _diff_scheduled(draft: Draft, instance: Instance, server: str, look: DatabaseLook) -> None:
    """Plan what a rhythm does; hold it back where it failed lately, where its source is new, or where it needs other changes."""
    before = draft.actions
    has_others = any(_is_more_than_a_note(a) for a in before if a.address == instance.address)
    why = _why_later(draft, instance, server, look, has_others=has_others)
    if any(b.address == instance.address for b in draft.blocked):
        return
    if doubt := _no_copy(instance, look) or (_of_another(draft, instance, server, look) if not why else None):
        draft.block("instance", instance.code, server, doubt)
        return
    _diff_replacement(draft, Replacing(instance.code, backup_first=False, reason=Reason.SCHEDULED))
    if why:
        wanted = [a for a in draft.actions if a.address == instance.address]
        draft.actions = before
        draft.withheld += [Withheld(replace(action, after=()), why) for action in wanted]


def _no_copy(instance: Instance, look: DatabaseLook) -> Doubt | None:
    """Say that what a text takes for a copy does not note that it was made as one, whatever its other parameters are."""
    if copies.was_made(instance, look):
        return None
    advice = f"look what it is; a copy `odoo-fleet refresh {instance.code}` makes anew, a customer's own gets `template` again"
    return Doubt(f"{look.database}: it is not made anew by its rhythm: {copies.NO_COPY}", advice)


def _of_another(draft: Draft, instance: Instance, server: str, look: DatabaseLook) -> Doubt | None:
    """Say that a copy would be made of another database than it was before: one that was lost and built anew may be empty."""
    made_of, then = copies_elsewhere.original(draft, instance, server), copies.made_of_uuid(look)
    if isinstance(made_of, Doubt) or not then:
        return None
    if (now := copies_elsewhere.uuid_of(draft, instance, server, made_of)) in ("", then):
        return None  # what was not looked into is compared before it is restored
    advice = f"look whether it is what is to be copied by now; then `odoo-fleet refresh {instance.code}`"
    return Doubt(f"it is not made anew by its rhythm: instance/{instance.clone_of} {copies.another(then, now)}", advice)


def _is_more_than_a_note(action: Action) -> bool:
    """Tell whether an action does more than to write a mark anew, which the new one gets anyway."""
    return action.verb is not verbs.CONFIGURE or any(not c.field.startswith("mark.") for c in action.changes)


def _why_later(draft: Draft, instance: Instance, server: str, look: DatabaseLook, *, has_others: bool) -> str:
    if since := copies.put_off(look, draft.now):
        begun, until = (f"{each:%Y-%m-%d %H:%M} UTC" for each in since)
        at_once = f"or at once by `odoo-fleet refresh {instance.code}`"
        return f"it was begun at {begun} and has not come to its end; it is tried again at {until}, {at_once}"
    source = f"instance/{instance.clone_of}"
    if any(a.address == source and a.verb in _NEW for a in draft.actions):
        return f"{source}, of which it is a copy, is built in this very run; look whether it is what is to be copied"
    if has_others:
        return "the other changes of it come first; a later run makes it anew"
    made_of = copies_elsewhere.original(draft, instance, server)
    if isinstance(made_of, Original) and (backup := copies.backup_in(made_of.told)) and backup in look.restored_from:
        return f"there is no newer backup of {source} than the one that it was made of, {backup}"
    return ""


def _due(draft: Draft) -> Iterator[tuple[Instance, str, DatabaseLook]]:
    """Yield the copies in service that were looked into and are to be made anew by now, each with its server and that look."""
    for instance in draft.desired.instances.values():
        asked = draft.replacing is not None and draft.replacing.kind == "instance" and draft.replacing.code
        if instance.refresh is None or asked == instance.code:
            continue
        for found in (there := find(draft, instance)):
            look = draft.look(found.server, found.name.text)
            rests = len(there) == 1 and not found.renamed and found.name.state is NameState.PUBLISHED
            if rests and look is not None and look.opened and copies.is_due(instance, look, draft.now):
                yield instance, found.server, look


def _diff_replacement(draft: Draft, asked: Replacing) -> None:
    if (instance := draft.desired.instances[asked.code]).state == "absent":
        return
    planned = [a for a in draft.actions if a.address == instance.address]
    found = find(draft, instance)
    look = draft.look(found[0].server, found[0].name.text) if len(found) == 1 else None
    is_lost = look is not None and _is_lost(draft, instance, found[0], look)
    if any(a.verb in _NEW for a in planned) or (_is_blocked(draft, instance, look) and not is_lost):
        return
    draft.actions = [a for a in draft.actions if a not in planned]
    draft.blocked = [b for b in draft.blocked if b.address != instance.address]
    if len(found) != 1:  # or else it was blocked, or is about to come back from the trash
        draft.block("instance", instance.code, instance.server or "", Doubt("it has no database that rests", _APPLY))
    elif doubt := _why_not(draft, instance, found[0], asked, is_lost=is_lost):
        draft.block("instance", instance.code, found[0].server, doubt)
    else:
        _plan(draft, instance, found[0], asked, is_lost=is_lost)


def _is_lost(draft: Draft, instance: Instance, found: Found, look: DatabaseLook) -> bool:
    """Tell whether nobody can log in to what memory has verified to be an instance's database, so that nothing runs in it."""
    entry = draft.inventory.entries.get(("instance", instance.code, found.server))
    is_own = entry is not None and entry.target == found.name.target and not entry.orphaned and not found.renamed
    return look.access is Access.HALF_MADE and is_own and draft.hold(draft.desired.servers[found.server]) is None


def _is_blocked(draft: Draft, instance: Instance, look: DatabaseLook | None) -> bool:
    """Tell whether something holds the instance back; where its database does not open, say how it is replaced by hand."""
    own = [b for b in draft.blocked if b.address == instance.address]
    if look is not None and look.access in (Access.FAILED, Access.HALF_MADE):
        others = [b for b in draft.blocked if b not in own]
        draft.blocked = [*others, *(replace(b, advice=_BY_HAND.format(code=b.code, server=b.server)) for b in own)]
    return bool(own)


_BY_HAND = (
    "what does not open cannot be held back, and may go on mailing from the trash. If it stays so, rename it by hand to a name"
    " that no document declares, with its files, or drop it; then `odoo-fleet restore {code} --confirm-listing {server}` builds"
    " it anew"
)
_APPLY = "run `odoo-fleet apply`, and replace it after that"


def _why_not(draft: Draft, instance: Instance, found: Found, asked: Replacing, *, is_lost: bool) -> Doubt | None:
    name, look = found.name.text, draft.look(found.server, found.name.text)
    if instance.deletion_protection:
        why = f"{name}: it is protected against deletion, and would go to the trash"
        return Doubt(why, "take `deletion_protection` out in a change of its own")
    if look is None or not (look.opened or is_lost):
        return Doubt(f"{name}: it was not looked into", "run without --shallow")
    if not is_lost and (found.renamed or found.name.state not in IN_SERVICE or look.mark is None):
        return Doubt(f"{name}: what its text says of it is not done yet", _APPLY)
    if asked.trash and not _is_there(draft, found, asked.trash):
        return Doubt(
            f"{asked.trash} is not listed on {found.server} as trash of {found.name.target}", "see `status trash`"
        )
    clock = endings.clock_doubt(draft.now, draft.observed.hosts[found.server].clock, found.server)
    return clock or (backups.no_target(draft.desired, instance) if asked.backup_first else None)


def _is_there(draft: Draft, found: Found, trash: str) -> bool:
    name = names.parse(trash)
    is_own = name.state is NameState.TRASH and name.target == found.name.target
    return is_own and draft.observed.hosts[found.server].lists(trash)


def _plan(draft: Draft, instance: Instance, found: Found, asked: Replacing, *, is_lost: bool) -> None:
    becomes = names.suspended(found.name.target) if instance.state == "suspended" else found.name.target
    present = replacements.LOST if is_lost else replacements.NOW
    look, first, origin = draft.look(found.server, found.name.text), tuple[str, ...](), ""
    if asked.trash:
        changes = [replacements.by_trash(asked.trash, present)]
    elif copies.is_copied(instance):
        source = copies_elsewhere.original(draft, instance, found.server)
        if isinstance(source, Doubt):
            draft.block("instance", instance.code, found.server, source)
            return
        made = copies.made_at(look) if asked.reason is Reason.SCHEDULED and look is not None else None
        since = f"{present}, made {made:%Y-%m-%d %H:%M} UTC" if made else present
        assert instance.clone_of is not None  # or else it is no copy
        made_of = (
            replacements.by_backup(copies.backup_in(source.told), instance.clone_of, since)
            if source.is_backup
            else replacements.by_copy(instance.clone_of, since)
        )
        changes, first, origin = [made_of, *source.told], source.after, source.origin(found.server)
    else:
        changes = [_by_backup(instance, present)]
    if asked.backup_first and (backup := backups.before_ending(draft.desired, instance, look)):
        changes.append(replace(backup, desired=f"{backup.desired} (--without-backup: none)"))
    draft.plan(
        Action(
            verbs.REPLACE,
            "instance",
            instance.code,
            found.server,
            asked.reason,
            found.name.text,
            becomes,
            tuple(changes),
            draft.first(found.server, *first),
            origin,
        )
    )


def _by_backup(instance: Instance, present: str) -> FieldChange:
    source = instance.restore_from
    assert source is not None  # the command says which
    return replacements.by_backup(source.backup, source.of or instance.code, present)
