"""Who follows newer code of a host's modules, and where each database stands with that. Pure.

What stands in the databases is all that counts. What is remembered of it saves looks, and is as good as none at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from reconciler.core.model.actions import FieldChange
from reconciler.core.model.inventory import Inventory
from reconciler.core.model.module_versions import Behind, UpgradeNote
from reconciler.core.model.names import IN_SERVICE
from reconciler.core.model.observed import DatabaseLook, Observed
from reconciler.fleet.counting import some
from reconciler.fleet.desired import Desired
from schemas.instance import Instance
from schemas.template import Template
from schemas.upgrades import Upgrade

MODULE = "modules."
"""What an action shows of a module begins with this."""

MOST_TRIES = 3
"""So often an upgrade that was cut short is begun by itself: what is cut each time lacks time, or its host dies of it."""

REMEMBERED = "modules of "
"""Where, among the states in force, stands how a database's modules stood; no server can be called so."""

Key = tuple[str, str, str]
"""A database by the kind and code of its document, and its server."""


@dataclass(frozen=True, slots=True)
class ModulesState:
    """How the modules of a database stood when it was last looked at.

    `begun` says that an upgrade of ours has not come to its end, `failed` why one did not succeed that led to the code of now,
    `upgraded` when one did, `seen` when all this was remembered.
    """

    behind: tuple[Behind, ...] = ()
    broken: str = ""
    begun: bool = False
    failed: str = ""
    upgraded: datetime | None = None
    seen: datetime | None = field(default=None, compare=False)

    @property
    def is_current(self) -> bool:
        """Tell whether nothing is to be done."""
        return not (self.behind or self.broken or self.begun or self.failed)


CURRENT = ModulesState()


def policy(desired: Desired, document: Instance | Template) -> Upgrade:
    """Say whether a document's database follows: as itself says, else its plan, else the fleet."""
    if document.upgrade is not None:
        return document.upgrade
    plans = None if isinstance(document, Template) else desired.plans[document.plan].upgrade
    return plans or desired.settings.upgrade


def anybody_follows(desired: Desired) -> bool:
    """Tell whether any database of the fleet follows newer code by itself."""
    said = [desired.settings.upgrade, *(plan.upgrade for plan in desired.plans.values())]
    documents: list[Instance | Template] = [*desired.templates.values(), *desired.instances.values()]
    return "follow" in said or any(document.upgrade == "follow" for document in documents)


def standing(look: DatabaseLook) -> ModulesState:
    """Say how the modules of a database stand by a look into it."""
    note = look.upgrading
    failed = _why_failed(look, note) if note else ""
    return ModulesState(
        look.behind,
        look.broken,
        begun=note is not None and not failed and not note.why,
        failed=failed,
        upgraded=look.upgraded.at if look.upgraded else None,
    )


def _why_failed(look: DatabaseLook, note: UpgradeNote) -> str:
    """Say why an upgrade to the code of now has failed; nothing where none has, or the code is another by now."""
    is_back = note.undone and not (look.behind or look.broken)  # the host runs the former code again
    if is_back or any(note.to.get(each.module) != each.code for each in look.behind):
        return ""
    if note.why or not look.behind or note.tries < MOST_TRIES:
        return note.why
    return f"it was cut short {note.tries} times: its host dies of it, or ends it (limit_time_real)"


def shown(behind: Iterable[Behind]) -> tuple[FieldChange, ...]:
    """Return what an action shows of the modules that it upgrades."""
    return tuple(FieldChange(f"{MODULE}{each.module}", each.has, each.code) for each in behind)


def broken_in_words(standing: ModulesState) -> str:
    """Say before why a database waits that nobody can work in it; nothing where people can."""
    return f"nobody can work in it ({standing.broken}); " if standing.broken else ""


def in_words(behind: Iterable[Behind], most: int = 3) -> str:
    """Write which modules are behind: `sale 19.0.1.2 → 19.0.1.3`, the first few of many."""
    return some(behind, most)


def standings(desired: Desired, observed: Observed, inventory: Inventory) -> Mapping[Key, ModulesState]:
    """Return where all databases stand of which anything is known: as the looks of now say, else as is remembered."""
    found = remembered(inventory)
    for code, host in observed.hosts.items():
        states = {name.text: name.state for name in host.databases} if host.looks else {}
        for look in host.looks.values():
            mark = look.mark
            if mark is None or not look.is_whole_copy_of_itself or mark.fleet != desired.settings.code:
                continue
            if states.get(look.database) in IN_SERVICE:
                found[mark.kind, mark.code, code] = standing(look)
    return found


def remembered(inventory: Inventory) -> dict[Key, ModulesState]:
    """Return how modules stood by what is remembered."""
    found = {}
    for key, text in inventory.server_states.items():
        if key.startswith(REMEMBERED) and text:
            kind, code, server = key.removeprefix(REMEMBERED).split("/")
            found[kind, code, server] = _read(text)
    return found


def row_of(key: Key) -> str:
    """Name the row in which it is remembered how a database's modules stood."""
    return REMEMBERED + "/".join(key)


def text_of(standing: ModulesState, now: datetime) -> str:
    """Write down how modules stand now; empty where there is nothing to remember."""
    if standing == CURRENT:
        return ""
    return json.dumps(
        {
            "behind": [[each.module, each.has, each.code] for each in standing.behind],
            "broken": standing.broken,
            "begun": standing.begun,
            "failed": standing.failed,
            "upgraded": standing.upgraded.isoformat() if standing.upgraded else None,
            "seen": now.isoformat(),
        }
    )


def _read(text: str) -> ModulesState:
    try:
        plain = json.loads(text)
        upgraded = datetime.fromisoformat(plain["upgraded"]).astimezone(UTC) if plain["upgraded"] else None
        behind = tuple(Behind(*map(str, each)) for each in plain["behind"])
        seen = datetime.fromisoformat(plain["seen"]).astimezone(UTC)
        return ModulesState(behind, str(plain["broken"]), bool(plain["begun"]), str(plain["failed"]), upgraded, seen)
    except (ValueError, LookupError, TypeError):
        return CURRENT
