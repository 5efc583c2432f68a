"""Versions of templates: what one is made of, why a new one waits, and which instances came from an earlier one. Pure."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from reconciler.core.model import names
from reconciler.core.model.actions import FieldChange
from reconciler.core.model.inventory import Inventory
from reconciler.core.model.observed import DatabaseLook, Mark, Observed
from reconciler.core.model.specs import DatabaseSpec
from reconciler.core.policies.backup_times import LONGEST_PATIENCE
from reconciler.core.policies.endings import CLOCKS_MAY_DIFFER
from reconciler.core.policies.upgrades import MODULE, Key
from reconciler.fleet.desired import Desired

_LENGTH = 8
_REMEMBERED = "version of "
FIELD = "version"
"""What an action shows of the versions before and after."""

CLOCK_AHEAD = "by a clock that was ahead"
"""What stands in the place of a table where a template says that it was built later than now: who wrote since, nothing tells."""

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


def is_other(spec: DatabaseSpec, mark: Mark | None) -> bool:
    """Tell by its mark whether a template is one that this fleet built of another text, so that a new version may take its place.

    What was adopted, or built by a fleet that noted no version, is not: nothing tells what in it is anybody's own.
    """
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


def known(fleet: str, observed: Observed, inventory: Inventory) -> Mapping[Key, str]:
    """Return the versions of templates, and those that instances came from: as the looks of now say, else as is remembered.

    Args:
        fleet: the code of the fleet.
        observed: what hosts answered; what they hold in service counts.
        inventory: what is remembered.
    """
    found: dict[Key, str] = {}
    for row, text in inventory.server_states.items():
        if row.startswith(_REMEMBERED):
            kind, code, server = row.removeprefix(_REMEMBERED).split("/")
            found[kind, code, server] = text
    for server, host in observed.hosts.items():
        for look in host.looks.values():
            mark = look.mark
            if mark is None or mark.fleet != fleet or not look.is_whole_copy_of_itself:
                continue
            if names.parse(look.database).state in names.IN_SERVICE:
                found[mark.kind, mark.code, server] = mark.made_of
    return found


def row_of(key: Key) -> str:
    """Name the row, among the states in force, in which a version is remembered; no server can be called so."""
    return _REMEMBERED + "/".join(key)


def behind(desired: Desired, versions: Mapping[Key, str]) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """Name by template and server the instances there that came from another version than that of the database there."""
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for (kind, code, server), came_from in sorted(versions.items()):
        instance = desired.instances.get(code) if kind == "instance" else None
        if instance is None or instance.state == "absent" or instance.template is None:
            continue
        now = versions.get(("template", instance.template, server))
        if now and came_from not in ("", now) and instance.server in (None, server):
            found[instance.template, server].append(code)
    return {place: tuple(codes) for place, codes in found.items()}


_GONE = "no longer declared (in the new one only if another module brings it)"


def _is_gone(spec: DatabaseSpec, change: FieldChange) -> bool:
    return change.field.startswith(MODULE) and change.field.removeprefix(MODULE) not in spec.modules
