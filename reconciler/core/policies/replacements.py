"""What is asked for, by command or by a rhythm: that another database takes the place of the one that an instance has. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.core.model.actions import FieldChange, Reason

FIELD = "contents"
"""What an action shows of where the contents come from that replace those of now."""

NOW = "as of now"
LOST = "lost: its initialisation never ended"
"""What is replaced where nobody can log in to it, since what every Odoo database has is not in it."""


@dataclass(frozen=True, slots=True)
class Replacing:
    """Whose database is replaced, by what, and whether the one that is there is backed up first where the text asks for that.

    `trash` names what comes back from there; without it, it is what the document's `restore_from` or `clone_of` says. A template
    is built anew.
    """

    code: str
    trash: str = ""
    backup_first: bool = True
    reason: Reason = Reason.DECLARED
    kind: str = "instance"


def by_backup(which: str, code: str, present: str = NOW) -> FieldChange:
    """Show that a backup takes the place of the contents that are there."""
    return FieldChange(FIELD, present, f"backup {which} of instance/{code}")


def by_copy(code: str, present: str = NOW) -> FieldChange:
    """Show that a copy of what another instance has by then takes the place of the contents that are there."""
    return FieldChange(FIELD, present, f"instance/{code} as it is then")


def by_trash(name: str, present: str = NOW) -> FieldChange:
    """Show that what lies in the trash takes the place of the contents that are there."""
    return FieldChange(FIELD, present, name)


def trash_in(changes: Iterable[FieldChange]) -> str:
    """Return the trash name that an action shows as where the contents come from; empty where they do not."""
    source = _of(changes).desired
    return "" if " " in source else source


def is_lost(changes: Iterable[FieldChange]) -> bool:
    """Tell whether an action shows that what it replaces cannot be opened any more."""
    return _of(changes).observed == LOST


def _of(changes: Iterable[FieldChange]) -> FieldChange:
    (found,) = (change for change in changes if change.field == FIELD)
    return found
