"""Which backups and proofs a fleet has appointments for, and which of them are due. Pure.

An instance that is suspended is backed up as well; one that is absent, in the trash or not there yet is not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from reconciler.core.model import pauses, whereabouts
from reconciler.core.model.inventory import Inventory
from reconciler.core.model.observed import Observed
from reconciler.core.model.pauses import Pause
from reconciler.core.model.selection import EVERYTHING, Selection
from reconciler.core.policies import backup_times, backups, endings
from reconciler.core.policies.backup_times import BackupRecord, Work
from reconciler.core.policies.backups import BackupSubject, NotThere
from reconciler.fleet.desired import Desired
from schemas.backups import BackupPolicy
from schemas.instance import Instance
from schemas.template import Template

Key = tuple[str, str, str, Work]
Document = Instance | Template
_FIRST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Appointment:
    """One kind of work on one database, with what is known of it. `due_at` is None where it was never done."""

    document: Document
    policy: BackupPolicy
    target: str
    record: BackupRecord
    due_at: datetime | None

    def is_due(self, now: datetime) -> bool:
        """Tell whether it is due by now."""
        return self.due_at is None or self.due_at <= now

    def known_again(self, good_at: datetime | None, now: datetime) -> Appointment:
        """Return it with what its catalogue says of the last good one."""
        return _appointment(self.document, self.policy, self.target, replace(self.record, good_at=good_at), now)


def appointments(
    desired: Desired,
    observed: Observed,
    records: Mapping[Key, BackupRecord],
    inventory: Inventory,
    now: datetime,
    selection: Selection = EVERYTHING,
    doubted: Collection[str] = (),
) -> Iterator[Appointment]:
    """Yield the appointments of every database that is to be kept and, as far as is known, is there and is the fleet's.

    Args:
        desired: the fleet's text.
        observed: the last answers of its hosts.
        records: what is known of earlier work.
        inventory: what is remembered; what a document only wants to adopt is not the fleet's before it was seen to be.
        now: the time of day.
        selection: what the run is limited to.
        doubted: servers whose lists are not believed: what was backed up there is not gone because they leave it out.
    """
    in_force = whereabouts.as_it_stands(endings.in_force(desired, now), inventory)
    documents: tuple[Document, ...] = (*in_force.templates.values(), *in_force.instances.values())
    for document in documents:
        policy = backups.policy(in_force, document)
        target = backups.target_of(in_force, policy)
        if policy is None or target is None or not selection.includes(document):
            continue
        if isinstance(document, Instance) and document.state == "absent":
            continue
        places = whereabouts.places(in_force, document, inventory)
        for server in _servers(document, places, observed, records, doubted):
            if document.adopt is not None and (document.kind, document.code, server) not in inventory.entries:
                continue
            backup = _record(records, document, server, Work.BACKUP)
            yield _appointment(document, policy, target, backup, now)
            if policy.verify != "off" and backup.good_at is not None:
                yield _appointment(document, policy, target, _record(records, document, server, Work.PROOF), now)


def next_backup(desired: Desired, document: Document, good: Mapping[str, datetime], now: datetime) -> datetime | None:
    """Return the moment from which on the next backup of a document is due; None if it has no appointments.

    Args:
        desired: the fleet's text.
        document: whose.
        good: by server, when the last good backup was taken.
        now: the time of day; one that was never made is due now.
    """
    policy = backups.policy(desired, document)
    if policy is None or (isinstance(document, Instance) and document.state == "absent"):
        return None
    records = [BackupRecord(document.kind, document.code, server, Work.BACKUP, at) for server, at in good.items()]
    zone = document.timezone if isinstance(document, Instance) else None
    return min((backup_times.due_at(policy, zone, record, now) or now for record in records), default=now)


def withheld(record: BackupRecord, frozen: Collection[str], paused: Mapping[tuple[str, str], Pause], fleet: str) -> str:
    """Say why work is not done though its host answers; nothing if it may be.

    A backup changes nothing on its host, so that it is made whatever is paused or frozen; a proof puts a database there.
    """
    if record.work is Work.BACKUP:
        return ""
    if record.server in frozen:
        return f"{record.server} is frozen, so that nothing is restored there"
    pause = pauses.pause_of(record, fleet, paused)
    return f"{pause.why}, so that nothing is restored there" if pause else ""


def in_turn(due: Iterable[Appointment]) -> list[Appointment]:
    """Sort what is due on one host: backups before proofs, what failed after what did not, and what waits longest first."""

    def turn(each: Appointment) -> tuple[bool, int, datetime, str]:
        record = each.record
        return record.work is Work.PROOF, record.tries, each.due_at or _FIRST, record.address

    return sorted(due, key=turn)


def subject_of(desired: Desired, appointment: Appointment, observed: Observed) -> BackupSubject | NotThere:
    """Return the database of an appointment, or of a proof what its backup is restored beside; or why there is none now."""
    document, server = appointment.document, appointment.record.server
    if appointment.record.work is Work.PROOF:
        return backups.beside(desired, document, server)
    found = backups.subjects(desired, document, observed, (server,))
    return found if isinstance(found, NotThere) else found[0]


def _servers(
    document: Document,
    places: Iterable[str],
    observed: Observed,
    records: Mapping[Key, BackupRecord],
    doubted: Collection[str],
) -> Iterator[str]:
    """Yield where a document's databases are; on a host that does not answer or is not believed, where one was backed up."""
    name = document.template_db if isinstance(document, Template) else document.database_name
    for code in places:
        host = observed.hosts.get(code)
        forms = host.forms_of(name) if host is not None and host.online else None
        is_believed = forms is not None and code not in doubted
        if forms or (not is_believed and (document.kind, document.code, code, Work.BACKUP) in records):
            yield code


def _record(records: Mapping[Key, BackupRecord], document: Document, server: str, work: Work) -> BackupRecord:
    blank = BackupRecord(document.kind, document.code, server, work)
    return records.get(blank.key, blank)


def _appointment(
    document: Document, policy: BackupPolicy, target: str, record: BackupRecord, now: datetime
) -> Appointment:
    zone = document.timezone if isinstance(document, Instance) else None
    return Appointment(document, policy, target, record, backup_times.due_at(policy, zone, record, now))
