"""Brings a backup back under a building name, and proves it: what a host says of a restore is not believed.

It says that it is done when a table is empty, when files landed in the wrong folder, when half of the rows are missing. The dump
that it is given leaves no way to half of the rows (`archives.rewriting`); the rest is looked up: rows of the tables that people
would miss, installed modules, logins, and for each attachment whether its file is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from reconciler.archives import archive
from reconciler.archives.archive import Archive
from reconciler.archives.failures import NotSafe, NotWhole
from reconciler.archives.rewriting import HELD_BACK
from reconciler.backups import catalogue
from reconciler.backups.catalogue import BackupEntry, Proof
from reconciler.core.diffs import copies
from reconciler.core.model import module_operations, names
from reconciler.core.model.failures import (
    HostError,
    PasswordRefused,
    ProofFailed,
    Refused,
    StorageFailure,
    UnknownOutcome,
)
from reconciler.core.model.observed import mark_of
from reconciler.core.model.specs import DatabaseSpec, instance_spec
from reconciler.core.policies import backups, claims
from reconciler.core.policies.backups import BackupSubject
from reconciler.engine import backing_up, catalogues
from reconciler.engine.accounts import Account
from reconciler.engine.backing_up import fetch, targets_of, write_entry
from reconciler.engine.building import Builder, Room
from reconciler.engine.demands import Demands
from reconciler.engine.lost_answers import refresh_workers, wait_until_done
from reconciler.engine.patience import insist
from reconciler.engine.ports import Clock, Database, Host
from reconciler.engine.storage import on_this_machine
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired
from schemas.backups import RestoreFrom

KEY_TABLES = (
    "account_move",
    "account_move_line",
    "ir_attachment",
    "ir_model",
    "ir_module_module",
    "product_template",
    "project_task",
    "res_company",
    "res_groups",
    "res_partner",
    "res_users",
    "sale_order",
    "stock_move",
)
"""Tables whose rows are counted. None that Odoo writes to by itself when it restores a database, loads it, or logs somebody in
(a 19 adds a row to mail_message)."""

_LOOKED_FOR = 600.0
"""So many seconds a proof whose answer was lost is looked for, as a clone is by default."""

_LOOKS = 2

_UNFIT = re.compile(r"[^A-Za-z0-9 ./:_-]")


async def verify(world: World, target: str, entry: BackupEntry, subject: BackupSubject) -> BackupEntry:
    """Prove a backup: restore it beside its database, look inside, drop it, and note in its entry how long that took.

    Args:
        world: the ports.
        target: where the backup is.
        entry: the backup.
        subject: whose it is, and on which server it is restored.

    Returns:
        The entry, with its proof.

    Raises:
        HostError: it does not come back, or not whole.
        StorageFailure: it is not there any more as it was kept.
        SecretUnavailable: a password or a key is not to be had.
    """
    began = world.clock.monotonic()
    account = Account(world.hosts[subject.server], subject.spec, world.secrets, world.clock)
    async with _restored(world, _kept(world, target, entry), subject.spec, lambda _: [account]) as database:
        seconds = round(world.clock.monotonic() - began, 1)
        await world.hosts[subject.server].drop_own_build(database.name)
    proven = entry.model_copy(update={"proven": Proof(at=world.clock.now(), seconds=seconds)})
    place = targets_of(world).open(target)
    # What was thinned out meanwhile must not be catalogued again: its content is gone.
    if catalogue.place_of(entry) not in await place.names(catalogue.folder(entry.fleet, entry.kind, entry.code)):
        raise StorageFailure(f"{entry.id} of {entry.address} was removed from {target} while it was proven")
    await write_entry(place, proven)
    return proven


async def build(
    world: World,
    desired: Desired,
    builder: Builder,
    spec: DatabaseSpec,
    source: RestoreSource,
    final: str,
    former: str | None,
    room: Room | None = None,
    demands: Demands | None = None,
) -> str:
    """Build an instance from a backup: restore it under a building name, prove it, make it the instance's own, publish it.

    Args:
        world: the ports.
        desired: the fleet.
        builder: builds on the server of the spec.
        spec: what the database is to be.
        source: the backup, or the archive.
        final: the name that it is to bear: its target, or suspended.
        former: the name that the instance had before, if its text says so.
        room: takes out of the way what bears its name, once all is proven.
        demands: what the archive has to be, if anything is demanded of it.

    Returns:
        Which backup it was, for people.

    Raises:
        HostError: it does not come back, or not whole; nothing was published.
        StorageFailure: it is not as it was kept.
        SecretUnavailable: a password or a key is not to be had.
    """

    def accounts(kept: Archive) -> list[Account]:
        """Open it as what it is of, if that is this fleet's, and as what it is to be."""
        mark = mark_of(kept.parameters)
        code = mark.code if mark is not None and (mark.fleet, mark.kind) == (spec.fleet, "instance") else None
        own = Account(world.hosts[spec.server], spec, world.secrets, world.clock, code)
        document = desired.instances.get(code) if code is not None else None
        if document is None:
            return [own]
        return [replace(own, spec=instance_spec(desired, document, desired.servers[spec.server])), own]

    builder.step("restoring")
    neutralize, limit = spec.neutralize, builder.limits.clone
    async with _restored(
        world, source, spec, accounts, neutralize=neutralize, limit=limit, demands=demands
    ) as database:
        if source.is_foreign and (doubt := claims.why_not_its_admin(await insist(database.look, world.clock))):
            raise Refused(doubt.why, server=spec.server, database=database.name, advice=doubt.advice)
        await builder.take_in(database, spec, final, former, room)
    return source.told


