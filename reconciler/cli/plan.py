"""`plan`: observe, diff and gate, and show what comes of it. Changes nothing, on no host."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import fleets, groups, interrupts, screens
from reconciler.cli.bases import aim_since
from reconciler.cli.options import Common, Confirmed, RunOptions, common, confirmed, refreshable, run_options
from reconciler.cli.plan_notes import drift_notes, last_moment
from reconciler.cli.progress import show_looking
from reconciler.cli.sessions import Session, begin_session
from reconciler.core.deciding import Limits, Planned
from reconciler.core.freshness import Freshness, freshness
from reconciler.core.model import verbs
from reconciler.core.model.changesets import Changeset
from reconciler.core.needs import secrets_needed
from reconciler.engine.reconcile import plan, remember_looks
from reconciler.fleet.counting import count
from reconciler.fleet.desired import Desired
from reconciler.fleet.secrets import SecretUnavailable
from reconciler.loading.secrets import SecretResolver
from reconciler.reports.changeset_markdown import render_changeset_markdown
from reconciler.reports.escapes import visible
from reconciler.reports.junit import plan_junit
from reconciler.reports.plan_json import plan_document
from reconciler.reports.plan_text import render_plan
from reconciler.reports.words import how_known
from schemas.backups import LATEST

if TYPE_CHECKING:
    from reconciler.cli.saved_plans import Sealer

CHANGES_PENDING = 2
_SECRETS_NAMED = 10
_LONG_AGO = timedelta(hours=1)


@groups.command(
    "odoo-fleet plan",
    "odoo-fleet plan --target acme",
    "odoo-fleet plan --base main -o markdown",
    "odoo-fleet plan --out plan.json",
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when the fleet is not as its text says.")
@click.option(
    "--base", metavar="REF", help="Only what the text changed since this git revision; what was removed since is told."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Save the plan to FILE, for `apply FILE`; sealed with the fleet's key.",
)
@click.option(
    "--summary-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help='Add the plan to FILE as Markdown, for example to "$GITHUB_STEP_SUMMARY".',
)
@confirmed
@run_options
@refreshable
@common("text", "json", "markdown", "junit")
def command(
    common: Common,
    options: RunOptions,
    confirmed: Confirmed,
    *,
    detailed_exitcode: bool,
    base: str | None,
    out: Path | None,
    summary_file: Path | None,
) -> int:
    """Show what `apply` would do, and why. Changes nothing."""
    desired = fleets.load(common)
    aim = aim_since(base, desired, common, options, confirmed)
    sealer = _sealer(desired, common) if out else None
    with begin_session(common, options.store, desired, aim) as session:
        planned = make_plan(session)
        notes = drift_notes(session.store, planned.changeset, datetime.now(UTC))
        moment = last_moment(session.store, planned.changeset)
    if out and sealer:
        from reconciler.cli.saved_plans import write  # noqa: PLC0415 -- only with --out

        _require_that_it_stays_the_same(planned.changeset, session.desired)
        write(out, planned, session, sealer)
        screens.say(f"Saved to {out}: `odoo-fleet apply {shlex.quote(str(out))}` carries out exactly this.")
    _print(planned, session, common.output, notes, moment)
    warn_without_memory(planned, session)
    _warn_of_secrets(planned.changeset, session)
    if summary_file is not None:
        _add(summary_file, _markdown(planned, session, notes, moment))
    return CHANGES_PENDING if detailed_exitcode and not planned.changeset.is_converged else 0


def _require_that_it_stays_the_same(changeset: Changeset, desired: Desired) -> None:
    """End the command where what is to be saved could be another thing when it is carried out."""
    latest = [
        action.address
        for action in changeset.actions
        if action.verb is verbs.RESTORE
        and (source := desired.instances[action.code].restore_from) is not None
        and source.archive is None
        and source.backup == LATEST
    ]
    if latest:
        raise click.UsageError(
            f"{', '.join(latest)}: which backup is the latest may change until the saved plan is applied: name one in "
            "`restore_from` (`odoo-fleet backup list`)"
        )


def warn_without_memory(planned: Planned, session: Session) -> None:
    """Say what it costs that nothing is remembered of a fleet whose databases are there, in a run over all of it."""
    known = _known(planned, session)
    if known.looked_into and not planned.inventory.entries and session.limits.since is None:
        looked = "1 database was" if known.looked_into == 1 else f"each of {known.looked_into} databases was"
        screens.say(
            f"Nothing is remembered of this fleet: {looked} looked into, a host that lists fewer than before would not"
            " be noticed, there is no history, and pauses made by command are not known. A store that is kept from run to run"
            " (--store) avoids that."
        )


def _warn_of_secrets(changeset: Changeset, session: Session) -> None:
    """Say which secrets `apply` would lack if it were run here and now."""
    values = SecretResolver(session.desired, session.reach.environ, session.reach.root)
    lacking: dict[str, None] = {}
    for need in secrets_needed(changeset, session.desired):
        try:
            values.resolve(need.reference, need.kind, need.code, need.field)
        except SecretUnavailable as error:
            lacking[str(error)] = None
    for lack in [*lacking][:_SECRETS_NAMED]:
        screens.say(f"warning: `apply` needs a secret that is not here: {visible(lack)}")
    if (more := len(lacking) - _SECRETS_NAMED) > 0:
        screens.say(f"warning: … and {count(more, 'more secret', 'more secrets')}")


def _sealer(desired: Desired, common: Common) -> Sealer:
    """Make ready to save, before any host is asked: a plan that could not be saved costs nothing."""
    from reconciler.cli.saved_plans import Sealer  # noqa: PLC0415 -- only with --out

    return Sealer(desired, common.fleet)


def _print(planned: Planned, session: Session, output: str, notes: Mapping[str, str], moment: str) -> None:
    changeset = planned.changeset
    match output:
        case "json":
            since = session.limits.since
            base = (since.revision, since.commit) if since else None
            code = session.desired.settings.code
            screens.print_json(plan_document(changeset, code, session.selected, base, _known(planned, session)))
        case "markdown":
            click.echo(_markdown(planned, session, notes, moment), nl=False)
        case "junit":
            click.echo(plan_junit(changeset))
        case _:
            show_plan(planned, session, screens.OUT, notes)


def _known(planned: Planned, session: Session) -> Freshness:
    return freshness(session.desired, planned.observed, planned.inventory, session.selection)


def _markdown(planned: Planned, session: Session, notes: Mapping[str, str], moment: str) -> str:
    known = how_known(_known(planned, session), datetime.now(UTC))
    return render_changeset_markdown(
        planned.changeset, session.desired, scope=session.scope, known=known, notes=notes, moment=moment
    )


def _add(file: Path, text: str) -> None:
    try:
        with file.open("a", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise click.ClickException(f"the summary cannot be written to {file}: {error.strerror or error}") from error


def make_plan(session: Session, limits: Limits | None = None) -> Planned:
    """Run the part of a pass that changes nothing, within other limits than the session's if they are given.

    What was looked into is remembered, so that the next run knows how old that look is.
    """

    async def main() -> Planned:
        async with session.world() as world:
            planned = await plan(session.desired, world, limits or session.limits)
            remember_looks(planned, session.desired, world)
            return planned

    with show_looking(len(session.desired.in_use), live=not session.is_logged) as tell, session.listening(tell):
        return interrupts.run(main())


def show_plan(
    planned: Planned, session: Session, stream: screens.Stream, notes: Mapping[str, str] | None = None
) -> None:
    """Print a plan for people; `notes` are of `drift_notes`."""
    known = _known(planned, session)
    words = how_known(known, datetime.now(UTC))
    paper = screens.paper(stream)
    text = render_plan(planned.changeset, session.desired, paper, scope=session.scope, known=words, notes=notes)
    click.echo(text, err=stream == screens.ERR)
    if planned.changeset.is_converged and known.oldest and datetime.now(UTC) - known.oldest > _LONG_AGO:
        screens.say("`odoo-fleet plan --refresh` looks into every database now.")
