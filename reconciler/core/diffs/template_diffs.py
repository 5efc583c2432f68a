"""The diff's part on templates: on each of a template's servers, create it, put right what differs, or say why not.

It also records, for every (template, server), what clones there must wait for, or why there can be none.
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.core.diffs import fields, upgrade_diffs
from reconciler.core.diffs.drafts import Draft
from reconciler.core.model import names, verbs
from reconciler.core.model.actions import Action, FieldChange, Reason
from reconciler.core.model.changesets import Withheld
from reconciler.core.model.names import DatabaseName, NameState
from reconciler.core.model.observed import DatabaseLook, ObservedHost
from reconciler.core.model.specs import DatabaseSpec, template_spec
from reconciler.core.model.verbs import Verb
from reconciler.core.policies import claims, endings, template_versions
from reconciler.core.policies.claims import Doubt
from schemas.server import Server
from schemas.template import Template

READY = ""
"""What a clone waits for when the template is there already: nothing."""


def diff_templates(draft: Draft) -> None:
    """Plan what templates need, in the order of their codes and servers."""
    for template in draft.desired.templates.values():
        for server in template.server_codes:
            if template.active and server in draft.desired.servers:
                draft.templates[template.code, server] = _diff_template(draft, template, server)


def _diff_template(draft: Draft, template: Template, code: str) -> str | Doubt:
    server = draft.desired.servers[code]
    if doubt := draft.hold(server):
        draft.block("template", template.code, code, doubt)
        return doubt
    host = draft.observed.hosts[code]  # one that was not asked is held
    spec = template_spec(draft.desired, template, server)
    forms = host.forms_of(spec.target)
    lost = [n for n in forms if claims.is_lost(host.looks.get(n.text), spec, None, alone=len(forms) == 1)]
    discarded = [draft.discard("template", template.code, code, name.text) for name in lost]
    left = [name for name in forms if name not in lost]
    if not left:
        replaced = _replaced(draft, spec, host)
        return _bring_back(draft, spec, replaced) if replaced else _create(draft, template, spec, server, discarded)
    if not host.lists(spec.target):
        return _finish(draft, spec, host, left[0], discarded)
    look = host.looks.get(spec.target)
    if look is None:
        return upgrade_diffs.diff_template(draft, spec, READY, is_seen=False)
    remembered = ("template", template.code, code) in draft.inventory.entries
    if doubt := claims.objection(look, spec, None, remembered=remembered) or claims.others_work(look, draft.now):
        draft.block("template", template.code, code, Doubt(f"{spec.target}: {doubt.why}", doubt.advice))
        return doubt
    return _settle(draft, template, spec, look)


def _settle(draft: Draft, template: Template, spec: DatabaseSpec, look: DatabaseLook) -> str | Doubt:
    """Plan what a template needs that is there and ours: a new version in its place, an upgrade, or what differs in place."""
    if draft.replacing is not None and (draft.replacing.kind, draft.replacing.code) == ("template", template.code):
        return _rebuild(draft, template, spec, look, Reason.DECLARED)
    if upgrade_diffs.comes_first(look):
        return upgrade_diffs.diff_template(draft, spec, READY)
    if template_versions.is_other(spec, look.mark) and not template_versions.read(look.rebuilding).altered:
        return _rebuild(draft, template, spec, look, Reason.CHANGED)
    return upgrade_diffs.diff_template(draft, spec, _repair(draft, spec, look))


def _rebuild(draft: Draft, template: Template, spec: DatabaseSpec, look: DatabaseLook, reason: Reason) -> str | Doubt:
    """Plan a new version in the place of the present one, or say why it waits: the present one is cloned until then.

    A new password waits for neither: it may be why the text was edited, and nothing of a new version depends on it.
    """
    differing = (*fields.differences(spec, look, NameState.PUBLISHED), *fields.not_done(spec, look))
    shown = template_versions.shown(spec, look, differing)
    rotated = _rotate(draft, spec, look)
    after = draft.first(spec.server, rotated)
    action = Action(verbs.REBUILD, spec.kind, spec.code, spec.server, reason, spec.target, spec.target, shown, after)
    why = "" if draft.selection.names(template) else template_versions.put_off(spec, look, draft.now)
    if not why and (held := draft.hold_new(draft.desired.servers[spec.server])):
        why = held.why
    if why:
        draft.withheld.append(Withheld(replace(action, after=()), why))
        return rotated
    return draft.plan(action)


def _replaced(draft: Draft, spec: DatabaseSpec, host: ObservedHost) -> DatabaseName | None:
    """Find the newest version that was on its way out of reach when whoever replaced it died, before another one came."""
    found = [
        name
        for _, name in draft.observed.named(NameState.TRASH, spec.target)
        if (look := host.looks.get(name.text)) is not None
        and look.opened
        and claims.doubt(look, spec, None) is None
        and claims.is_replaced(look.mark, name.text)
        and not names.is_expired_trash(name, draft.now, endings.trash_limit(draft.desired))
    ]
    return max(found, default=None)


def _bring_back(draft: Draft, spec: DatabaseSpec, name: DatabaseName) -> str:
    return _plan(draft, spec, verbs.RETURN, Reason.INTERRUPTED, name.text)


def _create(draft: Draft, template: Template, spec: DatabaseSpec, server: Server, discarded: list[str]) -> str | Doubt:
    if doubt := draft.hold_new(server) or draft.lost_again(server.code, spec.target) or draft.not_there(template):
        draft.block(spec.kind, spec.code, server.code, doubt)
        return doubt
    return _plan(draft, spec, verbs.CREATE, Reason.DECLARED, "", *discarded)


def _finish(
    draft: Draft, spec: DatabaseSpec, host: ObservedHost, name: DatabaseName, discarded: list[str]
) -> str | Doubt:
    """Plan the rest of a publication that was cut short."""
    look = host.looks.get(name.text)
    doubt: Doubt | None
    if look is None:
        doubt = Doubt("it was never looked at", "run without --shallow")
    elif name.state not in names.ON_ITS_WAY:
        doubt = Doubt("a template is not suspended", "rename it by hand")
    else:
        doubt = claims.doubt(look, spec, None, remembered=True)
    if doubt is not None:
        draft.block(spec.kind, spec.code, spec.server, Doubt(f"{name.text}: {doubt.why}", doubt.advice))
        return doubt
    return _plan(draft, spec, verbs.RESUME, Reason.INTERRUPTED, name.text, *discarded)


def _repair(draft: Draft, spec: DatabaseSpec, look: DatabaseLook) -> str:
    last, reason = READY, None
    if claims.is_adopted(look, spec):
        reason, adopted_with = Reason.DECLARED, fields.adopted_with(spec, look, NameState.PUBLISHED)
        last = _plan(draft, spec, verbs.ADOPT, reason, spec.target, changes=adopted_with)
        look = claims.as_adopted(look, spec)
    last = _rotate(draft, spec, look) or last
    changes = (*fields.differences(spec, look, NameState.PUBLISHED), *fields.not_done(spec, look))
    if not changes and last and reason is None:
        changes = (fields.digest_after_rotation(spec),)
    if changes:
        why = reason or why_configured(spec, look, changes)
        last = _plan(draft, spec, verbs.CONFIGURE, why, spec.target, last, changes=changes)
    return last


def _rotate(draft: Draft, spec: DatabaseSpec, look: DatabaseLook) -> str:
    if (password := fields.rotation(spec, look)) is None:
        return READY
    return _plan(draft, spec, verbs.ROTATE, Reason.ROTATED, spec.target, changes=(password,))


def why_configured(spec: DatabaseSpec, look: DatabaseLook, changes: tuple[FieldChange, ...]) -> Reason:
    """Tell a change of the text from drift of the database, and both from a change that was cut short.

    What an earlier version did not note is none of these, as long as nothing else differs.
    """
    mark = look.mark
    if mark is None or not mark.digest or mark.moving_from:
        return Reason.INTERRUPTED
    if fields.is_old_mark(changes):
        return Reason.OLD_MARK
    return Reason.DRIFTED if mark.digest == spec.digest() else Reason.CHANGED


def _plan(
    draft: Draft,
    spec: DatabaseSpec,
    verb: Verb,
    reason: Reason,
    database: str,
    *after: str,
    changes: tuple[FieldChange, ...] = (),
) -> str:
    """Plan what leads from a database to the template's, after others and after what its server needs; return its id."""
    first = draft.first(spec.server, *after)
    return draft.plan(Action(verb, spec.kind, spec.code, spec.server, reason, database, spec.target, changes, first))
