"""Versions of templates: what one is made of, why a new one waits, and which instances came from an earlier one. Pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from reconciler.core.actions import FieldChange
from reconciler.core.backup_times import LONGEST_PATIENCE
from reconciler.core.endings import CLOCKS_MAY_DIFFER
from reconciler.core.observed import DatabaseLook
from reconciler.core.specs import DatabaseSpec

_LENGTH = 8
FIELD = "version"
"""What an action shows of the versions before and after."""

TRIED_AGAIN_AFTER = LONGEST_PATIENCE
"""After so long a version that could not be built is built again, unless the text is another by then."""


def version(spec: DatabaseSpec) -> str:
    """Name what a template is made of: the same text makes the same version on each of its servers.

    Accounts and names are not part of it: they are changed in place.
    """
    made_of = {
        "modules": sorted(spec.modules),
        "languages": sorted(spec.languages),
        "settings": dict(sorted(spec.settings.items())),
        "parameters": dict(sorted(spec.parameters.items())),
        "demo": spec.demo,
    }
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:_LENGTH]


@dataclass(frozen=True, slots=True)
class Rebuilding:
    """Why no new version of a template took its place.

    Args:
        altered: what somebody has changed in it since it was built, for people; it is not replaced by itself from then on.
        failed: the version that could not be built.
        at: when that was tried.
        why: why it could not.
    """

    altered: str = ""
    failed: str = ""
    at: datetime | None = None
    why: str = ""

    def __str__(self) -> str:
        """Write it as `read` reads it."""
        at = self.at.isoformat(timespec="seconds") if self.at else ""
        return json.dumps({"altered": self.altered, "failed": self.failed, "at": at, "why": self.why})


def read(text: str) -> Rebuilding:
    """Read what is noted in a template; what cannot be read says nothing."""
    try:
        plain = json.loads(text)
        at = datetime.fromisoformat(plain["at"]).astimezone(UTC) if plain["at"] else None
        return Rebuilding(str(plain["altered"]), str(plain["failed"]), at, str(plain["why"]))
    except (ValueError, LookupError, TypeError):
        return Rebuilding()


def is_other(spec: DatabaseSpec, look: DatabaseLook) -> bool:
    """Tell whether a template is one that this fleet built of another text, so that a new version may take its place.

    What was adopted, or built by a fleet that noted no version, is not: nothing tells what in it is anybody's own.
    """
    mark = look.mark
    return mark is not None and mark.made_of not in ("", version(spec)) and not mark.in_service


def put_off(spec: DatabaseSpec, look: DatabaseLook, now: datetime) -> str:
    """Say why the version of now is not built for the time being, or nothing."""
    note = read(look.rebuilding)
    if note.failed != version(spec) or note.at is None:
        return ""
    until = note.at + TRIED_AGAIN_AFTER
    if not note.at - CLOCKS_MAY_DIFFER < now < until:
        return ""
    return (
        f"it could not be built at {note.at:%Y-%m-%d %H:%M} UTC: {note.why}; it is tried again at {until:%Y-%m-%d %H:%M} UTC,"
        f" when its text changes, or at once by `odoo-fleet apply --target {spec.address}`"
    )


def shown(spec: DatabaseSpec, look: DatabaseLook, differing: tuple[FieldChange, ...]) -> tuple[FieldChange, ...]:
    """Return what an action shows of a new version: its name, and what of it a look tells.

    Args:
        spec: what is declared.
        look: a look that succeeded.
        differing: the fields in which the template differs from that, and those that would not change in place.
    """
    before = look.mark.made_of if look.mark else ""
    kept = [c for c in differing if not c.field.startswith("mark.") and c.field not in ("files", "schedule")]
    told = [replace(c, desired=_GONE) if _is_gone(spec, c) else c for c in kept]
    return (FieldChange(FIELD, before or "not noted", version(spec)), *told)


_MODULE = "modules."
_GONE = "no longer declared (in the new one only if another module brings it)"


def _is_gone(spec: DatabaseSpec, change: FieldChange) -> bool:
    return change.field.startswith(_MODULE) and change.field.removeprefix(_MODULE) not in spec.modules
