"""Rules on single instances that cannot mean what they say. Pure, as `rules` are.

Copies of others: what stands beside `clone_of`, and what it may name. Modules: one that is to be there and gone, one without
which nothing works.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.fleet.declarations import Declarations
from reconciler.fleet.diagnostics import Diagnostic, Severity
from reconciler.fleet.documents import DocumentSource
from schemas.instance import Instance


def check_copies(world: Declarations) -> Iterator[Diagnostic]:
    """Find instances that are neither of a template nor a copy, and copies of what cannot be copied."""
    by_default = world.defaults.given.get("instance", ())
    for instance in world.instances.values():
        if instance.refresh is not None and (why := _why_not_anew(instance)):
            place = world.sources["instance", instance.code].key_of("refresh")
            yield Diagnostic(place, "invalid-refresh", f"it cannot be made anew by a rhythm: {why}", "remove `refresh`")
        if instance.clone_of is not None:
            yield from _check_copy(world, instance, world.sources["instance", instance.code], instance.clone_of)
        elif instance.template is None and "template" not in by_default:
            hint = "for example `template: restaurant`; a copy of another instance has `clone_of` in its place"
            place = world.range_of("instance", instance.code)
            yield Diagnostic(place, "missing-field", "'template' is missing", hint)


def _why_not_anew(instance: Instance) -> str:
    if instance.clone_of is None:
        return "it is no copy of another instance"
    if not instance.neutralize:
        return "it is not neutralized, so that what is in it may be somebody's"
    return "`deletion_protection` keeps what is there" if instance.deletion_protection else ""


_MADE_OTHERWISE = {
    "template": "a copy has the modules of its source",
    "restore_from": "it is made either of what its source is now, or of a backup",
    "adopt": "it is either made, or there already",
    "owner": "a copy has the users of its source",
}
"""What cannot stand beside `clone_of`, and why."""


def _check_copy(world: Declarations, instance: Instance, source: DocumentSource, of: str) -> Iterator[Diagnostic]:
    by_default = world.defaults.given.get("instance", ())
    for field, why in _MADE_OTHERWISE.items():
        if getattr(instance, field) is not None and field not in by_default:
            message = f"an instance has either 'clone_of' or '{field}': {why}"
            yield Diagnostic(source.key_of(field), "clone-and-more", message, "remove one of the two")
    place, original = source.range_of("clone_of"), world.instances.get(of)
    if of == instance.code:
        yield Diagnostic(
            place, "clone-of-itself", f"{of!r} is the instance itself", "name the one that it is a copy of"
        )
    elif original is not None and original.clone_of is not None:
        hint = f"write `clone_of: {original.clone_of}`"
        yield Diagnostic(place, "clone-of-a-copy", f"{of!r} is a copy itself, of {original.clone_of!r}", hint)
    elif original is not None and original.state == "absent" and instance.state != "absent":
        hint = "`state: absent` ends the copy too; to keep it write `template` and `neutralize: true` in the place of `clone_of`"
        yield Diagnostic(place, "clone-of-absent", f"{of!r} is absent, so that there is nothing to copy", hint)
    elif original is not None and len(versions := _versions(world, instance.server, original.server)) > 1:
        message = f"{of!r} is on a server of Odoo {versions[1]}, and {instance.server!r} has {versions[0]}"
        hint = "a copy is made on a server of the same version: name one, or remove `server`"
        yield Diagnostic(source.range_of("server"), "clone-of-another-version", message, hint)
    if not instance.neutralize:
        message = f"the copy is not neutralized: it will mail, and take payments, as {of!r} does"
        hint = "remove `neutralize: false` unless it is to be a second live one"
        yield Diagnostic(source.range_of("neutralize"), "copy-in-earnest", message, hint, Severity.WARNING)


def _versions(world: Declarations, *codes: str | None) -> list[str]:
    """Name the versions of some servers, as far as they are known, each once."""
    return list(dict.fromkeys(world.servers[code].odoo_version for code in codes if code and code in world.servers))


NEVER_ABSENT = frozenset({"base", "rpc", "web"})
"""What every database of Odoo stands on, and by which this tool reaches it; 14 would uninstall `web` without a question."""


def check_modules(world: Declarations) -> Iterator[Diagnostic]:
    """Find modules that are to be uninstalled, and cannot or must not be."""
    for instance in world.instances.values():
        if not instance.modules_absent:
            continue
        declared = _declared(world, instance)
        for index, name in enumerate(instance.modules_absent):
            place = world.range_of("instance", instance.code, "modules_absent", index)
            if name in NEVER_ABSENT:
                yield Diagnostic(place, "module-stays", f"module {name!r} is never uninstalled", "take it out again")
            elif name in declared:
                message = f"module {name!r} is to be uninstalled, and {declared[name]} asks for it in `modules`"
                yield Diagnostic(place, "module-both-ways", message, "take it out of one of the two")


def _declared(world: Declarations, instance: Instance) -> dict[str, str]:
    """Return the modules that an instance is to have, each with the document that says so."""
    template = world.templates.get(instance.template or "") if instance.clone_of is None else None
    plan = world.plans.get(instance.plan)
    said = [
        ("the instance", instance.modules),
        *((each.address, each.modules) for each in (plan, template) if each is not None),
    ]
    return {name: who for who, modules in reversed(said) for name in modules}
