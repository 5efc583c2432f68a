"""Backups and proofs that somebody asks a daemon for: beside those that are due, and one of a kind at a time. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.core.model import whereabouts
from reconciler.core.model.addressed import Addressed
from reconciler.core.model.inventory import Inventory
from reconciler.core.model.observed import Observed
from reconciler.core.policies import backups, endings
from reconciler.core.policies.backup_times import BackupRecord, Work
from reconciler.core.policies.backups import BackupSubject, NotThere
from reconciler.core.policies.due_backups import Document, Key
from reconciler.fleet.desired import Desired

WAITS = timedelta(hours=1)
"""How long what was asked for waits for its host; then it has failed, and whoever wants it asks again."""


@dataclass(frozen=True, slots=True)
class AskedBackup(Addressed):
    """What was asked for: the `work` for one database, `by` whom and when.

    `backup` names the one that is to be proven; empty means the newest.
    """

    kind: str
    code: str
    server: str
    work: Work
    by: str
    at: datetime
    backup: str = ""

    @property
    def key(self) -> Key:
        """By what its record is found."""
        return self.kind, self.code, self.server, self.work

    def record_in(self, records: Mapping[Key, BackupRecord]) -> BackupRecord:
        """Return what is known of such work."""
        return records.get(self.key, BackupRecord(self.kind, self.code, self.server, self.work))

    def is_too_late(self, now: datetime) -> bool:
        """Tell whether it has waited long enough."""
        return now - self.at > WAITS

    def is_done_by(self, record: BackupRecord) -> bool:
        """Tell whether somebody else has done it since it was asked for."""
        return record.good_at is not None and record.good_at >= self.at and not self.backup


def subjects_of(
    desired: Desired, document: Document, observed: Observed, inventory: Inventory, now: datetime
) -> list[BackupSubject] | NotThere:
    """Find the databases that a document has now, where they stand; or say why it has none that can be backed up."""
    standing = whereabouts.as_it_stands(endings.in_force(desired, now), inventory)
    found = backups.document_of(standing, document.kind, document.code)
    if found is None:
        return NotThere("it is not declared any more")
    return backups.subjects(standing, found, observed, whereabouts.places(standing, found, inventory))


def target_of(desired: Desired, document: Document) -> str | NotThere:
    """Return the name of the place where a document's backups are kept; or say why there is none."""
    target = backups.target_of(desired, backups.policy(desired, document))
    if target is not None:
        return target
    if not desired.settings.backup_targets:
        return NotThere("the fleet declares no `backup_targets`")
    return NotThere("the fleet declares several `backup_targets`, and neither it nor its plan says `target`")
