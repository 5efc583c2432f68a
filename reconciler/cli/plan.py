"""`plan`: observe, diff and gate, and show what comes of it. Changes nothing, on no host."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli import interrupts, screens
from reconciler.cli.options import Common, Confirmed, RunOptions, common, confirmed, run_options
from reconciler.cli.progress import show_looking
from reconciler.cli.sessions import Session, open_session
from reconciler.core.changesets import Changeset
from reconciler.engine.reconcile import Limits, Planned, plan
from reconciler.reports.paragraphs import Paper
from reconciler.reports.plan_json import plan_document
from reconciler.reports.plan_text import render_plan

CHANGES_PENDING = 2


@click.command()
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when the fleet is not as its text says.")
@click.option(
    "--summary-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help='Add the plan to FILE as Markdown, for example to "$GITHUB_STEP_SUMMARY".',
)
@confirmed
@run_options
@common("text", "json", "markdown", "junit")
def command(
    common: Common, options: RunOptions, confirmed: Confirmed, *, detailed_exitcode: bool, summary_file: Path | None
) -> int:
    """Show what `apply` would do, and why. Changes nothing."""
    with open_session(common, options, confirmed) as session:
        planned = make_plan(session)
    _print(planned.changeset, session, common.output)
    if summary_file is not None:
        _add(summary_file, _markdown(planned.changeset, session))
    return CHANGES_PENDING if detailed_exitcode and not planned.changeset.is_converged else 0


def _print(changeset: Changeset, session: Session, output: str) -> None:
    match output:
        case "json":
            screens.print_json(plan_document(changeset, session.desired.settings.code, session.selected))
        case "markdown":
            click.echo(_markdown(changeset, session), nl=False)
        case "junit":
            from reconciler.reports.junit import plan_junit  # noqa: PLC0415 -- only where it is asked for

            click.echo(plan_junit(changeset))
        case _:
            show_plan(changeset, session, screens.OUT)


def _markdown(changeset: Changeset, session: Session) -> str:
    from reconciler.reports.changeset_markdown import render_changeset_markdown  # noqa: PLC0415 -- see above

    return render_changeset_markdown(changeset, session.desired, scope=session.scope)


def _add(file: Path, text: str) -> None:
    try:
        with file.open("a", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise click.ClickException(f"the summary cannot be written to {file}: {error.strerror or error}") from error


def make_plan(session: Session, limits: Limits | None = None) -> Planned:
    """Run the part of a pass that changes nothing, within other limits than the session's if they are given."""

    async def main() -> Planned:
        async with session.world() as world:
            return await plan(session.desired, world, limits or session.limits)

    in_use = sum(s.active and s.state != "draft" for s in session.desired.servers.values())
    with show_looking(in_use, live=not session.is_logged) as tell, session.listening(tell):
        return interrupts.run(main())


def show_plan(changeset: Changeset, session: Session, stream: screens.Stream) -> None:
    """Print a plan for people."""
    paper = Paper(screens.width(stream), screens.has_colour(stream))
    click.echo(render_plan(changeset, session.desired, paper, scope=session.scope), err=stream == screens.ERR)
