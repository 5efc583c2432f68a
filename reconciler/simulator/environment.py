"""The environment of one call on records: where it works, as whom, in which context, and what it makes stale.

A model exists for a call when the worker's registry has it, which may differ from what the database has. Rights are
those of the groups of base, checked by `require`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from . import orm_schema, shipped
from .errors import access_error, postgres, user_error

if TYPE_CHECKING:
    from random import Random

    from .databases import SimulatedDatabase
    from .host_specs import Code
    from .memory import Remembered

SUPERUSER = 1
_EXTENDED_BY_MODULES = frozenset({"res.users", "res.partner", "res.company"})


class SimulatedWorld(Protocol):
    """What a call may ask of the host that runs it."""

    version: str
    random: Random
    deployed: dict[str, Code]
    running: dict[str, Code]

    def now(self) -> float:
        """Return the wall clock."""

    def send(self, name: str, database: SimulatedDatabase, what: str) -> None:
        """Record something that reaches the world outside: a mail, a scheduled action's run."""

    filestore: dict[str, dict[str, int]]
    """The files of databases by name. Reading one that is missing makes no folder: an empty one would keep files from moving."""

    def files(self, name: str) -> dict[str, int]:
        """Return the filestore of a database to write to, made when it is missing."""

    async def pause(self, seconds: float) -> None:
        """Let time pass, as long as work of that length takes on this host."""

    def reached(self, step: str) -> None:
        """Tell that a durable step was made; raises HostKilled when the host dies there."""


@dataclass(slots=True)
class Env:
    """The environment of one call: where, who, in which context, and what it makes stale."""

    world: SimulatedWorld
    name: str
    database: SimulatedDatabase
    uid: int
    remembered: Remembered
    context: dict[str, Any] = field(default_factory=dict)
    superuser: bool = False
    stale_caches: set[str] = field(default_factory=set)
    models_changed: bool = False

    def clear_cache(self, cache: str) -> None:
        """Make a cache stale in every worker, once the call has succeeded; before 19 all caches are one."""
        self.stale_caches.add(cache if self.is_19 else "stable")

    def since(self, major: int) -> bool:
        """Tell whether the host is of this major version or a later one."""
        return shipped.since(self.world.version, major)

    @property
    def is_19(self) -> bool:
        """Whether the host behaves as 19 was measured to, and not as 14 and what is between."""
        return self.since(19)

    def model(self, name: str) -> orm_schema.Model:
        """Return a model that this worker's registry knows, checking that its tables match."""
        model = orm_schema.models(self.world.version).get(name)
        if model is None or model.module not in self.remembered.modules:
            raise user_error(f"Object {name} doesn't exist")
        extra = self.remembered.modules - self.database.installed()
        if extra and (name in _EXTENDED_BY_MODULES or model.module in extra):
            column = f"{name.replace('.', '_')}.{min(extra)}_field"
            raise postgres("UndefinedColumn", f"column {column} does not exist\nLINE 1: SELECT ...\n")
        return model

    def groups(self) -> frozenset[int]:
        """Return the groups of the user, with what they imply."""
        user = self.database.rows("res.users").get(self.uid, {})
        implied = orm_schema.implied_ids(self.world.version)
        own = user.get(orm_schema.groups_field(self.world.version), [])
        return frozenset(own).union(*(implied.get(group, frozenset()) for group in own))

    def has_group(self, short_name: str) -> bool:
        """Tell whether the user is in a group of base."""
        return (
            self.superuser
            or self.uid == SUPERUSER
            or orm_schema.group_ids(self.world.version)[short_name] in self.groups()
        )


def require(env: Env, model: orm_schema.Model, group: str) -> None:
    """Refuse what needs a group that the user is not in."""
    if env.has_group(group) or (group == "partner_manager" and env.has_group("erp_manager")):
        return
    raise access_error(
        f"You are not allowed to access '{model.name}' ({model.name}) records.\n\n"
        f"This operation is allowed for the following groups:\n\t- {group}\n\n"
        "Contact your administrator to request access if necessary."
    )


def as_ids(ids: Any) -> list[int]:
    """Accept one id or a list of them, as `browse` does."""
    if isinstance(ids, bool) or ids is None:
        return []
    return [ids] if isinstance(ids, int) else list(ids)
