"""What a fleet's text says of modules and cannot mean: one that is to be there and gone, one without which nothing works."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.fleet.declarations import Declarations
from reconciler.fleet.diagnostics import Diagnostic
from schemas.instance import Instance

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