async def copy(
    world: World,
    builder: Builder,
    spec: DatabaseSpec,
    source: BackupSubject,
    final: str,
    former: str | None,
    room: Room | None = None,
    demands: Demands | None = None,
) -> None:
    """Build an instance as a copy of another one, as that is now; its people notice nothing but a busy worker.

    Not by the host's own duplicate: that ends what its people are doing, and runs what is due and sends what waits in the copy
    before it can be stopped.

    Args:
        world: the ports.
        builder: builds on the server of the spec.
        spec: what the copy is to be.
        source: the database that is copied.
        final: the name that the copy is to bear: its target, or suspended.
        former: the name that the copy had before, if its text says so.
        room: makes room for it while it is published, where it takes another one's place.
        demands: what is packed has to be, if anything is demanded of it.

    Raises:
        HostError: it does not come over whole, or not neutralized; nothing was published.
        SecretUnavailable: a password is not to be had.
    """
    account = Account(world.hosts[spec.server], source.spec, world.secrets, world.clock)
    account.password()  # one that is not to be had costs the host nothing
    builder.step(f"reading {source.database}")
    with tempfile.TemporaryFile() as spool:
        _, kept = await backing_up.collect(world, source, spool)
        if demands is not None:
            await demands.require(kept)
        builder.step("copying")
        origin = f"{source.address} on {source.server}"
        neutralize, limit = spec.neutralize, builder.limits.clone
        async with unpacked(
            world, spool, kept, origin, spec, [account], neutralize=neutralize, limit=limit
        ) as database:
            await builder.take_in(database, spec, final, former, room)


@dataclass(frozen=True, slots=True)
class RestoreSource:
    """Where what is restored comes from: as people are told, as it is noted in the database, and how it gets into a file.

    What is foreign was not made by this fleet, and is opened by what `adopt` says.
    """

    told: str
    noted: str
    fetch: Callable[[BinaryIO], Awaitable[Archive]]
    is_foreign: bool = False


async def source_of(world: World, desired: Desired, wanted: RestoreFrom, own: str) -> RestoreSource:
    """Find what an instance of the code `own` is to be restored from.

    Raises:
        StorageFailure: there is no such backup, or a target does not answer.
    """
    if wanted.archive is not None:
        path, fleet = wanted.archive, desired.settings.code
        taken = functools.partial(_take_archive, world, path, fleet, wanted.fleet)
        return RestoreSource(f"from the archive {path}", path, taken, is_foreign=True)
    target, entry = await catalogues.find(world, desired, wanted, own)
    return _kept(world, target, entry)


