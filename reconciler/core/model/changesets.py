"""The changeset: what a pass will do, what it will not and why, as plain, ordered, printable data.

What it shows is what runs. Its digest is the same on every machine for the same actions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from reconciler.core.model.actions import Action
from reconciler.core.model.addressed import Addressed
from reconciler.core.model.names import NameState, parse
from reconciler.core.model.verbs import VERBS


@dataclass(frozen=True, slots=True, order=True)
class Blocked(Addressed):
    """Something declared that this pass will not do, with why and what to do about it.

    `paused` names the pause that concerns it, if one does: it is then no failure.
    """

    kind: str
    code: str
    server: str
    why: str
    advice: str = ""
    paused: str = ""


ANY = "KIND/CODE"
"""What stands for the document in a cause that many have in common."""


def by_cause(blocked: Iterable[Blocked]) -> Mapping[tuple[str, str], Sequence[Blocked]]:
    """Put together what is blocked for the same reason, by that reason and what to do about it.

    What differs only in the document and its database is the same: a key that is lost is one cause, not one for each customer.
    """
    alike: dict[tuple[str, str], list[Blocked]] = {}
    for each in blocked:
        alike.setdefault(_in_common(each), []).append(each)
    causes: dict[tuple[str, str], list[Blocked]] = {}
    for cause, group in alike.items():
        own = {(each.why, each.advice) for each in group}
        causes[next(iter(own)) if len(own) == 1 else cause] = group
    return causes


def _in_common(blocked: Blocked) -> tuple[str, str]:
    start, _, rest = blocked.why.partition(": ")
    is_database = parse(start).state is not NameState.UNKNOWN and start not in VERBS
    advice = blocked.advice.replace(blocked.address, ANY).replace(f"`{blocked.code}`", f"`{ANY.partition('/')[2]}`")
    return (rest if rest and is_database else blocked.why), advice


class Left(StrEnum):
    """Why a database is seen and not touched."""

    ORPHAN = "orphan"  # once this fleet's, and no document declares it any more
    BUILD = "build"  # under way, abandoned, or kept
    KEPT = "kept"  # trash, or what stayed behind of a move
    ENDING = "ending"  # expires, or is dropped, within a few days
    LIMIT = "limit"  # uses nearly as much as its plan includes, or more
    STRANGER = "stranger"  # it only bears the former name of an instance


@dataclass(frozen=True, slots=True, order=True)
class LeftAlone:
    """A database that is seen and not touched, and `what` it is in words.

    `remark` is what of that is to be said of trash beside that it is trash, and when it is dropped.
    """

    server: str
    database: str
    what: str
    kind: Left
    remark: str = ""


def by_what(left_alone: Iterable[LeftAlone]) -> Mapping[str, Sequence[LeftAlone]]:
    """Put together databases of which the same is to be said, by what that is."""
    alike: dict[str, list[LeftAlone]] = {}
    for each in left_alone:
        alike.setdefault(each.what, []).append(each)
    return alike


@dataclass(frozen=True, slots=True)
class Withheld:
    """An action that would run but for a pause, a freeze or a window, with which one; it is neither done nor a failure."""

    action: Action
    why: str


def by_reason(withheld: Iterable[Withheld]) -> Mapping[str, Sequence[Action]]:
    """Put actions together that are withheld for the same reason, by that."""
    reasons: dict[str, list[Action]] = {}
    for each in withheld:
        reasons.setdefault(each.why, []).append(each.action)
    return reasons


@dataclass(frozen=True, slots=True, order=True)
class Frozen:
    """A host on which nothing is changed until someone has looked: why, and what to do."""

    server: str
    why: str
    advice: str


def frozen_by_cause(frozen: Iterable[Frozen]) -> Mapping[tuple[str, str], Sequence[str]]:
    """Put servers together that are frozen for the same reason, by that and what to do about it: two that are one host."""
    causes: dict[tuple[str, str], list[str]] = {}
    for each in frozen:
        causes.setdefault((each.why, each.advice), []).append(each.server)
    return causes


@dataclass(frozen=True, slots=True, order=True)
class Removed(Addressed):
    """A database whose document stood in an earlier revision of the text and no longer does, and what becomes of it.

    `database` is empty where the host does not hold it or was not asked, and for a server. `name` is what the earlier text
    calls the customer, template or server; `advice` may be empty.
    """

    kind: str
    code: str
    server: str
    database: str
    fate: str
    name: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class MetHook:
    """A hook that actions meet, by their ids: `when` it runs, and the program or the address that it `runs`."""

    when: str
    runs: str
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a threshold stops, by its name and in words: actions by themselves, without what they wait for."""

    threshold: str
    why: str
    actions: tuple[Action, ...]

    @property
    def digest(self) -> str:
        """Fingerprint it, as `Changeset.digest` does: who approves it names what was shown."""
        return Changeset(self.actions).digest()


Approval = tuple[str, Action]
"""An action that somebody approved, beside the name of the threshold that stopped it."""


def by_itself(action: Action) -> Action:
    """Return an action without what it waits for, which changes as other actions are done."""
    return replace(action, after=())


@dataclass(frozen=True, slots=True)
class Changeset:
    """Actions in an order that respects their dependencies, what is blocked, what is left alone, withheld, removed, and frozen.

    What is `stopped` by a threshold stands among what is blocked as well, in words.

    `removed` is known only where an earlier revision is compared with (`--base`).
    """

    actions: tuple[Action, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    left_alone: tuple[LeftAlone, ...] = ()
    foreign: int = 0
    withheld: tuple[Withheld, ...] = ()
    removed: tuple[Removed, ...] = ()
    frozen: tuple[Frozen, ...] = ()
    hooks: tuple[MetHook, ...] = ()
    stopped: tuple[Stopped, ...] = ()

    @property
    def unsaid_frozen(self) -> tuple[Frozen, ...]:
        """Return the frozen hosts of which no blocked document says why: the next edit would be blocked there."""
        return tuple(f for f in self.frozen if not any(f.server == b.server and f.why in b.why for b in self.blocked))

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is to be done (things may still be blocked)."""
        return not self.actions

    @property
    def is_converged(self) -> bool:
        """Tell whether reality matches the text: nothing to do, nothing withheld, nothing that should be done but cannot."""
        return not self.actions and not self.blocked and not self.withheld

    def digest(self) -> str:
        """Fingerprint the actions."""
        plain = [a.plain() for a in self.actions]
        return hashlib.sha256(json.dumps(plain, sort_keys=True, default=str).encode()).hexdigest()
