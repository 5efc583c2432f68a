"""Which modules a text asks to be uninstalled, what goes along with them, and what stands in the way. Pure.

Uninstalling loses what is stored in a module. So nothing goes but what `modules_absent` names and what depends on that, all of
it is shown before, and what the text asks for in the same breath stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.core.model.actions import FieldChange, Reason
from reconciler.core.model.module_operations import TO_REMOVE
from reconciler.core.model.observed import DatabaseLook
from reconciler.core.model.specs import DatabaseSpec
from reconciler.core.policies import backups
from reconciler.core.policies.claims import Doubt
from reconciler.core.policies.upgrades import MODULE
from reconciler.fleet.desired import Desired

GONE = "uninstalled"


def is_wanted(spec: DatabaseSpec, look: DatabaseLook) -> bool:
    """Tell whether there is anything to uninstall, or an uninstall of ours to be ended."""
    return look.removing is not None or any(name in look.modules for name in spec.modules_absent)


def goes(spec: DatabaseSpec, modules: Mapping[str, str], dependants: Mapping[str, str]) -> dict[str, str]:
    """Return what is uninstalled, each with the module by which it goes along; empty for what the text names itself.

    Args:
        spec: what is declared.
        modules: the states of all modules that are not plainly uninstalled.
        dependants: what depends on the modules that are to go.
    """
    named = dict.fromkeys((name for name in spec.modules_absent if name in modules), "")
    return named | {name: by for name, by in sorted(dependants.items()) if name in modules and name not in named}


def changes(going: Mapping[str, str], modules: Mapping[str, str]) -> tuple[FieldChange, ...]:
    """Return what an action shows of the modules that go."""
    return tuple(
        FieldChange(f"{MODULE}{name}", modules[name], GONE + (f" with {by}, which it depends on" if by else ""))
        for name, by in sorted(going.items())
    )


def names_shown(shown: Iterable[FieldChange]) -> frozenset[str]:
    """Name the modules that an action shows as going."""
    return frozenset(c.field.removeprefix(MODULE) for c in shown if c.desired.startswith(GONE))


def contradiction(spec: DatabaseSpec, dependants: Mapping[str, str]) -> Doubt | None:
    """Say that something that is declared depends on what is to go; None if nothing does."""
    for name in spec.modules:
        if name in dependants:
            by = dependants[name]
            through = "" if by in spec.modules_absent else f" (by {by})"
            why = f"`modules_absent` cannot be done: {name}{through} depends on it, which is declared"
            advice = f"take {name} out of `modules` (of the template, the plan or the instance), or the other out of"
            return Doubt(f"{why}, and would be uninstalled too", f"{advice} `modules_absent`")
    return None


def shown(desired: Desired, spec: DatabaseSpec, look: DatabaseLook) -> tuple[FieldChange, ...] | Doubt:
    """Return what an uninstall would show, nothing where none is wanted; or why there can be none.

    Args:
        desired: the fleet's text.
        spec: what the database is to be.
        look: a deep look at it.
    """
    if not is_wanted(spec, look):
        return ()
    dependants, instance = look.dependants or {}, desired.instances[spec.code]
    if (doubt := contradiction(spec, dependants) or backups.no_target(desired, instance)) is not None:
        return doubt
    going = goes(spec, look.modules, dependants)
    if not going:
        return (FieldChange("modules", "an uninstall that did not end", "none under way"),)
    backup = backups.before_ending(desired, instance, look)
    return (*changes(going, look.modules), *([backup] if backup else ()))


def why(spec: DatabaseSpec, look: DatabaseLook) -> Reason:
    """Say why modules are uninstalled: somebody installed them since the text was applied, or the text is new."""
    if look.removing is not None:
        return Reason.INTERRUPTED
    return Reason.DRIFTED if look.mark is not None and look.mark.digest == spec.digest() else Reason.CHANGED


def left(look: DatabaseLook, differing: tuple[FieldChange, ...]) -> tuple[FieldChange, ...]:
    """Return what of the fields that differ is left once an uninstall of ours that was cut short is ended."""
    if look.removing is None:
        return differing
    return tuple(c for c in differing if not (c.field.startswith(MODULE) and c.observed == TO_REMOVE))
