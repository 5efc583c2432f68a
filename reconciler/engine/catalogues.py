"""Finds backups of an instance in the catalogues of all targets: for what restores one, and for plans that rest on the newest."""

from __future__ import annotations

from dataclasses import replace

from reconciler.backups.catalogue import BackupEntry, dated
from reconciler.core.diffs.copies_elsewhere import backed_up_sources
from reconciler.core.model.failures import StorageFailure
from reconciler.core.model.observed import BackupSeen, Observed, ObservedHost
from reconciler.engine.backing_up import entries, targets_of
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired
from reconciler.fleet.secrets import SecretUnavailable
from schemas.backups import LATEST, RestoreFrom


async def find(world: World, desired: Desired, wanted: RestoreFrom, own: str) -> tuple[str, BackupEntry]:
    """Find a backup, and in which target it is; `own` is the code of whom it is for.

    Raises:
        StorageFailure: there is no such backup, or a target does not answer.
    """
    code = wanted.of or own
    if (found := await _find(world, desired, code, wanted.backup)) is not None:
        return found
    which = "no backup" if wanted.backup == LATEST else f"no backup {wanted.backup!r}"
    raise StorageFailure(f"there is {which} of instance/{code}", advice="`odoo-fleet backup list` shows what there is")


async def with_backups(desired: Desired, around: Observed, host: ObservedHost, world: World) -> ObservedHost:
    """Add to what was seen of a host the newest backups of what is copied there; few fleets have any such copy.

    Args:
        desired: the fleet's text.
        around: what all its hosts list.
        host: the one, with the looks of this pass.
        world: the ports.
    """
    codes = backed_up_sources(desired, around, host)
    return replace(host, backups={code: await _newest(world, desired, code) for code in codes}) if codes else host


async def _newest(world: World, desired: Desired, code: str) -> BackupSeen:
    try:
        found = await _find(world, desired, code, LATEST)
    except (StorageFailure, SecretUnavailable) as failure:
        return BackupSeen(problem=str(failure))
    if found is None:
        return BackupSeen()
    target, entry = found
    return BackupSeen(entry.id, target, entry.taken_at, entry.odoo, entry.modules, uuid=entry.uuid)


async def _find(world: World, desired: Desired, code: str, which: str) -> tuple[str, BackupEntry] | None:
    targets, now, found = targets_of(world), world.clock.now(), []
    for target in desired.settings.backup_targets:
        there = await entries(targets.open(target), desired.settings.code, "instance", code)
        chosen = dated(there, now) if which == LATEST else [entry for entry in there if entry.id == which]
        found += [(target, entry) for entry in chosen]
    return max(found, key=lambda each: each[1].taken_at, default=None)
