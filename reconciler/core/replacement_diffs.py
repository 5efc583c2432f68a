"""The diff's part on replacements: what a command asks for takes the place of what an instance's database was to get.

All that holds back the instance holds back its replacement; what takes its place needs none of the changes that it had to get.
"""

from __future__ import annotations

from reconciler.core import backups, copies, endings, instance_diffs, names, replacements, verbs
from reconciler.core.actions import Action, FieldChange, Reason
from reconciler.core.claims import Doubt, Found
from reconciler.core.drafts import Draft
from reconciler.core.names import IN_SERVICE, NameState
from reconciler.core.replacements import Replacing
from schemas.instance import Instance

_NEW = (verbs.CLONE, verbs.COPY, verbs.RESTORE)


def diff_replacement(draft: Draft) -> None:
    """Plan the replacement that is asked for, where the instance has a database."""
    asked = draft.replacing
    if asked is None or (instance := draft.desired.instances[asked.code]).state == "absent":
        return
    planned = [a for a in draft.actions if a.address == instance.address]
    if any(b.address == instance.address for b in draft.blocked) or any(a.verb in _NEW for a in planned):
        return
    draft.actions = [a for a in draft.actions if a not in planned]
    found = instance_diffs.find(draft, instance)
    if len(found) != 1:  # or else it was blocked, or is about to come back from the trash
        draft.block("instance", instance.code, instance.server or "", Doubt("it has no database that rests", _APPLY))
    elif doubt := _why_not(draft, instance, found[0], asked):
        draft.block("instance", instance.code, found[0].server, doubt)
    else:
        _plan(draft, instance, found[0], asked)


_APPLY = "run `odoo-fleet apply`, and replace it after that"


def _why_not(draft: Draft, instance: Instance, found: Found, asked: Replacing) -> Doubt | None:
    name, look = found.name.text, draft.look(found.server, found.name.text)
    if instance.deletion_protection:
        why = f"{name}: it is protected against deletion, and would go to the trash"
        return Doubt(why, "take `deletion_protection` out in a change of its own")
    if look is None or not look.opened:
        return Doubt(f"{name}: it was not looked into", "run without --shallow")
    if found.renamed or found.name.state not in IN_SERVICE or look.mark is None:
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


def _plan(draft: Draft, instance: Instance, found: Found, asked: Replacing) -> None:
    becomes = names.suspended(found.name.target) if instance.state == "suspended" else found.name.target
    if asked.trash:
        changes = [replacements.by_trash(asked.trash)]
    elif copies.is_copied(instance):
        source = copies.original(draft, instance, found.server)
        if isinstance(source, Doubt):
            draft.block("instance", instance.code, found.server, source)
            return
        changes = [replacements.by_copy(instance.clone_of or "")]
    else:
        changes = [_by_backup(instance)]
    look = draft.look(found.server, found.name.text)
    if asked.backup_first and (backup := backups.before_ending(draft.desired, instance, look)):
        changes.append(backup)
    draft.plan(
        Action(
            verbs.REPLACE,
            "instance",
            instance.code,
            found.server,
            Reason.DECLARED,
            found.name.text,
            becomes,
            tuple(changes),
            draft.first(found.server),
        )
    )


def _by_backup(instance: Instance) -> FieldChange:
    source = instance.restore_from
    assert source is not None  # the command says which
    return replacements.by_backup(source.backup, source.of or instance.code)
