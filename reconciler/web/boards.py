"""What the API and the page know of a fleet, and what can be asked of its daemon: the port that `reconciler.daemon` implements.

What is drawn is kept in memory and redrawn after a decision, so that it is there while a host hangs or the store is locked. What
the store alone knows (history, passes) is asked for with a limit of time.
"""

from __future__ import annotations

from collections.abc import Collection, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from reconciler.access.tokens import Actor, Token
from reconciler.core.model.actions import Action
from reconciler.core.model.changesets import Changeset
from reconciler.core.model.pauses import Pause
from reconciler.core.policies.asked_backups import AskedBackup
from reconciler.core.policies.backup_times import BackupRecord
from reconciler.fleet.desired import Desired
from reconciler.health.standing import Standing
from reconciler.health.verdicts import HealthRecord
from reconciler.notices.records import PassRecord
from reconciler.reports.happenings import Asked, Newest
from reconciler.reports.status import Status
from reconciler.web.orders import Order, Ordered
from schemas.secrets import Secret


class NotYet(Exception):
    """Nothing is known yet; the message says what is waited for."""


class StoreSilent(Exception):
    """The store does not answer in time, or fails; the message says why and, of a change, whether it may have been made."""


@dataclass(frozen=True)
class Picture:
    """A fleet as of one decision: what is declared, what was observed, what is pending.

    `decided` is false before the first decision: then nothing is known of the hosts but that they were not heard yet.
    """

    desired: Desired
    status: Status
    changeset: Changeset
    decided: bool = True


@dataclass(frozen=True, slots=True)
class Deed:
    """An action that runs, and at which step it is."""

    action: Action
    step: str


@dataclass(frozen=True, slots=True)
class Run:
    """What runs on a server: of how many actions so many have ended, some of them badly."""

    server: str
    total: int = 0
    ended: int = 0
    failed: int = 0
    deeds: tuple[Deed, ...] = ()


@dataclass(frozen=True)
class KeptRow:
    """One kind of work on one database: what is known of it, and who asked for it and when, if it has not ended."""

    record: BackupRecord
    asked: AskedBackup | None


@dataclass(frozen=True)
class SupportVisit:
    """A way into an instance's database that somebody asked for: how it stands, until when it is good, why it failed."""

    id: str
    code: str
    state: str
    until: datetime
    login: str = ""
    link: Secret | None = None
    why: str = ""


class Board(Protocol):
    """A daemon, as it is asked and steered."""

    def now(self) -> datetime:
        """The time of day."""
        ...

    def standing(self) -> Standing:
        """How the daemon stands."""
        ...

    def ready(self) -> str:
        """Nothing, or why the daemon does not do its work."""
        ...

    def tokens(self) -> tuple[Token, ...]:
        """The tokens, as they were two seconds ago at most; raises `NotYet`."""
        ...

    def pauses(self) -> Mapping[tuple[str, str], Pause]:
        """What is paused by command or by text, as of two seconds ago at most."""
        ...

    async def picture(self) -> Picture:
        """The fleet as of the last decision; raises `NotYet`."""
        ...

    def runs(self) -> tuple[Run, ...]:
        """What runs now."""
        ...

    def version(self) -> int:
        """Another number whenever something else is shown, beside what runs."""
        ...

    def change(self) -> Coroutine[Any, Any, object]:
        """Return what waits until what runs, or the version, is another than at this call."""
        ...

    async def happenings(self, asked: Asked) -> Newest:
        """What happened; raises `StoreSilent`."""
        ...

    async def passes(self, limit: int) -> tuple[PassRecord, ...]:
        """The last passes, newest first; raises `StoreSilent`."""
        ...

    async def health_history(self, server: str, limit: int) -> tuple[HealthRecord, ...]:
        """The last looks at a server's health, newest first; raises `StoreSilent`."""
        ...

    async def reconcile(self, servers: Collection[str], actor: Actor) -> None:
        """Read the text again and look at these servers now, or at all if none is named; told in the history."""
        ...

    def check(self, server: str, actor: Actor) -> None:
        """Look at a server's health now; told in the history.

        Raises:
            Refused: it is not looked at.
        """
        ...

    def back_up(self, kind: str, code: str, actor: Actor) -> tuple[bool, str]:
        """Back a document up as soon as its host is free, and tell whether that is new, and what is done; told in the history.

        Raises:
            Refused: it has no database that can be backed up, or nowhere to.
        """
        ...

    def prove(self, kind: str, code: str, backup: str, actor: Actor) -> tuple[bool, str]:
        """Prove a backup of a document, or the newest, as `back_up` does."""
        ...

    def approve(self, digest: str, actor: Actor) -> str:
        """Let through what a threshold stopped, once, and say what that is; told in the history.

        Raises:
            Refused: what is stopped now is not what has this digest.
        """
        ...

    async def open_support(self, code: str, lasts: timedelta, reason: str, actor: Actor) -> SupportVisit:
        """Write down who asks to be let into an instance's database, then begin to open a way; raises `StoreSilent`."""
        ...

    def support(self, name: str, actor: Actor) -> SupportVisit:
        """How a way in stands that this token asked for.

        Raises:
            Refused: there is none of this id.
        """
        ...

    async def link_first_password(self, code: str, lasts: timedelta, actor: Actor) -> SupportVisit:
        """Write down who asks for a link to an owner's first password, then begin to make it; raises `StoreSilent`.

        Raises:
            Refused: there is no instance of this code, or it has no owner.
        """
        ...

    def first_password(self, name: str, actor: Actor) -> SupportVisit:
        """How such a link stands, as `support` does."""
        ...

    async def kept(self) -> tuple[KeptRow, ...]:
        """How databases are kept, and what was asked for; raises `StoreSilent`."""
        ...

    async def pause(self, kind: str, code: str, reason: str, actor: Actor) -> bool:
        """Leave a document alone, and tell whether it was not before; told in the history; raises `StoreSilent`."""
        ...

    async def resume(self, kind: str, code: str, reason: str, actor: Actor) -> bool:
        """End a pause, and tell whether there was one; told in the history; raises `StoreSilent`."""
        ...

    def takes_orders(self) -> bool:
        """Whether there is anywhere to write orders to."""
        ...

    async def order(self, order: Order, actor: Actor) -> Ordered:
        """Carry out an order: a commit, and the text read again; told in the history.

        Raises:
            Refused: it cannot be done, or nobody knows whether it was; says why and what to do.
        """
        ...

    async def revoke(self, token: Token, actor: Actor) -> bool:
        """Let a token be used no more; told in the history; raises `StoreSilent`."""
        ...

    def limited(self, address: str, failures: int) -> None:
        """Tell that somebody shows wrong tokens."""
        ...
