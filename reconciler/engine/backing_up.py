"""Makes a backup: fetched to a file of this machine, read to its last byte, kept in its target, and only then catalogued.

The host's page is read as fast as this machine's disk takes it, whatever the target is like: sending counts against the host's
own limit, and what it cuts looks whole. Until the entry is written nothing of a backup is visible to anybody, and whatever goes
wrong before leaves files at most that no entry names.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import tempfile
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from reconciler.archives import archive
from reconciler.archives.archive import Archive
from reconciler.archives.failures import NotSafe, NotWhole
from reconciler.backups import catalogue, retention
from reconciler.backups.catalogue import BackupEntry
from reconciler.core.model.failures import HostError, LastingError, StorageFailure
from reconciler.core.model.names import NONCE_LENGTH
from reconciler.core.model.observed import mark_of
from reconciler.core.policies import backups
from reconciler.core.policies.backups import BackupSubject
from reconciler.engine.accounts import Account
from reconciler.engine.ports import Database
from reconciler.engine.storage import Storage, Targets, on_this_machine, spooled
from reconciler.engine.worlds import World
from reconciler.fleet.secrets import SecretUnavailable
from reconciler.version import __version__
from schemas.backups import Keep

_PART = 1024 * 1024
_READ_AT_ONCE = 8
_FETCHED = 200
"""So many files that are missing are fetched one by one at most."""
_UUID = "database.uuid"
_NOT_WHOLE = "the host's answer is no whole backup"
_CUT = "its worker may have been ended while it sent: raise limit_time_real of the host"


@dataclass(frozen=True, slots=True)
class KeptBackup:
    """What became of a backup: its entry, the names of files that were missing, what made room for it, or why nothing did."""

    entry: BackupEntry
    missing: tuple[str, ...] = ()
    not_thinned: str = ""
    removed: tuple[BackupEntry, ...] = ()


async def back_up(world: World, fleet: str, subject: BackupSubject, target: str, keep: Keep | None) -> KeptBackup:
    """Make a backup of a database and keep it.

    Args:
        world: the ports.
        fleet: the fleet's code.
        subject: the database.
        target: the name of the place where it is kept.
        keep: which of its backups stay; None removes none.

    Raises:
        HostError: the host gave none, or none that is whole and this fleet's.
        StorageFailure: it cannot be kept.
        SecretUnavailable: a password or a key is not to be had.
    """
    targets_of(world).open(target)  # one that cannot be used costs the host nothing
    with tempfile.TemporaryFile() as spool:
        packed = await pack(world, subject, spool)
        return await store(world, fleet, subject, target, keep, packed, spool)


@dataclass(frozen=True, slots=True)
class Packed:
    """What a host has packed into a file: by which way it came, what it holds, when that began and how long it took."""

    door: str
    archive: Archive
    taken_at: datetime
    seconds: float


async def pack(world: World, subject: BackupSubject, spool: BinaryIO) -> Packed:
    """Have a database packed as `collect` does, and say when."""
    taken_at, began = world.clock.now(), world.clock.monotonic()
    door, found = await collect(world, subject, spool)
    return Packed(door, found, taken_at, round(world.clock.monotonic() - began, 1))


async def store(
    world: World, fleet: str, subject: BackupSubject, target: str, keep: Keep | None, packed: Packed, spool: BinaryIO
) -> KeptBackup:
    """Keep what was packed as a backup; raises `StorageFailure` and `SecretUnavailable` as `back_up`."""
    place, found = targets_of(world).open(target), packed.archive
    with tempfile.TemporaryFile() as locked:
        with on_this_machine():
            is_locked = await asyncio.to_thread(_lock, targets_of(world), target, spool, locked)
        content = locked if is_locked else spool
        length, digest = await asyncio.to_thread(_sum, content)
        name = catalogue.new_id(packed.taken_at, subject.server, world.nonces.token(NONCE_LENGTH))
        entry = BackupEntry(
            id=name,
            fleet=fleet,
            kind=subject.kind,
            code=subject.code,
            server=subject.server,
            database=subject.database,
            uuid=found.parameters.get(_UUID, ""),
            copy_of=subject.spec.clone_of or "" if subject.spec.neutralize else "",
            taken_at=packed.taken_at,
            seconds=packed.seconds,
            file=f"{name}.zip.age" if is_locked else f"{name}.zip",
            bytes=length,
            sha256=digest,
            encrypted=is_locked,
            door=packed.door,
            odoo=found.series,
            modules=found.modules,
            rows=found.rows,
            files=found.files,
            missing_files=found.missing_count,
            made_by=f"odoo-fleet {__version__}",
        )
        content.seek(0)
        await place.write(entry.place, content)
    await write_entry(place, entry)
    try:
        removed = () if keep is None else await _thin_out(place, entry, keep)
    except StorageFailure as failure:  # the backup is whole and catalogued whatever becomes of older ones
        return KeptBackup(entry, found.missing, not_thinned=str(failure))
    return KeptBackup(entry, found.missing, removed=removed)


async def collect(world: World, subject: BackupSubject, spool: BinaryIO) -> tuple[str, Archive]:
    """Have a database packed by its host into an empty file; return by which way it came, and what it holds.

    Raises:
        HostError: the host gave nothing, or nothing that is whole and this fleet's.
    """
    host = world.hosts[subject.server]
    door = await host.fetch_backup(subject.database, subject.sites, spool, lambda: _size(world, subject))
    return door, await _completed(world, subject, spool, await _read_own(subject, spool))


async def _opened(world: World, subject: BackupSubject, lost: str) -> Database:
    account = Account(world.hosts[subject.server], subject.spec, world.secrets, world.clock)
    what = f"it refuses the declared password and all former ones, so that {lost}"
    return (await account.require(subject.database, what))[0]


async def _size(world: World, subject: BackupSubject) -> int:
    """Ask a database how large it is, which takes its password."""
    return (await (await _opened(world, subject, "its size is not known")).inside()).bytes


async def _completed(world: World, subject: BackupSubject, spool: BinaryIO, found: Archive) -> Archive:
    """Fetch files that were stored while the host packed, and add them; where that does not go, their number is told.

    A host copies files first and reads rows later. Many that are missing are no matter of seconds: they were lost before.
    """
    if not 0 < found.missing_count <= _FETCHED:
        return found
    try:
        database = await _opened(world, subject, "what is missing in it cannot be fetched")
        files = await database.read_stored(found.missing)
        with on_this_machine():
            await asyncio.to_thread(archive.add, spool, files)
    except (HostError, SecretUnavailable):
        return found
    return await _read_own(subject, spool)


async def _read_own(subject: BackupSubject, spool: BinaryIO) -> Archive:
    """Read what a host sent to its last byte, and see that it is of this fleet's own database."""
    at = {"server": subject.server, "database": subject.database}
    try:
        found = await asyncio.to_thread(archive.read, spool)
    except NotWhole as cut:
        raise LastingError(f"{_NOT_WHOLE}: {cut}", advice=_CUT, **at) from None
    except NotSafe as odd:
        raise LastingError(f"its backup could not be restored: {odd}", **at) from None
    if stranger := backups.not_of(
        subject.spec.fleet, subject.kind, subject.code, mark_of(found.parameters), found.parameters.get(_UUID, "")
    ):
        raise LastingError(f"it is not backed up: {stranger}", **at)
    return found


