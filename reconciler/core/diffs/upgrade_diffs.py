"""The diff's part on newer code: whose modules are upgraded now, whose later, and who has been broken by what nobody upgrades.

Who holds (`upgrade: hold`) is left alone. Templates go before their instances on the same host; instances go wave by wave.
"""

from __future__ import annotations

from reconciler.core.diffs.drafts import Draft
from reconciler.core.model import module_operations, verbs
from reconciler.core.model.actions import Action, FieldChange, Reason
from reconciler.core.model.changesets import Withheld
from reconciler.core.model.names import IN_SERVICE, DatabaseName
from reconciler.core.model.observed import DatabaseLook
from reconciler.core.model.specs import DatabaseSpec
from reconciler.core.policies import backups, upgrades
from reconciler.core.policies.claims import Doubt
from reconciler.core.policies.upgrades import CURRENT, Key, ModulesState
from schemas.instance import Instance

_ALL = FieldChange("modules", "older than the code, in no version that tells which", "all upgraded")
_PROOF = FieldChange("modules", "an upgrade that did not end", "proven")
_UNSEEN = "it is looked into first"
_HOLDS = "what is declared is `upgrade: hold`; with `upgrade: follow` it is upgraded"
_OLDER_CODE = "or bring back the code that it was made for"


def comes_first(look: DatabaseLook | None) -> bool:
    """Tell whether a database is upgraded before all else: newer code has broken it, or an upgrade of ours was cut short."""
    if look is None:
        return False
    upgraded = look.upgrading.to if look.upgrading else ()
    return bool(look.broken) or module_operations.is_own_upgrade(look.modules, upgraded)


def diff_template(draft: Draft, spec: DatabaseSpec, last: str, *, is_seen: bool = True) -> str | Doubt:
    """Plan that a template that follows is upgraded, after what else is done to it; only what was looked into now is.

    Returns:
        What clones of it wait for, or why there can be none.
    """
    template, key = draft.desired.templates[spec.code], ("template", spec.code, spec.server)
    standing, database = draft.standings.get(key, CURRENT), spec.target
    follows = upgrades.policy(draft.desired, template) == "follow"
    is_tried = draft.selection.names(template) or not standing.failed
    if is_seen and (standing.begun or (follows and _is_upgradable(standing) and is_tried)):
        return draft.plan(_upgrade(draft, key, standing, database, (last,)))
    if follows and standing.failed:
        why = f"its upgrade failed: {standing.failed}; once that is mended, `odoo-fleet apply --target template/{spec.code}`"
        draft.withheld.append(Withheld(_upgrade(draft, key, standing, database, ()), f"{why} tries again"))
    if not standing.broken:
        if not follows and standing.behind and draft.selection.names(template):
            draft.withheld.append(Withheld(_upgrade(draft, key, standing, database, ()), _HOLDS))
        return last
    doubt = _broken(database, standing, follows=follows)
    draft.block("template", spec.code, spec.server, doubt)
    return doubt


def diff_upgrades(draft: Draft) -> None:
    """Plan that instances are upgraded that follow, or say what they wait for; say of those that hold who is broken."""
    blocked = {(b.kind, b.code) for b in draft.blocked}
    earlier = {(a.kind, a.code, a.server): a for a in draft.actions}
    for key, standing in sorted(draft.standings.items()):
        kind, code, server = key
        instance = draft.desired.instances.get(code) if kind == "instance" else None
        if standing.is_current or instance is None or instance.state == "absent" or (kind, code) in blocked:
            continue
        if instance.server in (None, server) and (name := _resting(draft, instance, server)) is not None:
            template = earlier.get(("template", draft.desired.template_of(instance), server))
            first = template.id if template is not None and template.verb is verbs.UPGRADE else ""
            _diff_instance(draft, instance, key, standing, name, earlier.get(key), first)


def _resting(draft: Draft, instance: Instance, server: str) -> DatabaseName | None:
    host, document = draft.host(server), draft.desired.servers.get(server)
    if host is None or document is None or draft.hold(document) is not None:
        return None
    targets = [name for name in (instance.database_name, instance.renamed_from) if name]
    forms = [name for target in targets for name in host.forms_of(target) if name.state in IN_SERVICE]
    return forms[0] if forms else None


