"""Makes and proves backups as their appointments ask, and writes down what became of it.

The catalogue in the target has the last word: what the store does not know, since it is new or another daemon did it, is not done
again. A try is written down before it begins and as long as it goes on, so that of several daemons with one store one makes it.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from reconciler.backups.catalogue import BackupEntry, dated
from reconciler.core.model.failures import HostError, MemoryFailure, StorageFailure
from reconciler.core.policies import backups
from reconciler.core.policies.asked_backups import AskedBackup
from reconciler.core.policies.backup_times import BackupRecord, Work, is_under_way
from reconciler.core.policies.backups import BackupSubject
from reconciler.core.policies.due_backups import Appointment, Key
from reconciler.engine import backing_up, restoring
from reconciler.engine.backing_up import KeptBackup
from reconciler.engine.worlds import World
from reconciler.fleet.secrets import SecretUnavailable
from reconciler.notices.events import BackupEnded
from schemas.backups import BackupPolicy, Keep

FAILURES = (HostError, StorageFailure, SecretUnavailable, OSError)
"""What a try may end with that is no defect; an `OSError` is of this machine, such as a full disk."""

BEAT_SECONDS = 60.0
"""How often a try that goes on is heard of; well within what `backup_times.STILL_HEARD` allows."""


class Records(Protocol):
    """What the store keeps of backups. Its methods may block: see `Aside`; each may raise `MemoryFailure`."""

    def backup_records(self) -> Mapping[Key, BackupRecord]:
        """Read all."""
        ...

    def claim_backup(self, record: BackupRecord, at: datetime) -> bool:
        """Write down that a try begins; false if somebody else has begun one since `record` was read."""
        ...

    def put_backup(self, record: BackupRecord) -> None:
        """Write down what is known now."""
        ...


@dataclass(frozen=True, slots=True)
class Made:
    """What a try has made, or proven. `kept` is None where the catalogue has what was wanted already."""

    good_at: datetime
    kept: KeptBackup | None = None


async def back_up(
    world: World, fleet: str, subject: BackupSubject, target: str, keep: Keep | None, records: Records
) -> KeptBackup:
    """Make a backup because somebody asks for it, and write down what became of it. Takes and raises what `backing_up` does."""
    record = BackupRecord(subject.kind, subject.code, subject.server, Work.BACKUP)

    async def make() -> Made:
        kept = await backing_up.back_up(world, fleet, subject, target, keep)
        return Made(kept.entry.taken_at, kept)

    return _kept(await _attempt(world, records, await _known(world, records, record), make, is_due=False))


async def prove(world: World, target: str, entry: BackupEntry, subject: BackupSubject, records: Records) -> KeptBackup:
    """Prove a backup because somebody asks for it, and write down what became of it. Takes and raises what `restoring` does."""
    record = BackupRecord(entry.kind, entry.code, entry.server, Work.PROOF)
    make = functools.partial(_prove, world, target, entry, subject)
    return _kept(await _attempt(world, records, await _known(world, records, record), make, is_due=False))


async def keep_asked(
    world: World,
    fleet: str,
    asked: AskedBackup,
    subject: BackupSubject,
    policy: BackupPolicy | None,
    target: str,
    records: Records,
) -> Made | None:
    """Do what somebody asked a daemon for, unless another is at it.

    Args:
        world: the ports.
        fleet: the fleet's code.
        asked: what was asked for.
        subject: the database; of a proof, what its backup is restored beside.
        policy: which of its backups stay.
        target: where they are kept.
        records: where what is known of it is kept.

    Returns:
        What was made; None if another try has begun since what is known was read, or goes on.

    Raises:
        HostError, StorageFailure, SecretUnavailable, OSError: it failed.
        MemoryFailure: what is known cannot be kept, so that nothing was begun.
    """
    now = world.clock.now()
    record = asked.record_in(await world.aside.ask(records.backup_records))
    if is_under_way(record, now) or not await world.aside.ask(lambda: records.claim_backup(record, now)):
        return None

    async def make() -> Made:
        if asked.work is Work.BACKUP:
            kept = await backing_up.back_up(world, fleet, subject, target, backups.keep_of(policy))
            return Made(kept.entry.taken_at, kept)
        found = await _own(world, fleet, target, record)
        chosen = [entry for entry in found if asked.backup in ("", entry.id)]
        if not chosen:
            which = asked.backup or "backup"
            raise StorageFailure(f"{target} has no {which} of {asked.address} on {asked.server}")
        return await _prove(world, target, chosen[-1], subject)

    return await _attempt(world, records, record, make, is_due=False)


async def keep_appointment(
    world: World, fleet: str, appointment: Appointment, subject: BackupSubject, records: Records
) -> Made | None:
    """Do what is due, unless it is done already.

    Args:
        world: the ports.
        fleet: the fleet's code.
        appointment: what is due.
        subject: the database; of a proof, what its backup is restored beside.
        records: where what is known of it is kept.

    Returns:
        What was made; None if somebody else is at it.

    Raises:
        HostError, StorageFailure, SecretUnavailable, OSError: it failed, which is written down.
        MemoryFailure: what is known cannot be kept, so that nothing was begun.
    """
    record, now = appointment.record, world.clock.now()
    if not await world.aside.ask(lambda: records.claim_backup(record, now)):
        return None

    async def make() -> Made:
        found = await _own(world, fleet, appointment.target, record)
        good_at = _last_good(found, record.work)
        # What is catalogued was looked up after the claim: another store's daemon may have been quicker.
        if good_at is not None and not appointment.known_again(good_at, now).is_due(now):
            return Made(good_at)
        if record.work is Work.PROOF:
            return await _prove(world, appointment.target, _newest(found, appointment), subject)
        keep = backups.keep_of(appointment.policy)
        kept = await backing_up.back_up(world, fleet, subject, appointment.target, keep)
        return Made(kept.entry.taken_at, kept)

    return await _attempt(world, records, record, make, is_due=True)


async def _own(world: World, fleet: str, target: str, record: BackupRecord) -> list[BackupEntry]:
    place = backing_up.targets_of(world).open(target)
    found = await backing_up.entries(place, fleet, record.kind, record.code)
    return [entry for entry in dated(found, world.clock.now()) if entry.server == record.server]


def _last_good(found: list[BackupEntry], work: Work) -> datetime | None:
    moments = [e.taken_at for e in found] if work is Work.BACKUP else [e.proven.at for e in found if e.proven]
    return max(moments, default=None)


def _newest(found: list[BackupEntry], appointment: Appointment) -> BackupEntry:
    if not found:
        raise StorageFailure(f"{appointment.target} has no backup of {appointment.record.address} any more")
    return found[-1]


async def _prove(world: World, target: str, entry: BackupEntry, subject: BackupSubject) -> Made:
    proven = await restoring.verify(world, target, entry, subject)
    return Made(proven.proven.at if proven.proven else world.clock.now(), KeptBackup(proven))


async def _known(world: World, records: Records, record: BackupRecord) -> BackupRecord:
    """Return what is known of work; nothing where the store cannot be read, which keeps nobody from making a backup."""
    try:
        return (await world.aside.ask(records.backup_records)).get(record.key, record)
    except MemoryFailure:
        return record


async def _attempt(
    world: World, records: Records, record: BackupRecord, make: Callable[[], Awaitable[Made]], *, is_due: bool
) -> Made:
    """Make something, and write down that it is tried, that it still is, and how it ended.

    What somebody asked for and failed was told to them: what is due is neither tried later for it, nor told less.
    """
    begun = replace(record, tried_at=world.clock.now(), tries=record.tries + 1)
    began = world.clock.monotonic()

    def tell(kept: KeptBackup | None, problem: str = "") -> None:
        seconds, backup = world.clock.monotonic() - began, kept.entry.id if kept else ""
        about = record.kind, record.code, record.server, record.work.value
        world.emit(BackupEnded(*about, seconds, backup, problem))

    def note(said: BackupRecord) -> None:
        world.note(lambda: records.put_backup(said))

    async def beat() -> None:
        while True:
            note(replace(begun, heard_at=world.clock.now()))
            await world.clock.sleep(BEAT_SECONDS)

    beating = asyncio.ensure_future(beat())
    try:
        made = await make()
    except Exception as error:
        why = str(error) if isinstance(error, FAILURES) else f"a defect of odoo-fleet: {type(error).__name__}"
        failed = replace(begun, tried_at=world.clock.now(), problem=why) if is_due else record
        note(replace(failed, heard_at=None))
        tell(None, why)
        raise
    else:
        note(replace(begun, good_at=made.good_at, tried_at=None, heard_at=None, tries=0, problem=""))
        if made.kept is not None:
            tell(made.kept)
        return made
    finally:
        beating.cancel()


def _kept(made: Made) -> KeptBackup:
    assert made.kept is not None
    return made.kept
