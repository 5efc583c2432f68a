"""The backups and proofs of a daemon: beside its passes, which wait for none of them.

One at a time on each host, as a worker of it is taken for as long as each lasts, and four hosts at a time, for the memory and the
disk of this machine. A pass does as it must meanwhile: a rename ends what reads the database, so that its backup fails whole and
is tried again; an instance on which an action runs is left for later. A stop of the daemon cuts what runs.

Waits are short and counted on the monotonic clock; what is due is asked of the time of day anew each time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.core import backup_times, pauses
from reconciler.core.backup_times import BackupRecord, Work
from reconciler.core.backups import NotThere, Subject
from reconciler.core.due_backups import Appointment, Key, appointments, in_turn, subject_of, withheld
from reconciler.core.failures import MemoryFailure
from reconciler.core.observed import Observed
from reconciler.core.pauses import Pause
from reconciler.engine import keeping
from reconciler.engine.rounds import Rounds
from reconciler.health.standing import KeptStanding, Standing
from reconciler.notices.notices import Level, Notice, NoticeName
from reconciler.store.opening import AnyStore

TICK_SECONDS = 30.0
"""How soon after its time a backup begins."""

AT_ONCE = 4
"""On how many hosts: each takes up to 200 MiB of memory, a core while it is read, and the disk for an archive."""

_TOLD = {
    Work.BACKUP: (NoticeName.BACKUP_FAILED, NoticeName.BACKUP_GOOD, "backup", "backed up"),
    Work.PROOF: (NoticeName.PROOF_FAILED, NoticeName.PROOF_GOOD, "proof", "proven"),
}


@dataclass(slots=True)
class BackupRounds:
    """Does what is due, until cancelled.

    Args:
        rounds: the passes: the text in force, its ports, the last answers of its hosts.
        store: where what is known of backups is kept.
        standing: how the daemon stands now.
        note: told how databases are kept, as often as that is looked at.
        tell: told what a person should know.
        store_failed: told that the store cannot be used.
        on_defect: told of an exception that is a defect of the tool, with the server where it came to light.
    """

    rounds: Rounds
    store: AnyStore
    standing: Callable[[], Standing]
    note: Callable[[tuple[KeptStanding, ...]], None]
    tell: Callable[[Notice], None]
    store_failed: Callable[[MemoryFailure], None]
    on_defect: Callable[[str, Exception], None]
    _busy: set[str] = field(default_factory=set)
    _over: asyncio.Event = field(default_factory=asyncio.Event)
    _first_due: dict[Key, datetime] = field(default_factory=dict)  # what was never done: when that was seen

    async def run(self) -> None:
        """Go on until cancelled, which is safe at any moment: what is cut is no backup, and is begun anew."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._over.clear()
                try:
                    await self._begin(group)
                except MemoryFailure as failure:
                    self.store_failed(failure)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(TICK_SECONDS):
                        await self._over.wait()

    async def _begin(self, group: asyncio.TaskGroup) -> None:
        """Begin what is due on hosts on which none of it runs."""
        rounds, world = self.rounds, self.rounds.world
        records = await world.aside.ask(self.store.backup_records)
        commanded = await world.aside.ask(self.store.pauses)
        now, observed = world.clock.now(), Observed(rounds.known)
        found = list(appointments(rounds.desired, observed, records, now))
        self._show(found, now)
        if world.stop.is_set():
            return
        waiting: dict[str, list[Appointment]] = {}
        elsewhere = {r.server for r in records.values() if backup_times.is_under_way(r, now)}
        for each in found:
            if each.is_due(now) and each.record.server not in self._busy | elsewhere:
                waiting.setdefault(each.record.server, []).append(each)
        for server, due in waiting.items():
            if len(self._busy) >= AT_ONCE:
                return
            for appointment in self._possible(due, observed, commanded, now):
                subject = subject_of(rounds.desired, appointment, observed)
                if not isinstance(subject, NotThere):
                    self._busy.add(server)
                    group.create_task(self._keep(appointment, subject), name=f"{appointment.record.work} on {server}")
                    break

    def _possible(
        self, due: Iterable[Appointment], observed: Observed, commanded: Mapping[tuple[str, str], Pause], now: datetime
    ) -> Iterator[Appointment]:
        """Yield what may be done now, in turn."""
        desired, away, frozen = self.rounds.desired, self.rounds.away, self.standing().frozen
        paused = pauses.in_force(desired, commanded)
        for each in in_turn(due):
            record, host = each.record, observed.hosts.get(each.record.server)
            if host is None or not host.online or record.address in away or not backup_times.may_begin(record, now):
                continue
            if not withheld(each, frozen, paused, desired.settings.code):
                yield each

    async def _keep(self, appointment: Appointment, subject: Subject) -> None:
        record, world, fleet = appointment.record, self.rounds.world, self.rounds.desired.settings.code
        try:
            made = await keeping.keep_appointment(world, fleet, appointment, subject, self.store)
        except MemoryFailure as failure:
            self.store_failed(failure)
        except keeping.FAILURES as error:
            self._tell_failed(record, str(error))
        except Exception as error:  # noqa: BLE001 -- a defect that one database brings to light must not stop the others
            self.on_defect(record.server, error)
            self._tell_failed(record, f"a defect of odoo-fleet: {type(error).__name__}; the log has the traceback")
        else:
            if made is not None and record.problem:
                _, name, _, done = _TOLD[record.work]
                self.tell(_notice(name, Level.INFO, record, f"{record.address} on {record.server} is {done} again"))
        finally:
            self._busy.discard(record.server)
            self._over.set()

    def _tell_failed(self, record: BackupRecord, why: str) -> None:
        """Tell when it begins to fail, not at each try."""
        if not record.problem:
            name, _, what, _ = _TOLD[record.work]
            detail = f"the {what} of {record.address} failed: {why}; it is tried again, with growing pauses"
            self.tell(_notice(name, Level.ERROR, record, detail))

    def _show(self, found: Iterable[Appointment], now: datetime) -> None:
        before, self._first_due = self._first_due, {}
        kept = []
        for each in found:
            since = each.due_at if each.is_due(now) else None
            if each.due_at is None:
                since = self._first_due[each.record.key] = before.get(each.record.key, now)
            kept.append(KeptStanding(each.record, since))
        self.note(tuple(kept))


def _notice(name: NoticeName, level: Level, record: BackupRecord, detail: str) -> Notice:
    return Notice(name, level, detail, record.kind, record.code, record.server)