async def entries(place: Storage, fleet: str, kind: str = "", code: str = "") -> list[BackupEntry]:
    """Read the catalogue of a target, of a whole fleet or of one document, the oldest first."""
    names = [name for name in await place.names(catalogue.folder(fleet, kind, code)) if catalogue.is_entry(name)]
    at_once = asyncio.Semaphore(_READ_AT_ONCE)

    async def read(name: str) -> BackupEntry | None:
        async with at_once:
            with io.BytesIO() as file:
                await place.read(name, file)
                file.seek(0)
                return catalogue.read(name, file.read())

    found = await asyncio.gather(*map(read, names))
    return sorted((e for e in found if e is not None), key=lambda e: (e.taken_at, e.address, e.server))


async def write_entry(place: Storage, entry: BackupEntry) -> None:
    """Write an entry, or write it anew."""
    with tempfile.TemporaryFile() as file:
        file.write(catalogue.write(entry))
        file.seek(0)
        await place.write(catalogue.place_of(entry), file)


async def fetch(world: World, target: str, entry: BackupEntry, into: BinaryIO) -> Archive:
    """Copy a backup out of its target into an empty file, as Odoo made it, and read it to its last byte.

    Raises:
        StorageFailure: it is not there, not the one that was kept, or not whole any more.
        SecretUnavailable: its key is not to be had.
    """
    place = targets_of(world).open(target)
    with tempfile.TemporaryFile() as locked:
        content = locked if entry.encrypted else into
        await place.read(entry.place, spooled(content))
        with on_this_machine():
            if await asyncio.to_thread(_sum, content) != (entry.bytes, entry.sha256):
                raise StorageFailure(f"{entry.place} in {target} is not what was kept there: it was cut or changed")
            if entry.encrypted:
                locked.seek(0)
                await asyncio.to_thread(targets_of(world).decrypt, target, locked, into)
    try:
        found = await asyncio.to_thread(archive.read, into)
    except (NotWhole, NotSafe) as wrong:
        raise StorageFailure(f"{entry.place} in {target} cannot be restored: {wrong}") from None
    mark, uuid = mark_of(found.parameters), found.parameters.get(_UUID, "")
    if stranger := backups.not_of(entry.fleet, entry.kind, entry.code, mark, uuid):
        raise StorageFailure(f"{entry.place} in {target} is no backup of {entry.address}: {stranger}")
    return found


