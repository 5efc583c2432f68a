"""`backup`: make one now, list what there is, prove that it comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime

import click

from reconciler.backups.catalogue import BackupEntry, dated
from reconciler.cli import fleets, groups, interrupts, screens
from reconciler.cli.due_backups import BackupsDone, keep_appointments
from reconciler.cli.naming import address_of, completing
from reconciler.cli.options import Common, RunOptions, choosing_options, common
from reconciler.cli.refusals import telling
from reconciler.cli.sessions import Session, open_session
from reconciler.cli.terminal_tables import print_report
from reconciler.core.model import whereabouts
from reconciler.core.model.failures import StorageFailure
from reconciler.core.policies import backups, endings
from reconciler.core.policies.backup_times import Work
from reconciler.core.policies.backups import BackupSubject, NotThere
from reconciler.core.policies.due_backups import next_backup
from reconciler.engine import backing_up, keeping
from reconciler.engine.observing import observe_shallow
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired
from reconciler.reports.backups import BackupRow, backups_table, entry_document, kept_line, proven_line, standings
from reconciler.reports.escapes import visible
from schemas.instance import Instance
from schemas.template import Template

KINDS = ("instance", "template")


@click.group(cls=groups.OptionsFirst)
def command() -> None:
    """Back databases up, and look at what there is."""


@command.command(
    cls=groups.Command,
    short_help="Back up one document, or all that have a policy.",
    examples=["odoo-fleet backup now acme", "odoo-fleet backup now --selector tier=gold"],
)
@click.argument("words", metavar="[DOCUMENT]", nargs=-1, shell_complete=completing(*KINDS))
@choosing_options
@common("text", "json")
def now(common: Common, options: RunOptions, words: tuple[str, ...]) -> int:
    """Back DOCUMENT up now: an instance or a template; without one, all that have a backup policy.

    A backup is kept when it is whole: fetched, read to its last byte, written to its target. Then what its policy no longer
    keeps is removed. Suspended instances are backed up as well.
    """
    with open_session(common, options) as session, telling(StorageFailure):
        documents = _documents(session, words)
        if not documents:
            raise click.UsageError("nothing has a backup policy: name a document, or give a plan `backup: true`")
        targets = {document.address: _target(session.desired, document) for document in documents}
        done = interrupts.run(_back_up(session, documents, targets))
    _show(done, common.output)
    return 1 if done.failed else 0


@command.command(
    "list",
    cls=groups.Command,
    short_help="What there is, as the targets have it; asks no host.",
    examples=["odoo-fleet backup list", "odoo-fleet backup list acme -o json"],
)
@click.argument("words", metavar="[DOCUMENT]", nargs=-1, shell_complete=completing(*KINDS))
@choosing_options
@common("text", "json")
def list_command(common: Common, options: RunOptions, words: tuple[str, ...]) -> None:
    """List the backups of DOCUMENT, or of all, as their targets have them. No host is asked."""
    with open_session(common, options) as session, telling(StorageFailure):
        found = interrupts.run(_catalogue(session, words))
    document = {"backups": [{**entry_document(entry), "target": target} for target, entry in found]}
    print_report(common.output, document, [backups_table(found)])


@command.command(
    cls=groups.Command,
    short_help="Prove the newest by restoring it beside its database.",
    examples=["odoo-fleet backup verify acme", "odoo-fleet backup verify"],
)
@click.argument("words", metavar="[DOCUMENT]", nargs=-1, shell_complete=completing(*KINDS))
@choosing_options
@common("text", "json")
def verify(common: Common, options: RunOptions, words: tuple[str, ...]) -> int:
    """Prove the newest backup of DOCUMENT, or of all that have one: restore it beside its database, look inside, drop it.

    Nobody can reach what is restored, nothing in it runs and no mail leaves it. Its rows, modules, logins and files are
    compared with the archive; how long it took is noted in the catalogue.
    """
    with open_session(common, options) as session, telling(StorageFailure):
        done = interrupts.run(_verify(session, words))
    _show(done, common.output)
    return 1 if done.failed else 0


@command.command(
    cls=groups.Command,
    short_help="Make the backups and proofs that are due, for a timer.",
    examples=["odoo-fleet backup due", "odoo-fleet backup due --selector tier=gold -o json"],
)
@choosing_options
@common("text", "json")
def due(common: Common, options: RunOptions) -> int:
    """Make the backups and proofs that are due by their `schedule` and `verify`; for a timer, where no daemon runs.

    What was missed is made up for, once. What has failed is left alone for a while, 10 minutes at first and 6 hours at most:
    until then it counts as failed. Where a daemon shares the store, neither does what the other has begun.
    """
    with open_session(common, options) as session, telling(StorageFailure):
        done = interrupts.run(keep_appointments(session))
    _show(done, common.output, "" if done.kept or done.failed else done.next_one)
    return 1 if done.failed else 0


def _show(done: BackupsDone, output: str, otherwise: str = "") -> None:
    if output == "json":
        entries = {kept.entry.id: kept.entry for kept in (*done.kept, *done.proven)}
        screens.print_json({"backups": [entry_document(each) for each in entries.values()], "failed": done.failed})
        return
    for kept in done.kept:
        click.echo(visible(kept_line(kept.entry, kept.removed)))
    for kept in done.proven:
        click.echo(visible(proven_line(kept.entry)))
    if otherwise:
        click.echo(visible(otherwise))


def _documents(session: Session, words: Sequence[str]) -> list[Instance | Template]:
    """Find what is to be backed up: what is named, or all that have a policy and are selected."""
    fleets.require_one_choice(words, session.selection)
    desired = session.desired
    everything: dict[str, Instance | Template] = {d.address: d for d in desired.templates.values()}
    everything |= {d.address: d for d in desired.instances.values()}
    if words:
        address = address_of(words, everything, KINDS)
        fleets.require(address, everything, f"the fleet has no {address!r}")
        return [everything[address]]
    in_force = endings.in_force(desired, datetime.now(UTC)).instances
    return [
        d
        for d in everything.values()
        if session.selection.includes(d)
        and backups.policy(desired, d) is not None
        and (d.kind != "instance" or in_force[d.code].state != "absent")  # the backup before its end was its last
    ]


async def _back_up(
    session: Session, documents: Sequence[Instance | Template], targets: Mapping[str, str]
) -> BackupsDone:
    """Back all of them up: on one host one after the other, as a worker of it is taken for as long as each lasts."""
    done = BackupsDone()
    async with session.world() as world:
        inventory = await world.inventory()
        standing = whereabouts.as_it_stands(session.desired, inventory)
        documents = [standing.instances[d.code] if isinstance(d, Instance) else d for d in documents]
        places = {d.address: whereabouts.places(standing, d, inventory) for d in documents}
        observed = await observe_shallow(sorted({code for codes in places.values() for code in codes}), world)
        by_server: dict[str, list[tuple[BackupSubject, str]]] = {}
        for document in documents:
            found = backups.subjects(session.desired, document, observed, places[document.address])
            if isinstance(found, NotThere):
                done.fail(document.address, found.why)
                continue
            for subject in found:
                by_server.setdefault(subject.server, []).append((subject, targets[document.address]))
        async with asyncio.TaskGroup() as group:
            for work in by_server.values():
                group.create_task(_one_after_the_other(session, world, work, done))
    return done


async def _one_after_the_other(
    session: Session, world: World, work: Sequence[tuple[BackupSubject, str]], done: BackupsDone
) -> None:
    desired = session.desired
    for subject, target in work:
        document = backups.document_of(desired, subject.kind, subject.code)
        keep = None if document is None else backups.keep_of(backups.policy(desired, document))
        screens.say(f"backing up {subject.address} on {subject.server} to {target}")
        try:
            kept = await keeping.back_up(world, desired.settings.code, subject, target, keep, session.store)
        except keeping.FAILURES as error:
            done.fail(subject.address, str(error))
        else:
            done.take(Work.BACKUP, kept)


def _target(desired: Desired, document: Instance | Template) -> str:
    target = backups.target_of(desired, backups.policy(desired, document))
    if target is None:
        which = "several" if desired.settings.backup_targets else "no"
        what = f"where {document.address} is backed up to is not said: the fleet declares {which} `backup_targets`"
        raise click.UsageError(what)
    return target


def kept_rows(session: Session, words: Sequence[str], now: datetime) -> tuple[BackupRow, ...]:
    """Work out how documents are kept, all that are selected or one, by what the targets and the store have of them."""
    with telling(StorageFailure):
        found = [entry for _, entry in interrupts.run(_catalogue(session, words))]
    documents = {document.address: document for document in _documents(session, words)}

    def due(address: str, good: Mapping[str, datetime]) -> datetime | None:
        return next_backup(session.desired, documents[address], good, now) if address in documents else None

    records = session.store.backup_records().values()
    problems = {record.address: record.problem for record in records if record.problem and record.work is Work.BACKUP}
    return standings(documents, found, now, due, problems)


async def _catalogue(session: Session, words: Sequence[str]) -> list[tuple[str, BackupEntry]]:
    """Read the catalogues of all targets, of one document or of all that are selected."""
    fleets.require_one_choice(words, session.selection)
    desired = session.desired
    addresses = {d.address for kind in (desired.templates, desired.instances) for d in kind.values()}
    kind, _, code = address_of(words, addresses, KINDS, or_former=True).partition("/") if words else ("", "", "")
    if not desired.settings.backup_targets:
        raise click.UsageError("the fleet declares no `backup_targets`")
    async with session.world() as world:
        return [
            (target, entry)
            for target in desired.settings.backup_targets
            async for entry in _entries(world, target, desired.settings.code, kind, code)
            if words or _is_selected(session, entry)
        ]


def _is_selected(session: Session, entry: BackupEntry) -> bool:
    """Tell whether a backup is of what is selected; of what is declared no more only where everything is."""
    document = backups.document_of(session.desired, entry.kind, entry.code)
    return session.selection.is_everything if document is None else session.selection.includes(document)


async def _entries(world: World, target: str, fleet: str, kind: str, code: str) -> AsyncIterator[BackupEntry]:
    assert world.targets is not None
    for entry in await backing_up.entries(world.targets.open(target), fleet, kind, code):
        yield entry


async def _verify(session: Session, words: Sequence[str]) -> BackupsDone:
    """Prove the newest backup of each database, one after the other: each costs its host a restore."""
    desired, done = session.desired, BackupsDone()
    newest: dict[tuple[str, str], tuple[str, BackupEntry]] = {}
    for target, entry in await _catalogue(session, words):
        if not dated([entry], datetime.now(UTC)):
            continue
        newest[entry.address, entry.server] = max(
            newest.get((entry.address, entry.server), (target, entry)),
            (target, entry),
            key=lambda each: each[1].taken_at,
        )
    if (chosen := words or session.selected) and not newest:
        raise click.UsageError(f"there is no backup of {' '.join(chosen)}")
    async with session.world() as world:
        for target, entry in newest.values():
            document = backups.document_of(desired, entry.kind, entry.code)
            if document is None or entry.server not in desired.servers:
                done.fail(
                    entry.address, f"{entry.id} cannot be proven: its document or its server is not declared any more"
                )
                continue
            screens.say(f"proving {entry.id} of {entry.address} on {entry.server}")
            subject = backups.beside(desired, document, entry.server)
            try:
                done.take(Work.PROOF, await keeping.prove(world, target, entry, subject, session.store))
            except keeping.FAILURES as error:
                done.fail(entry.address, str(error))
    return done