def _kept(world: World, target: str, entry: BackupEntry) -> RestoreSource:
    told = f"from {entry.id} of {entry.address} in {target}, taken {entry.taken_at:%Y-%m-%d %H:%M} UTC"
    return RestoreSource(told, f"{target} {entry.address} {entry.id}", functools.partial(fetch, world, target, entry))


async def _take_archive(world: World, path: str, fleet: str, given: str | None, into: BinaryIO) -> Archive:
    """Copy an archive that this fleet has not made into an empty file, and read it to its last byte."""
    with targets_of(world).archive(path) as file, on_this_machine():
        await asyncio.to_thread(shutil.copyfileobj, file, into)
    try:
        found = await asyncio.to_thread(archive.read, into)
    except (NotWhole, NotSafe) as wrong:
        raise StorageFailure(f"{path} cannot be restored: {wrong}") from None
    if stranger := backups.not_to_be_taken(fleet, given, mark_of(found.parameters)):
        raise StorageFailure(f"{path} is not taken in: {stranger}", advice=_GIVEN_UP)
    return found


_GIVEN_UP = (
    "only if that fleet has given it up, or this is to be a copy beside it, name that fleet:"
    " `restore_from: {archive: …, fleet: …}`"
)


@contextlib.asynccontextmanager
async def _restored(
    world: World,
    source: RestoreSource,
    spec: DatabaseSpec,
    accounts: Callable[[Archive], Sequence[Account]],
    *,
    neutralize: bool = False,
    limit: float = _LOOKED_FOR,
    demands: Demands | None = None,
) -> AsyncIterator[Database]:
    """Restore a backup under a building name of a spec and prove it; if anything fails, here or in the body, it is dropped.

    Raises as `verify`. Where the outcome is unknown the name is left, and swept when its limit has passed.
    """
    with tempfile.TemporaryFile() as spool:
        kept = await source.fetch(spool)
        if demands is not None:
            await demands.require(kept)
        opens = accounts(kept)
        async with unpacked(
            world, spool, kept, source.noted, spec, opens, neutralize=neutralize, limit=limit
        ) as database:
            yield database


@contextlib.asynccontextmanager
async def unpacked(
    world: World,
    spool: BinaryIO,
    kept: Archive,
    origin: str,
    spec: DatabaseSpec,
    accounts: Sequence[Account],
    *,
    neutralize: bool,
    is_copy: bool = True,
    limit: float = _LOOKED_FOR,
) -> AsyncIterator[Database]:
    """Do the same with an archive that is at hand and was read; `origin` is noted in what becomes of it.

    Where the host's answer is lost it is looked for as many seconds as `limit` whether it is done.
    """
    host = world.hosts[spec.server]
    await _require_same_series(host, kept)
    uuid = kept.parameters.get("database.uuid", "")
    note = copies.noted(_UNFIT.sub("-", origin), world.clock.now(), _UNFIT.sub("-", uuid))
    with on_this_machine():
        await asyncio.to_thread(archive.prepare, spool, note)
    name = names.building(spec.target, world.clock.now(), world.nonces.token(names.NONCE_LENGTH))
    try:
        try:
            await host.restore(name, spool, neutralize=neutralize, is_copy=is_copy)
        except UnknownOutcome as lost:
            await _come_to_its_end(host, world.clock, name, kept, accounts, lost, limit, neutralized=neutralize)
        yield await _prove(world, host, name, kept, accounts, neutralized=neutralize)
    except (UnknownOutcome, asyncio.CancelledError):
        raise  # whatever runs there now: its name is swept when its limit has passed
    except BaseException:
        with contextlib.suppress(HostError):
            if name in await host.listed():
                await host.drop_own_build(name)
        raise