def targets_of(world: World) -> Targets:
    """Return the places for backups (`StorageFailure` where there are none)."""
    if world.targets is None:
        raise StorageFailure("there are no backup targets here")
    return world.targets


async def _thin_out(place: Storage, newest: BackupEntry, keep: Keep) -> tuple[BackupEntry, ...]:
    """Remove what no rule keeps: the entry first, so that nothing is catalogued of which the content is gone.

    Of this very database alone: an empty one that took the place of a lost one evicts nothing. Neutralized copies, which are made
    anew by a rhythm, evict one another, and nothing else. What was just made stays, and so does the newest that was proven: it is
    the one that is known to come back. What a clock that was wrong dated later neither goes nor counts.
    """
    found = await entries(place, newest.fleet, newest.kind, newest.code)
    own = [e for e in found if _is_of_one(e, newest) and e.taken_at <= newest.taken_at]
    stay = retention.kept([entry.taken_at for entry in own], keep)
    proven = max((entry.taken_at for entry in own if entry.proven), default=None)
    gone = [e for e in own if e.taken_at not in stay and e.taken_at != proven and e.id != newest.id]
    for entry in gone:
        await place.remove(catalogue.place_of(entry))
        await place.remove(entry.place)
    return tuple(gone)


def _is_of_one(entry: BackupEntry, newest: BackupEntry) -> bool:
    """Tell whether two backups of one document are of one database, or both of copies that followed one another."""
    if newest.copy_of and entry.copy_of == newest.copy_of:
        return True
    return (entry.server, entry.uuid) == (newest.server, newest.uuid)


def _lock(targets: Targets, target: str, content: BinaryIO, into: BinaryIO) -> bool:
    """Encrypt a file, where its target asks for that; tell whether it does."""
    content.seek(0)
    return targets.encrypt(target, content, into)


def _sum(content: BinaryIO) -> tuple[int, str]:
    """Return how long a file is, and its SHA-256."""
    digest = hashlib.sha256()
    for part in archive.parts_of(content, _PART):
        digest.update(part)
    return content.tell(), digest.hexdigest()
