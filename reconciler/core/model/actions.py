"""Actions: what is done to one server or database, why, and after what. Plain data without secrets or live objects."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from reconciler.core.model.addressed import Addressed
from reconciler.core.model.specs import DatabaseSpec
from reconciler.core.model.verbs import Verb


class Reason(StrEnum):
    """Why an action is planned."""

    DECLARED = "declared"  # the text asks for something that is not there yet
    CHANGED = "changed"  # the text changed since it was last applied
    DRIFTED = "drifted"  # the database changed since the text was last applied
    RENAMED = "renamed"
    ROTATED = "rotated"  # a new code, generation or key
    GIVEN_UP = "given-up"  # what it had is on a server that the text gives up: it begins anew, and empty
    ADOPTED = "adopted"  # what an earlier document left behind is taken over, since the text says so
    NEWER_CODE = "newer-code"  # its host's code of modules is newer than the database
    OLD_MARK = "old-mark"  # the mark of an earlier version lacks what this one notes; nothing else differs
    INTERRUPTED = "interrupted"  # an earlier action was cut short
    SCHEDULED = "scheduled"  # the rhythm that the text names has come round
    EXPIRED = "expired"  # the day that the text names has come
    OVER_LIMIT = "over-limit"  # it uses more than its plan includes, and the grace is over
    TIME_IS_UP = "time-is-up"  # what was opened for a while is over
    REMOVED = "removed"  # its document is gone, and the fleet's text says `prune: true`
    ABANDONED_BUILD = "abandoned-build"
    KEPT_LONG_ENOUGH = "kept-long-enough"  # trash past its retention


@dataclass(frozen=True, slots=True, order=True)
class FieldChange:
    """One field that differs. Secrets are named by field and generation, never shown."""

    field: str
    observed: str
    desired: str


@dataclass(frozen=True, slots=True)
class Action(Addressed):
    """One step of a changeset.

    `database` is the name borne when the action begins and `becomes` the name afterwards (equal unless it renames; for
    what is built, `database` is the source: the template's name, or empty for a create). Where it comes from another server,
    `origin` is that one, and `database` its name there. Where failures of its run stop it before it begins, `may_fail` says
    how many of them do not. `planned` is what the database is to be, by the text that the action was planned from; it tells
    no two actions apart, and no output has it.
    """

    verb: Verb
    kind: str
    code: str
    server: str
    reason: Reason
    database: str = ""
    becomes: str = ""
    changes: tuple[FieldChange, ...] = ()
    after: tuple[str, ...] = ()
    origin: str = ""
    may_fail: int | None = None
    planned: DatabaseSpec | None = field(default=None, compare=False, repr=False)

    @property
    def spec(self) -> DatabaseSpec:
        """Return what its database is to be; of a removed document, what its database was.

        Raises:
            LookupError: it concerns no database, or one of a removed document in a fleet without key or templates.
        """
        if self.planned is None:
            raise LookupError(self.id)
        return self.planned

    def plain(self) -> dict[str, Any]:
        """Return what it shows, field by field: all but the spec, which names accounts."""
        return {name: value for name, value in asdict(replace(self, planned=None)).items() if name != "planned"}

    @property
    def servers(self) -> tuple[str, ...]:
        """Name the servers on which something is done: where it ends first."""
        return (self.server, self.origin) if self.origin else (self.server,)

    @property
    def id(self) -> str:
        """Name the action: unique in a changeset and the same in every run, e.g. `clone instance/acme on prod-1`."""
        place = f" on {self.server}" if self.verb.is_housekeeping or self.kind != "server" else ""
        return f"{self.verb} {self.subject}{place}"

    @property
    def subject(self) -> str:
        """Name what it is done to: a document by its address, or what none declares by its name."""
        return self.database if self.verb.is_housekeeping else self.address


def without(actions: Iterable[Action], gone: Container[str]) -> list[Action]:
    """Return the actions but those whose ids are gone; what waited for one of these waits for what that waited for."""
    by_id = {action.id: action for action in actions}

    def left(action: Action) -> Iterator[str]:
        for need in action.after:
            yield from left(by_id[need]) if need in gone else (need,)

    return [replace(a, after=tuple(dict.fromkeys(left(a)))) for a in by_id.values() if a.id not in gone]