def _diff_instance(
    draft: Draft,
    instance: Instance,
    key: Key,
    standing: ModulesState,
    name: DatabaseName,
    last: Action | None,
    first: str,
) -> None:
    """Plan for one instance; `last` is what else is done to it before, `first` the upgrade of its template there."""
    server = key[2]
    follows = upgrades.policy(draft.desired, instance) == "follow"
    is_by_hand, database = draft.selection.names(instance), last.becomes if last else name.text
    if not (standing.begun or (follows and _is_upgradable(standing))):
        if standing.broken:
            draft.block("instance", instance.code, server, _broken(name.text, standing, follows=follows))
        elif is_by_hand:
            draft.withheld.append(Withheld(_upgrade(draft, key, standing, database, ()), _HOLDS))
        return
    if last is not None and last.verb.takes_out_of_service and last.verb is not verbs.SUSPEND:
        return  # what ends or is replaced needs none
    action = _upgrade(draft, key, standing, database, (last.id if last else "", first))
    if any(change.field == backups.FIELD for change in action.changes) and (
        doubt := backups.no_target(draft.desired, instance)
    ):
        draft.block("instance", instance.code, server, doubt)
        return
    why = None if is_by_hand or standing.begun else draft.course.waiting.get(instance.code)
    if not why and not first and not standing.begun:
        why = _of_template(draft, draft.desired.template_of(instance), server)
    if not why and draft.look(server, name.text) is None:
        why = _UNSEEN
    if why:
        draft.withheld.append(Withheld(action, f"{upgrades.broken_in_words(standing)}{why}"))
    else:
        draft.plan(action)


def _is_upgradable(standing: ModulesState) -> bool:
    """Tell whether an upgrade is wanted, or was and failed."""
    return bool(standing.behind or standing.broken or standing.failed)


def _of_template(draft: Draft, code: str, server: str) -> str:
    """Say that an instance waits for its template there, which follows too and is behind; or nothing."""
    template, standing = draft.desired.templates[code], draft.standings.get(("template", code, server), CURRENT)
    if server not in template.server_codes or not template.active:
        return ""  # its own was left there: nobody looks at it, or upgrades it
    if upgrades.policy(draft.desired, template) != "follow" or not (standing.behind or standing.broken):
        return ""
    return f"template/{code} comes first" + (f", whose upgrade failed: {standing.failed}" if standing.failed else "")


def _upgrade(draft: Draft, key: Key, standing: ModulesState, database: str, after: tuple[str, ...]) -> Action:
    kind, code, server = key
    reason = Reason.INTERRUPTED if standing.begun else Reason.NEWER_CODE
    may_fail = None
    changes = list(upgrades.shown(standing.behind)) or [_ALL if standing.broken else _PROOF]
    if kind == "instance":
        instance = draft.desired.instances[code]
        backup = None if standing.begun else backups.before_ending(draft.desired, instance, None)
        changes += [backup] if backup else []
        wave = draft.course.wave_of(code)
        if wave is not None and not draft.selection.names(instance):
            may_fail = draft.course.failures_left
            told = f"wave {wave} of {len(draft.course.waves)}"
            changes.append(FieldChange("rollout", told, f"ends with failure {may_fail + 1}"))
    needs = draft.first(server, *after)
    return Action(
        verbs.UPGRADE, kind, code, server, reason, database, database, tuple(changes), needs, may_fail=may_fail
    )


def _broken(database: str, standing: ModulesState, *, follows: bool) -> Doubt:
    behind = f" ({upgrades.in_words(standing.behind)})" if standing.behind else ""
    why = f"{database}: newer code of its host has broken it, nobody can work in it: {standing.broken}{behind}"
    if follows:
        return Doubt(why, f"mend what its upgrade failed of, {_OLDER_CODE}")
    return Doubt(why, f"write `upgrade: follow` and it is upgraded, {_OLDER_CODE}")
