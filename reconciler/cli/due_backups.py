"""What `backup` commands have made and have not, and how the one for timers does what is due."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.cli import screens
from reconciler.cli.sessions import BY_NAMES, Session
from reconciler.core.deciding import Planned
from reconciler.core.model import pauses
from reconciler.core.model.failures import MemoryFailure
from reconciler.core.policies import backup_times
from reconciler.core.policies.backup_times import BackupRecord, Work
from reconciler.core.policies.backups import NotThere
from reconciler.core.policies.due_backups import Appointment, Key, appointments, in_turn, subject_of, withheld
from reconciler.engine import keeping
from reconciler.engine.backing_up import KeptBackup
from reconciler.engine.reconcile import plan
from reconciler.engine.worlds import World
from reconciler.reports.escapes import visible


@dataclass(slots=True)
class BackupsDone:
    """What a run has made and proven, and what it has not: by document, why. `next_one` says when something is due next."""

    kept: list[KeptBackup] = field(default_factory=list)
    proven: list[KeptBackup] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    next_one: str = ""

    def fail(self, address: str, why: str) -> None:
        """Take a failure in, and say it."""
        self.failed[address] = why
        screens.say(visible(f"{address}: {why}"))

    def take(self, work: Work, kept: KeptBackup) -> None:
        """Take in what was made, and say what could not be thinned out for it."""
        (self.kept if work is Work.BACKUP else self.proven).append(kept)
        if kept.not_thinned:
            older = f"older backups of {kept.entry.address} were not thinned out"
            screens.say(visible(f"warning: {older}: {kept.not_thinned}"))


async def keep_appointments(session: Session) -> BackupsDone:
    """Do what is due, on each host one after the other.

    Raises:
        MemoryFailure: what is known of earlier backups cannot be read.
    """
    done = BackupsDone()
    async with session.world() as world:
        seen = await plan(session.desired, world, BY_NAMES)
        found = await _appointments(session, world, seen)
        servers = sorted({each.record.server for each in found if each.is_due(world.clock.now())})
        async with asyncio.TaskGroup() as group:
            for server in servers:
                group.create_task(_keep_those_of(session, world, seen, server, done))
        done.next_one = _next_one(await _appointments(session, world, seen), world.clock.now())
    return done


async def _appointments(session: Session, world: World, seen: Planned) -> list[Appointment]:
    records: Mapping[Key, BackupRecord] = await world.aside.ask(session.store.backup_records)
    now, selection = world.clock.now(), session.selection
    return list(appointments(session.desired, seen.observed, records, seen.inventory, now, selection))


async def _keep_those_of(session: Session, world: World, seen: Planned, server: str, done: BackupsDone) -> None:
    """Do what is due on one host. A backup that was made may be due to be proven, so that it is asked again after each."""
    tried: set[Key] = set()
    while not world.stop.is_set():
        now, found = world.clock.now(), await _appointments(session, world, seen)
        due = in_turn(a for a in found if a.record.server == server and a.is_due(now) and a.record.key not in tried)
        if not due:
            return
        tried.add(due[0].record.key)
        await _keep(session, world, seen, due[0], done)


async def _keep(session: Session, world: World, seen: Planned, due: Appointment, done: BackupsDone) -> None:
    desired, record = session.desired, due.record
    if why := _withheld(session, seen, due):
        screens.say(visible(f"{record.work} of {record.address}: {why}"))
        return
    if not backup_times.may_begin(record, world.clock.now()):
        done.fail(record.address, _left_alone(record))
        return
    if not seen.observed.hosts[record.server].online:
        done.fail(record.address, f"{record.server} does not answer: {seen.observed.hosts[record.server].problem}")
        return
    subject = subject_of(desired, due, seen.observed)
    if isinstance(subject, NotThere):
        done.fail(record.address, subject.why)
        return
    screens.say(f"{record.work} of {record.address} on {record.server}: {due.target}")
    try:
        made = await keeping.keep_appointment(world, desired.settings.code, due, subject, session.store)
    except (*keeping.FAILURES, MemoryFailure) as error:
        done.fail(record.address, str(error))
    else:
        if made is not None and made.kept is not None:
            done.take(record.work, made.kept)


def _withheld(session: Session, seen: Planned, due: Appointment) -> str:
    frozen = [each.server for each in seen.changeset.frozen]
    paused = pauses.in_force(session.desired, seen.inventory.pauses)
    return withheld(due.record, frozen, paused, session.desired.settings.code)


def _left_alone(record: BackupRecord) -> str:
    if not record.problem:
        return f"a {record.work} of it is under way, or was cut a moment ago"
    again = backup_times.again_at(record)
    return f"it failed: {record.problem}; it is due again at {again:%Y-%m-%d %H:%M} UTC"


def _next_one(found: Sequence[Appointment], now: datetime) -> str:
    coming = [(each.due_at, each) for each in found if each.due_at is not None and each.due_at > now]
    if not coming:
        return "Nothing is due."
    moment, each = min(coming, key=lambda one: one[0])
    what = f"the {each.record.work} of {each.record.address}"
    return f"Nothing is due. Next is {what}, at {moment:%Y-%m-%d %H:%M} UTC."
