"""`restore`: a backup takes the place of the database of an instance, or becomes the one of an instance that has none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from reconciler.cli import fleets, groups, interrupts, screens
from reconciler.cli.apply import perform, require_terminal
from reconciler.cli.naming import address_of, completing
from reconciler.cli.options import Common, Confirmed, RunOptions, common, confirmed, document_options, runs_hooks
from reconciler.cli.plan import make_plan, show_plan
from reconciler.cli.refusals import telling
from reconciler.cli.sessions import Session, begin_session, given_aim
from reconciler.core.model import verbs
from reconciler.core.model.failures import StorageFailure
from reconciler.core.policies import endings
from reconciler.core.policies.replacements import Replacing
from reconciler.engine import catalogues
from reconciler.fleet.desired import Desired
from schemas.backups import LATEST, RestoreFrom

NOT_DONE = 1
_PLANNED = (verbs.RESTORE, verbs.REPLACE)


@groups.command(
    "odoo-fleet restore acme",
    "odoo-fleet restore acme --backup 2026-11-29T02-30-00Z-prod-1-x7k2q",
    "odoo-fleet restore acme --from-trash trash-261129120000.acme",
    "odoo-fleet restore acme --as acme-again",
    "odoo-fleet restore --archive /srv/arrivals/acme.zip --as acme",
)
@click.argument("words", metavar="[INSTANCE]", nargs=-1, shell_complete=completing("instance"))
@click.option(
    "--backup", default=LATEST, metavar="ID", help="Which backup, as `backup list` shows it (default: latest)."
)
@click.option(
    "--from-trash",
    "trash",
    metavar="NAME",
    help="Not a backup: what was replaced or ended comes back in the place of what is there (`status trash`).",
)
@click.option(
    "--as",
    "goal",
    metavar="CODE",
    help="Another instance that is built from it. It is in the text, and has no database yet.",
)
@click.option(
    "--archive",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Not a backup of this fleet: a zip that Odoo's own page made, for the instance of --as. What opens it, `adopt` says.",
)
@click.option(
    "--without-backup",
    is_flag=True,
    help="Make no backup of what is replaced, though its text asks for one: it lies in the trash all the same.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@confirmed
@document_options
@runs_hooks
@common("text", "json")
def command(
    common: Common,
    options: RunOptions,
    confirmed: Confirmed,
    *,
    words: tuple[str, ...],
    backup: str,
    trash: str | None,
    goal: str | None,
    archive: Path | None,
    without_backup: bool,
    yes: bool,
) -> int:
    """Bring INSTANCE back from a backup: show the plan, ask, carry it out.

    What is restored is proven under a building name first; nothing of it runs, and no mail leaves it, before it is published.
    Until then the database that is there stays in service. Then that becomes trash, from which it can come back.
    """
    if "" in (
        backup,
        trash,
        goal,
    ):  # a script's variable, perhaps: it did not mean the latest backup over what is there
        raise click.UsageError("what --backup, --from-trash and --as name is not empty")
    if trash and (goal or backup != LATEST):
        raise click.UsageError("--from-trash goes with neither --backup nor --as")
    if archive and (words or trash or not goal or backup != LATEST):
        raise click.UsageError("--archive goes with --as alone: nothing else is known of what is in it")
    if not (words or archive):
        raise click.UsageError("name the instance whose backup is meant, or an --archive")
    require_terminal(yes=yes)
    desired = fleets.load(common)
    of = _of(words, desired) if words else ""
    code = goal or of
    fleets.require(code, desired.instances, f"the fleet has no instance {code!r}")
    refreshed = replace(options, targets=(f"instance/{code}",), refresh=not options.shallow)
    aim = given_aim(desired, refreshed, confirmed)
    if goal is None and archive is None:  # --as never takes the place of anything, not even of its own
        asked = Replacing(code, trash or "", backup_first=not without_backup)
        aim = replace(aim, limits=replace(aim.limits, replacing=asked))
    with begin_session(common, options.store, desired, aim) as session, telling(StorageFailure):
        if archive:
            session.desired = _restoring(desired, code, _source(archive=str(archive.absolute())))
        elif not trash:
            session.desired = _restoring(desired, code, _found(session, code, _source(backup=backup, of=of)))
        planned = make_plan(session)
        if not any(action.verb in _PLANNED for action in planned.changeset.actions):
            show_plan(planned, session, screens.ERR)
            screens.say(f"instance/{code} cannot be restored: {_why_not(desired, code, is_own=goal is None)}.")
            return NOT_DONE
        return perform(session, planned, common, yes=yes)


def _source(**named: str) -> RestoreFrom:
    try:
        return RestoreFrom(**named)
    except ValueError:
        raise click.UsageError("this is no name of a backup, nor of an archive") from None


def _found(session: Session, code: str, wanted: RestoreFrom) -> RestoreFrom:
    """Look up which backup it is, so that the plan shows that one, and no later one is taken when it is carried out."""

    async def main() -> RestoreFrom:
        async with session.world() as world:
            _, entry = await catalogues.find(world, session.desired, wanted, code)
        return RestoreFrom(backup=entry.id, of=entry.code)

    return interrupts.run(main())


def _why_not(desired: Desired, code: str, *, is_own: bool) -> str:
    if endings.in_force(desired, datetime.now(UTC)).instances[code].state == "absent":
        return "its text says that it has ended (`state`, `expires`)"
    if is_own:
        return "what stands above is in the way"
    return "it has a database, and nothing of another one is put in its place; or what stands above is in the way"


def _of(words: Sequence[str], desired: Desired) -> str:
    """Read whose backup is meant; it may be an instance that is not declared any more."""
    addresses = {f"instance/{code}" for code in desired.instances}
    return address_of(words, addresses, ["instance"], or_former=True).partition("/")[2]


def _restoring(desired: Desired, code: str, source: RestoreFrom) -> Desired:
    """Return the fleet as if its text said where an instance comes from."""
    document = desired.instances[code].model_copy(update={"restore_from": source})
    return desired.having("instance", {**desired.instances, code: document})
