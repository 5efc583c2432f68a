"""Whether a server's code fits a database that is brought there from another server. Pure.

Of a module that the code lacks the data would come over, and no upgrade would ever end; of another version the code would not fit
the tables, or scheduled actions stand still. What code a server has, the template there tells.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.diffs.drafts import Draft
from reconciler.core.model.observed import DatabaseLook
from reconciler.core.policies.claims import Doubt
from reconciler.fleet.counting import some
from schemas.instance import Instance

_SHOWN = 5
Versions = Mapping[str, str]
"""Versions by module."""


def versions_of(look: DatabaseLook | None) -> Versions | None:
    """Return what a look tells of the installed modules of a database; None where they were not read."""
    if look is None or look.versions is None:
        return None
    return {name: look.versions.get(name, ("", ""))[0] for name in look.modules}


def doubt(draft: Draft, instance: Instance, server: str, installed: Versions | None) -> Doubt | None:
    """Say which modules a server lacks of those installed in what becomes an instance there, or has otherwise; None if none.

    Args:
        draft: what is observed.
        instance: what it becomes.
        server: where.
        installed: the modules in it; None where they are not known.
    """
    template = draft.desired.templates[draft.desired.template_of(instance)]
    there = draft.look(server, template.template_db)
    where = f"what modules {server} has, its template {template.template_db} tells"
    if made_first(draft, instance, server):
        return Doubt(f"{where}, which is made first", "run it again once that is there; a daemon does so by itself")
    if there is None or there.versions is None or installed is None:
        return Doubt(f"{where}, which was not looked into", "run without --shallow, once the template is there")
    return unlike(server, installed, {name: code for name, (_, code) in there.versions.items()})


def made_first(draft: Draft, instance: Instance, server: str) -> tuple[str, ...]:
    """Return what makes an instance's template on a server in this very pass; nothing where it is there, or is not to be."""
    template = draft.desired.templates[draft.desired.template_of(instance)]
    before = draft.templates.get((template.code, server))
    is_seen = draft.look(server, template.template_db) is not None
    return () if is_seen or not before or isinstance(before, Doubt) else (before,)


def unlike(server: str, installed: Versions, there: Versions) -> Doubt | None:
    """Say which modules the code of a server lacks or has in other versions, and what to do about it; None if it fits."""
    if missing := sorted(installed.keys() - there.keys()):
        advice = "deploy their code there, update its list of modules (Odoo: Apps), or uninstall them first"
        return Doubt(f"{server} does not have the modules {some(missing, _SHOWN)}", advice)
    if other := [
        f"{name} {v or '?'} → {there[name] or '?'}" for name, v in sorted(installed.items()) if there[name] != v
    ]:
        why = f"{server} has other versions of modules: {some(other, _SHOWN)}"
        return Doubt(why, "deploy the same code on both, and upgrade what is behind")
    return None
