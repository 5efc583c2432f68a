"""Whose module operation is under way in a database: this fleet's own, which may be finished, or somebody else's.

Modules in `to …` say that an install, an upgrade or an uninstall runs, or was cut short. To reset the states of one that runs
kills it half-way, and leaves code and database that no longer fit. So what this fleet did not begin is left alone for as long
as Odoo itself waits before it gives one up. Asked by the diff, and again at the moment of acting.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from reconciler.fleet.counting import some

STALE_AFTER = timedelta(hours=5)
"""Odoo's own patience (MAX_FAIL_TIME, ir_cron.py of 14 to 19): no change of a module for so long means that nobody is at work."""

INSTALLED = "installed"
TO_INSTALL, TO_UPGRADE, TO_REMOVE = "to install", "to upgrade", "to remove"
_SHOWN = 5
ADVICE = "let it end; where nobody is at work any more, reset the states of the modules there, or wait"


def pending(modules: Mapping[str, str]) -> tuple[str, ...]:
    """Name the modules of an operation that runs or was left half-way (`to install`, `to upgrade`, `to remove`)."""
    return tuple(sorted(name for name, state in modules.items() if state.startswith("to ")))


def is_own(modules: Mapping[str, str], noted: Iterable[str]) -> bool:
    """Tell whether the pending modules come from an install that this fleet noted before it pressed for it.

    An install schedules all that it wants at once, so that each noted module is scheduled or through; and it never upgrades
    or removes. A note whose install never began matches neither, and what somebody else began since is not taken for it.
    """
    wanted = tuple(noted)
    begun = all(modules.get(name) in (TO_INSTALL, INSTALLED) for name in wanted)
    return bool(wanted) and begun and all(modules[name] == TO_INSTALL for name in pending(modules))


def is_own_upgrade(modules: Mapping[str, str], upgraded: Collection[str]) -> bool:
    """Tell whether all that is pending is upgraded by what this fleet noted before it began."""
    left = pending(modules)
    return bool(left) and all(modules[name] == TO_UPGRADE and name in upgraded for name in left)


def is_own_removal(modules: Mapping[str, str], removed: Collection[str]) -> bool:
    """Tell whether all that is pending is uninstalled by what this fleet noted before it began."""
    left = pending(modules)
    return bool(left) and all(modules[name] == TO_REMOVE and name in removed for name in left)


def of_others(
    modules: Mapping[str, str],
    noted: Iterable[str],
    changed: datetime | None,
    now: datetime,
    upgraded: Collection[str] = (),
    removed: Collection[str] = (),
) -> str:
    """Say that somebody else is at work, or give an empty text.

    Args:
        modules: the states of all modules that are not plainly uninstalled.
        noted: the modules of the install that this fleet noted in the database.
        changed: when the state of a module last changed; None where nobody knows, which counts as just now.
        now: the time of day.
        upgraded: the modules of the upgrade that this fleet noted there.
        removed: those of the uninstall that it noted there.
    """
    names = pending(modules)
    if not names or is_own(modules, noted) or is_own_upgrade(modules, upgraded) or is_own_removal(modules, removed):
        return ""
    if changed is not None and now - changed > STALE_AFTER:
        return ""
    states = " or ".join(sorted({f"'{modules[name]}'" for name in names}))
    since = f" since {changed:%Y-%m-%d %H:%M} UTC" if changed else ""
    shown = some(names, _SHOWN)
    return f"somebody is at work in it: modules {shown} are {states}{since}; it is looked at again later"
