"""What the API and the page are shown of a daemon, and how they steer it (`reconciler.web.boards.Board`).

Whatever is asked for often is kept in memory: the picture of the last decision, tokens and pauses as they were two seconds ago.
Only history is read from the store when it is asked for, and whoever asks waits for that no longer than a few seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from reconciler.access.tokens import Actor, Token
from reconciler.core.model.changesets import Changeset
from reconciler.core.model.failures import MemoryFailure
from reconciler.core.model.inventory import NOTHING_REMEMBERED
from reconciler.core.model.observed import Observed, ObservedHost
from reconciler.core.model.pauses import Pause, in_force
from reconciler.core.policies import backups
from reconciler.core.policies.asked_backups import AskedBackup, subjects_of, target_of
from reconciler.core.policies.backup_times import Work as BackupWork
from reconciler.core.policies.backups import NotThere
from reconciler.daemon.daemon import PAUSES_SECONDS, Daemon, Workplace
from reconciler.daemon.following import Decided
from reconciler.daemon.orders import Orders
from reconciler.daemon.support import SupportDesk
from reconciler.engine.support import Opens, let_in, link_for_owner, no_owner
from reconciler.fleet.counting import count
from reconciler.health.standing import Standing
from reconciler.health.verdicts import HealthRecord, is_watched
from reconciler.notices.notices import Level, Notice, NoticeName
from reconciler.notices.records import PassRecord
from reconciler.reports.happenings import Asked, Newest
from reconciler.reports.standing_text import status_line
from reconciler.reports.status import Status, status
from reconciler.store.happenings import read_happenings
from reconciler.web.boards import KeptRow, NotYet, Picture, Run, StoreSilent, SupportVisit
from reconciler.web.orders import Order, Ordered, Wish
from reconciler.web.problem_details import RequestRefused

T = TypeVar("T")
STORE_SECONDS = 5.0
"""How long a request waits for the store."""


@dataclass(slots=True)
class DaemonBoard:
    """A daemon, as it is asked and steered.

    Args:
        daemon: it.
        beside: where what takes long is worked out, so that the daemon's loop goes on.
        orders: takes orders; None where none are taken.
    """

    daemon: Daemon
    beside: Callable[..., Awaitable[Status]] = asyncio.to_thread
    orders: Orders | None = None
    _tokens: tuple[Token, ...] | None = None
    _commanded: Mapping[tuple[str, str], Pause] = field(default_factory=dict)
    _drawn: tuple[Decided, Status] | None = None
    _desks: dict[Opens, SupportDesk] = field(default_factory=dict)
    _drawing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def follow(self) -> None:
        """Keep tokens and pauses as the store has them, until cancelled; while it cannot be read, as they were."""
        while True:
            if (work := self.daemon.work) is not None:
                if self.orders is not None:
                    self.orders.prepare()
                with contextlib.suppress(MemoryFailure):  # whoever decides tells of it
                    await self._read(work)
            await self.daemon.clock.sleep(PAUSES_SECONDS)

    async def _read(self, work: Workplace) -> None:
        self._tokens, self._commanded = await work.aside.ask(lambda: (work.store.tokens(), work.store.pauses()))

    def now(self) -> datetime:
        """The time of day."""
        return self.daemon.clock.now()

    def standing(self) -> Standing:
        """How the daemon stands."""
        return self.daemon.standing

    def ready(self) -> str:
        """Why it does not keep its fleet; nothing if it does."""
        return self.daemon.ready()

    def tokens(self) -> tuple[Token, ...]:
        """See `Board`."""
        if self._tokens is None:
            self._work()
            raise NotYet("the tokens could not be read from the store yet")
        return self._tokens

    def pauses(self) -> Mapping[tuple[str, str], Pause]:
        """See `Board`."""
        return in_force(self._work().rounds.desired, self._commanded)

    async def picture(self) -> Picture:
        """Draw the last decision once, in a thread: with ten thousand instances it takes a third of a second."""
        work = self._work()
        latest = work.following.latest
        if latest is None:
            desired, seen = work.rounds.desired, Observed(dict(work.rounds.known))
            found = await self.beside(status, desired, seen, NOTHING_REMEMBERED, Changeset(), self.now())
            return Picture(desired, self._with_health(found), Changeset(), decided=False)
        async with self._drawing:
            if self._drawn is None or self._drawn[0] is not latest:
                seen, planned = latest.planned.observed, latest.planned
                found = await self.beside(status, latest.desired, seen, planned.inventory, planned.changeset, latest.at)
                self._drawn = (latest, found)
            found = self._drawn[1]
        return Picture(latest.desired, self._with_health(found), latest.planned.changeset)

    def _with_health(self, found: Status) -> Status:
        """Show health as the rounds judge it, with hysteresis, where they have looked."""
        known = self.daemon.standing.health
        rows = tuple(
            replace(row, health=known[row.code].status, health_reason=known[row.code].why) if row.code in known else row
            for row in found.servers
        )
        return replace(found, rows={**found.rows, "servers": rows}, pauses=tuple(self.pauses().values()))

    def runs(self) -> tuple[Run, ...]:
        """See `Board`."""
        return self.daemon.progress.runs()

    def version(self) -> int:
        """See `Board`."""
        return self.daemon.progress.version

    def change(self) -> Coroutine[Any, Any, object]:
        """See `Board`."""
        return self.daemon.progress.change()

    async def happenings(self, asked: Asked) -> Newest:
        """See `Board`."""
        work = self._work()
        return await self._ask(work, lambda: read_happenings(work.store, asked))

    async def passes(self, limit: int) -> tuple[PassRecord, ...]:
        """See `Board`."""
        work = self._work()
        return await self._ask(work, lambda: work.store.passes(limit))

    async def health_history(self, server: str, limit: int) -> tuple[HealthRecord, ...]:
        """See `Board`."""
        work = self._work()
        return await self._ask(work, lambda: work.store.health_history(server, limit=limit))

    async def reconcile(self, servers: Collection[str], actor: Actor) -> None:
        """See `Board`."""
        work = self._work()
        which = ", ".join(sorted(servers)) or "all servers"
        one = next(iter(servers)) if len(servers) == 1 else ""
        detail = f"{actor} asked to have {which} looked at now"
        self.daemon.tell(Notice(NoticeName.RECONCILE_ASKED, Level.INFO, detail, "server" if one else "", one, one))
        self.daemon.source.poke()
        work.rounds.wake(frozenset(servers) or None)

    def check(self, server: str, actor: Actor) -> None:
        """See `Board`."""
        work = self._work()
        if not is_watched(work.rounds.desired.servers[server]):
            raise RequestRefused(409, f"the health of {server} is not looked at: it is not in use")
        work.checks.add(server)
        detail = f"{actor} asked to have the health of {server} looked at now"
        self.daemon.tell(Notice(NoticeName.CHECK_ASKED, Level.INFO, detail, "server", server, server))

    def back_up(self, kind: str, code: str, actor: Actor) -> tuple[bool, str]:
        """See `Board`."""
        return self._ask_for(BackupWork.BACKUP, kind, code, "", actor)

    def prove(self, kind: str, code: str, backup: str, actor: Actor) -> tuple[bool, str]:
        """See `Board`."""
        return self._ask_for(BackupWork.PROOF, kind, code, backup, actor)

    def _ask_for(self, what: BackupWork, kind: str, code: str, backup: str, actor: Actor) -> tuple[bool, str]:
        work, now = self._work(), self.now()
        desired, latest = work.rounds.desired, work.following.latest
        document = backups.document_of(desired, kind, code)
        if latest is None or document is None:
            raise NotYet("the servers have not been heard yet")
        if isinstance(target := target_of(desired, document), NotThere):
            raise RequestRefused(409, f"{document.address}: {target.why}")
        found = subjects_of(desired, document, Observed(work.rounds.known), latest.planned.inventory, now)
        if isinstance(found, NotThere):
            raise RequestRefused(409, f"{document.address}: {found.why}")
        wanted = [AskedBackup(kind, code, each.server, what, str(actor), now, backup) for each in found]
        new = [each for each in wanted if work.backups.ask(each)]
        name = {BackupWork.BACKUP: NoticeName.BACKUP_ASKED, BackupWork.PROOF: NoticeName.PROOF_ASKED}[what]
        for each in new:
            detail = f"{actor} asked for a {what} of {each.address} on {each.server}{f': {backup}' if backup else ''}"
            self.daemon.tell(Notice(name, Level.INFO, detail, kind, code, each.server))
        where = ", ".join(each.server for each in wanted)
        said = f"the {what} of {document.address} on {where} begins as soon as its host is free for it"
        return bool(new), said if new else f"it was asked for before: {said}, if it has not begun"

    def approve(self, digest: str, actor: Actor) -> str:
        """See `Board`."""
        work = self._work()
        latest = work.following.latest
        found = () if latest is None else latest.planned.changeset.stopped
        stopped = next((each for each in found if hmac.compare_digest(each.digest, digest)), None)
        if stopped is None:
            raise RequestRefused(
                409, "nothing that is stopped now has this digest: look at what is, and approve that if it is meant"
            )
        work.rounds.approve(stopped)
        what = f"{count(len(stopped.actions), 'action')} that safety.max_{stopped.threshold} stopped"
        detail = f"{actor} approved {what} ({stopped.why}): digest {digest}"
        self.daemon.tell(Notice(NoticeName.APPROVED, Level.WARNING, detail))
        return f"{what} begin once their hosts have been looked at again"

    async def open_support(self, code: str, lasts: timedelta, reason: str, actor: Actor) -> SupportVisit:
        """See `Board`."""
        detail = f"instance/{code} was opened for support by {actor}, {self._until(lasts)}: {reason}"
        notice = Notice(NoticeName.SUPPORT_OPENED, Level.WARNING, detail, "instance", code)
        return await self._open(let_in, notice, lasts, actor)

    def support(self, name: str, actor: Actor) -> SupportVisit:
        """See `Board`."""
        return self._opened(let_in, name, actor)

    async def link_first_password(self, code: str, lasts: timedelta, actor: Actor) -> SupportVisit:
        """See `Board`."""
        instance = self._work().rounds.desired.instances.get(code)
        if instance is None:
            raise RequestRefused(404, "the fleet has no instance of this code")
        if instance.owner is None:
            raise RequestRefused(409, no_owner(instance))
        whose = f"{instance.owner.login} chooses a password of {instance.address}"
        detail = f"{actor} asked for a link by which {whose}, {self._until(lasts)}"
        notice = Notice(NoticeName.FIRST_PASSWORD_LINK, Level.INFO, detail, "instance", code)
        return await self._open(link_for_owner, notice, lasts, actor)

    def first_password(self, name: str, actor: Actor) -> SupportVisit:
        """See `Board`."""
        return self._opened(link_for_owner, name, actor)

    def _until(self, lasts: timedelta) -> str:
        return f"until {self.now() + lasts:%Y-%m-%d %H:%M} UTC"

    async def _open(self, opens: Opens, notice: Notice, lasts: timedelta, actor: Actor) -> SupportVisit:
        """Write down who asks, and begin to open a way."""
        work, now = self._work(), self.now()
        await self._ask(work, lambda: work.store.record_notice(notice, now), changes=True)
        self.daemon.spread(notice)
        return self._desk(opens).ask(work.rounds.world, work.rounds.desired, notice.code, lasts, actor, now)

    def _opened(self, opens: Opens, name: str, actor: Actor) -> SupportVisit:
        found = self._desk(opens).of(name, actor, self.now())
        if found is None:
            raise RequestRefused(404, "there is no way in of this id that your token asked for, or it is over")
        return found

    def _desk(self, opens: Opens) -> SupportDesk:
        return self._desks.setdefault(opens, SupportDesk(opens, self.daemon.on_defect))

    async def kept(self) -> tuple[KeptRow, ...]:
        """See `Board`."""
        work = self._work()
        records, asked = await self._ask(work, work.store.backup_records), dict(work.backups.asked)
        keys = sorted({*records, *asked})
        return tuple(
            KeptRow(records[key] if key in records else asked[key].record_in(records), asked.get(key)) for key in keys
        )

    async def pause(self, kind: str, code: str, reason: str, actor: Actor) -> bool:
        """See `Board`."""
        work, now, said = self._work(), self.now(), " ".join(reason.split())

        def write() -> tuple[Pause | None, Mapping[tuple[str, str], Pause]]:
            before = work.store.pauses().get((kind, code))
            work.store.pause(kind, code, said, now)
            return before, work.store.pauses()

        before, self._commanded = await self._ask(work, write, changes=True)
        if before is None or said not in {"", before.reason}:
            self._tell(NoticeName.PAUSED, "paused", kind, code, said, actor)
        return before is None

    async def resume(self, kind: str, code: str, reason: str, actor: Actor) -> bool:
        """See `Board`."""
        work, said = self._work(), " ".join(reason.split())

        def write() -> tuple[bool, Mapping[tuple[str, str], Pause]]:
            return work.store.resume(kind, code), work.store.pauses()

        ended, self._commanded = await self._ask(work, write, changes=True)
        if ended:
            self._tell(NoticeName.RESUMED, "resumed", kind, code, said, actor)
        return ended

    def _tell(self, name: NoticeName, done: str, kind: str, code: str, reason: str, actor: Actor) -> None:
        because = f": {reason}" if reason else ""
        detail = f"{kind}/{code} was {done} by {actor}{because}"
        self.daemon.tell(Notice(name, Level.INFO, detail, kind, code, code if kind == "server" else ""))

    def takes_orders(self) -> bool:
        """See `Board`."""
        return self.orders is not None

    async def order(self, order: Order, actor: Actor) -> Ordered:
        """See `Board`."""
        work = self._work()
        if self.orders is None:
            raise RequestRefused(
                403,
                "this daemon takes no orders: they are commits, so start it with --git URL --orders commit (or branch), with a "
                "token or key that may write there",
            )
        self.orders.taken = lambda: _names_on(work.rounds.known.values())
        self.orders.done = self._ordered
        return await self.orders.place(order, actor)

    def _ordered(self, order: Order, actor: Actor, done: Ordered) -> None:
        """Tell what was ordered, and read the text at once."""
        said = {Wish.CREATE: "was ordered", Wish.CHANGE: "was changed", Wish.END: "was ended"}[order.wish]
        detail = f"instance/{done.code} {said} by {actor}: commit {done.commit[:12]} on branch {done.branch}"
        self.daemon.tell(Notice(NoticeName.ORDERED, Level.INFO, detail, "instance", done.code, revision=done.commit))
        self.daemon.source.poke()

    async def revoke(self, token: Token, actor: Actor) -> bool:
        """See `Board`."""
        work = self._work()

        def write() -> tuple[bool, tuple[Token, ...]]:
            return work.store.revoke_token(token.hash), work.store.tokens()

        revoked, self._tokens = await self._ask(work, write, changes=True)
        if revoked:
            detail = f"{token.called}, {token.role}: revoked by {actor}"
            self.daemon.tell(Notice(NoticeName.TOKEN_REVOKED, Level.INFO, detail))
        return revoked

    def limited(self, address: str, failures: int) -> None:
        """See `Board`."""
        detail = f"{failures} wrong tokens or secrets from {address} within a minute: it has to wait until that is over"
        self.daemon.tell(Notice(NoticeName.ACCESS_LIMITED, Level.WARNING, detail))

    def _work(self) -> Workplace:
        work = self.daemon.work
        if work is None:
            raise NotYet(status_line(self.daemon.standing, self.now()))
        return work

    async def _ask(self, work: Workplace, call: Callable[[], T], *, changes: bool = False) -> T:
        """Make a call of the store, and wait for it for a while: one that has not begun by then is not made any more."""
        perhaps = "; what was asked for may be done all the same: look before asking again" if changes else ""
        try:
            async with asyncio.timeout(STORE_SECONDS):
                return await work.aside.ask(call)
        except TimeoutError:
            raise StoreSilent(f"the store does not answer within {STORE_SECONDS:.0f} s{perhaps}") from None
        except MemoryFailure as failure:
            raise StoreSilent(f"{failure}") from failure


def _names_on(hosts: Iterable[ObservedHost]) -> frozenset[str]:
    """Return what databases on hosts are called, in whatever state they are."""
    return frozenset(name.target or name.text for host in hosts for name in host.databases)
