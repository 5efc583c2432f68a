"""`plan`: observe, diff and gate, and show what comes of it. Changes nothing, on no host."""

from __future__ import annotations

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
@confirmed
@run_options
@common("text", "json")
def command(common: Common, options: RunOptions, confirmed: Confirmed, *, detailed_exitcode: bool) -> int:
    """Show what `apply` would do, and why. Changes nothing."""
    with open_session(common, options, confirmed) as session:
        planned = make_plan(session)
    if common.output == "json":
        settings = session.desired.settings
        screens.print_json(plan_document(planned.changeset, settings.code, session.selected))
    else:
        show_plan(planned.changeset, session, screens.OUT)
    return CHANGES_PENDING if detailed_exitcode and not planned.changeset.is_converged else 0


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
