"""The backups and proofs of a daemon: beside its passes, which wait for none of them.

One at a time on each host, as a worker of it is taken for as long as each lasts, and four hosts at a time, for the memory and the
disk of this machine. A pass does as it must meanwhile: a rename ends what reads the database, so that its backup fails whole and
is tried again; an instance on which an action runs is left for later. A stop of the daemon cuts what runs.

Waits are short and counted on the monotonic clock; what is due is asked of the time of day anew each time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.core.model import pauses
from reconciler.core.model.failures import MemoryFailure
from reconciler.core.model.inventory import Inventory
from reconciler.core.model.observed import Observed
from reconciler.core.model.pauses import Pause
from reconciler.core.policies import backup_times, backups
from reconciler.core.policies.asked_backups import AskedBackup, subjects_of, target_of
from reconciler.core.policies.backup_times import BackupRecord, Work
from reconciler.core.policies.backups import BackupSubject, NotThere
from reconciler.core.policies.due_backups import Appointment, Document, Key, appointments, in_turn, subject_of, withheld
from reconciler.engine import keeping
from reconciler.engine.rounds import Rounds
from reconciler.health.standing import KeptStanding, Standing
from reconciler.notices.notices import Level, Notice, NoticeName
from reconciler.store.opening import AnyStore

TICK_SECONDS = 30.0
"""How soon after its time a backup begins."""

AT_ONCE = 4
"""On how many hosts: each takes up to 200 MiB of memory, a core while it is read, and the disk for an archive."""

_REST = 10
"""How many times as long as it takes to find what is due nothing of it is done again: at most a tenth of a core is taken."""

_IN_ONE_GO = 500

_TOLD = {
    Work.BACKUP: (NoticeName.BACKUP_FAILED, NoticeName.BACKUP_GOOD, "backup", "backed up"),
    Work.PROOF: (NoticeName.PROOF_FAILED, NoticeName.PROOF_GOOD, "proof", "proven"),
}


@dataclass(frozen=True, slots=True)
class SeenBackups:
    """What one turn goes by."""

    observed: Observed
    inventory: Inventory
    paused: Mapping[tuple[str, str], Pause]
    now: datetime


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
        asked: what somebody asked for that has not ended; a stop forgets it.
    """

    rounds: Rounds
    store: AnyStore
    standing: Callable[[], Standing]
    note: Callable[[tuple[KeptStanding, ...]], None]
    tell: Callable[[Notice], None]
    store_failed: Callable[[MemoryFailure], None]
    on_defect: Callable[[str, Exception], None]
    asked: dict[Key, AskedBackup] = field(default_factory=dict)
    _busy: set[str] = field(default_factory=set)
    _told: set[Key] = field(default_factory=set)  # whose failing was told
    _over: asyncio.Event = field(default_factory=asyncio.Event)
    _first_due: dict[Key, datetime] = field(default_factory=dict)  # what was never done: when that was seen

    async def run(self) -> None:
        """Go on until cancelled, which is safe at any moment: what is cut is no backup, and is begun anew."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._over.clear()
                clock = self.rounds.world.clock
                began = clock.monotonic()
                try:
                    await self._begin(group)
                except MemoryFailure as failure:
                    self.store_failed(failure)
                except Exception as error:  # noqa: BLE001 -- a defect in what looks after backups must not stop the passes
                    self.on_defect("", error)
                # Where a thousand small ones end one after the other, each end would have ten thousand looked through.
                await clock.sleep(_REST * (clock.monotonic() - began))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(TICK_SECONDS):
                        await self._over.wait()

    def ask(self, asked: AskedBackup) -> bool:
        """Take something that is asked for, and begin it as soon as its host is free; false if the same waits or goes on."""
        if asked.key in self.asked:
            return False
        self.asked[asked.key] = asked
        self._over.set()
        return True

    async def _begin(self, group: asyncio.TaskGroup) -> None:
        """Begin what is due on hosts on which none of it runs, here or elsewhere."""
        rounds, world = self.rounds, self.rounds.world
        if not rounds.desired.settings.backup_targets:
            self.note(())
            for asked in [*self.asked.values()]:
                self._end_asked(asked, "the fleet declares no `backup_targets` any more")
            return
        records, inventory = await world.aside.ask(self.store.backup_records), await world.inventory()
        now, observed = world.clock.now(), Observed(rounds.known)
        found = await self._appointments(observed, records, inventory, now)
        self._show(found, now)
        paused = pauses.in_force(rounds.desired, inventory.pauses)
        taken = self._busy | {record.server for record in records.values() if backup_times.is_under_way(record, now)}
        self._begin_asked(group, records, SeenBackups(observed, inventory, paused, now), taken)
        for each in in_turn(each for each in found if each.is_due(now)):
            if len(self._busy) >= AT_ONCE or world.stop.is_set():
                return
            server = each.record.server
            if server in taken or not self._is_possible(each, observed, paused, now):
                continue
            subject = subject_of(rounds.desired, each, observed)
            if not isinstance(subject, NotThere):
                taken.add(server)
                self._busy.add(server)
                group.create_task(self._keep(each, subject), name=f"{each.record.work} on {server}")

    def _begin_asked(
        self, group: asyncio.TaskGroup, records: Mapping[Key, BackupRecord], seen: SeenBackups, taken: set[str]
    ) -> None:
        """Begin what was asked for on hosts that are free; end what cannot be done, or is done already."""
        rounds = self.rounds
        for each in [each for each in self.asked.values() if each.server not in self._busy]:
            record = each.record_in(records)
            if each.is_done_by(record):
                self._end_asked(each, made_at=record.good_at)
            elif each.is_too_late(seen.now):
                self._end_asked(each, f"nothing could be done on {each.server} for an hour")
            elif len(self._busy) >= AT_ONCE or each.server in taken or each.address in rounds.away:
                continue
            elif isinstance(found := self._found(each, record, seen), NotThere):
                self._end_asked(each, found.why)
            elif not rounds.world.stop.is_set():
                taken.add(each.server)
                self._busy.add(each.server)
                group.create_task(self._keep_asked(each, *found), name=f"{each.work} on {each.server}")

    def _found(
        self, asked: AskedBackup, record: BackupRecord, seen: SeenBackups
    ) -> tuple[Document, BackupSubject, str] | NotThere:
        """Find what it takes to do what was asked for; or say why it cannot be done."""
        desired = self.rounds.desired
        document = backups.document_of(desired, asked.kind, asked.code)
        if document is None or asked.server not in desired.servers:
            return NotThere("its document or its server is not declared any more")
        target = target_of(desired, document)
        if isinstance(target, NotThere):
            return target
        if asked.work is Work.PROOF:
            host = seen.observed.hosts.get(asked.server)
            why = withheld(record, self.standing().frozen, seen.paused, desired.settings.code)
            if host is None or not host.online:
                why = f"{asked.server} does not answer"
            return NotThere(why) if why else (document, backups.beside(desired, document, asked.server), target)
        found = subjects_of(desired, document, seen.observed, seen.inventory, seen.now)
        if isinstance(found, NotThere):
            return found
        subject = next((each for each in found if each.server == asked.server), None)
        return (document, subject, target) if subject else NotThere(f"it is not on {asked.server} any more")

    async def _keep_asked(self, asked: AskedBackup, document: Document, subject: BackupSubject, target: str) -> None:
        desired = self.rounds.desired
        policy, fleet = backups.policy(desired, document), desired.settings.code
        try:
            made = await keeping.keep_asked(self.rounds.world, fleet, asked, subject, policy, target, self.store)
        except (*keeping.FAILURES, MemoryFailure) as error:
            self._end_asked(asked, str(error))
        except Exception as error:  # noqa: BLE001 -- see `_keep`
            self.on_defect(asked.server, error)
            self._end_asked(asked, f"a defect of odoo-fleet: {type(error).__name__}; the log has the traceback")
        else:
            if made is not None:
                self._end_asked(asked, made_at=made.good_at, backup=made.kept.entry.id if made.kept else "")
        finally:
            self._busy.discard(asked.server)
            self._over.set()

    def _end_asked(self, asked: AskedBackup, why: str = "", made_at: datetime | None = None, backup: str = "") -> None:
        """Tell whoever asked how it ended."""
        self.asked.pop(asked.key, None)
        _, _, what, done = _TOLD[asked.work]
        of = f"{asked.address} on {asked.server}"
        if made_at is None:
            detail = f"the {what} of {of} that {asked.by} asked for failed: {why}"
            notice = Notice(NoticeName.ASKED_FAILED, Level.WARNING, detail, asked.kind, asked.code, asked.server)
        else:
            detail = f"{of} is {done}, as {asked.by} asked: {backup or f'{made_at:%Y-%m-%d %H:%M:%S} UTC'}"
            notice = Notice(NoticeName.ASKED_DONE, Level.INFO, detail, asked.kind, asked.code, asked.server)
        self.tell(notice)

    async def _appointments(
        self, observed: Observed, records: Mapping[Key, BackupRecord], inventory: Inventory, now: datetime
    ) -> list[Appointment]:
        """List them, with pauses: of ten thousand, passes would wait for seconds when the daemon has just started."""
        found: list[Appointment] = []
        selection, frozen = self.rounds.limits.selection, self.standing().frozen
        for each in appointments(self.rounds.desired, observed, records, inventory, now, selection, frozen):
            found.append(each)
            if not len(found) % _IN_ONE_GO:
                await asyncio.sleep(0)
        return found

    def _is_possible(
        self, due: Appointment, observed: Observed, paused: Mapping[tuple[str, str], Pause], now: datetime
    ) -> bool:
        record = due.record
        host = observed.hosts.get(record.server)
        if host is None or not host.online or record.address in self.rounds.away:
            return False
        is_withheld = withheld(record, self.standing().frozen, paused, self.rounds.desired.settings.code)
        return backup_times.may_begin(record, now) and not is_withheld

    async def _keep(self, appointment: Appointment, subject: BackupSubject) -> None:
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
        if not record.problem or record.key not in self._told:
            self._told.add(record.key)
            name, _, what, _ = _TOLD[record.work]
            detail = f"the {what} of {record.address} failed: {why}; it is tried again, with growing pauses"
            self.tell(_notice(name, Level.ERROR, record, detail))

    def _show(self, found: Iterable[Appointment], now: datetime) -> None:
        found, before, self._first_due = list(found), self._first_due, {}
        kept = []
        self._told &= {each.record.key for each in found}  # whoever has none any more had its end told
        for each in found:
            since = each.due_at if each.is_due(now) else None
            if each.due_at is None:
                since = self._first_due[each.record.key] = before.get(each.record.key, now)
            kept.append(KeptStanding(each.record, since))
        self.note(tuple(kept))


def _notice(name: NoticeName, level: Level, record: BackupRecord, detail: str) -> Notice:
    return Notice(name, level, detail, record.kind, record.code, record.server)