async def _come_to_its_end(
    host: Host,
    clock: Clock,
    name: str,
    kept: Archive,
    accounts: Sequence[Account],
    lost: UnknownOutcome,
    limit: float,
    *,
    neutralized: bool,
) -> None:
    """Look until a restore has ended whose answer was lost, or raise what became of it.

    Its rows come in one transaction; then the host moves the files there and, in another one that ends after that, draws another
    uuid and neutralizes. So it is at its end where all files are there, and two looks in a row find all proven and the same uuid.
    """
    if kept.files <= kept.missing_count:
        raise lost  # without files nothing tells the end
    seen: list[str] = []

    async def done() -> bool:
        # Who logs in while the host loads it may collide with the host, as both make the same tables (19).
        with contextlib.suppress(HostError):
            return await is_whole()
        return False

    async def is_whole() -> bool:
        database = await _opened_once(name, accounts)
        if database is None or not all(a == b for _, a, b in await _facts(database, kept, neutralized=neutralized)):
            return False
        seen.append((await database.identity())[0])
        if len(seen) < _LOOKS or len(set(seen[-_LOOKS:])) > 1:
            return False
        await refresh_workers(database)
        return True

    await wait_until_done(host, clock, name, lost, limit, done)


async def _opened_once(name: str, accounts: Sequence[Account]) -> Database | None:
    for account in accounts:
        if (opened := await account.open(name)) is not None:
            return opened[0]
    return None


async def _require_same_series(host: Host, kept: Archive) -> None:
    """Refuse an archive of another Odoo: a 14 takes one of a 19, and even logs in to what that becomes."""
    seen = await host.look()
    if not seen.online:
        raise Refused(f"it cannot be restored: {seen.problem}", server=host.server)
    if seen.version != kept.series:
        what = f"the backup is of Odoo {kept.series}, and the host runs {seen.version}"
        raise Refused(what, server=host.server, advice="restore it on a host of its own version")


async def _prove(
    world: World, host: Host, name: str, kept: Archive, accounts: Sequence[Account], *, neutralized: bool
) -> Database:
    database = await _opened(world, name, accounts)
    for what, expected, found in await _facts(database, kept, neutralized=neutralized):
        if expected != found:
            told = f"what was restored is not what was backed up: {what}: {found}, not {expected}"
            raise ProofFailed(told, server=host.server, database=name)
    return database


async def _opened(world: World, name: str, accounts: Sequence[Account]) -> Database:
    for account in accounts:
        if (opened := await insist(functools.partial(account.open, name), world.clock)) is not None:
            return opened[0]
    what = "what was restored refuses the declared password and all former ones, so that it cannot be looked into"
    advice = "what opens one that this fleet has not made, `adopt` says: an account that logs in with a second factor does not"
    raise PasswordRefused(what, server=accounts[0].host.server, database=name, advice=advice)


async def _facts(database: Database, kept: Archive, *, neutralized: bool) -> list[tuple[str, object, object]]:
    """Compare what is inside with what the archive holds: what it is, what was expected, what was found."""
    tables = [table for table in KEY_TABLES if table in kept.rows]
    # A host that neutralizes adds a mail server that leads nowhere; that no other is active is found out later.
    waking = [table for table in HELD_BACK if table in kept.rows and not (neutralized and table == "ir_mail_server")]
    inside, look = await database.inside(tables, waking), await database.look()
    sizes = await database.file_sizes()
    installed = {name for name, state in look.modules.items() if state == module_operations.INSTALLED}
    without = {key.partition("/")[2] for key, size in sizes.items() if not size}
    return [
        *((f"rows of {table}", kept.rows[table], inside.rows[table]) for table in tables),
        *((f"active rows of {table}", 0, inside.active[table]) for table in waking),
        ("modules", sorted(kept.modules), sorted(installed)),
        ("logins", kept.rows["res_users"], len(await database.logins())),
        ("files that are missing", kept.missing_count, len(without)),
    ]
