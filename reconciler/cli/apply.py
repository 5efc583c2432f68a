"""`apply`: show the plan, ask, carry it out, and say how each action ended.

What is shown is what runs. An interrupted run reports what it did, what is unknown and what it did not begin.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import click

from reconciler.cli import fleets, groups, interrupts, screens
from reconciler.cli.journals import keep_journal
from reconciler.cli.options import (
    Common,
    Confirmed,
    RunOptions,
    common,
    confirmed,
    refreshable,
    run_options,
    runs_hooks,
)
from reconciler.cli.plan import make_plan, show_plan, warn_without_memory
from reconciler.cli.plan_notes import drift_notes
from reconciler.cli.progress import show_progress
from reconciler.cli.saved_plans import aim_of, checked, read, require_no_limits
from reconciler.cli.sessions import Session, begin_session, given_aim
from reconciler.core.deciding import Planned
from reconciler.core.model.changesets import Changeset
from reconciler.core.model.failures import MemoryFailure
from reconciler.core.model.outcomes import Outcome, Result
from reconciler.engine.reconcile import Passed, carry_out
from reconciler.fleet.counting import count
from reconciler.notices.events import ActionEnded, Event
from reconciler.planfile.saved_changesets import SavedChangeset, as_deep_as
from reconciler.reports.outcomes_text import render_outcomes
from reconciler.reports.plan_json import apply_document

NOT_DONE = 1
INTERRUPTED = 130
_GRACE = 30.0


@dataclass(slots=True)
class Recorder:
    """The outcomes as they come, so that a run that is cut off still knows them."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def __call__(self, event: Event) -> None:
        """Keep an outcome."""
        if isinstance(event, ActionEnded):
            self.outcomes[event.outcome.action.id] = event.outcome

    def of(self, changeset: Changeset) -> tuple[Outcome, ...]:
        """Return an outcome for every action: what never ended never began."""
        never = {a.id: Outcome(a, Result.SKIPPED, "interrupted before it began") for a in changeset.actions}
        return tuple(self.outcomes.get(a.id, never[a.id]) for a in changeset.actions)


@groups.command("odoo-fleet apply", "odoo-fleet apply --target acme", "odoo-fleet apply plan.json --yes")
@click.argument("file", required=False, type=click.Path(path_type=Path), metavar="[FILE]")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    default=_GRACE,
    metavar="SECONDS",
    help=f"How long running calls may take to end after Ctrl-C (default: {_GRACE:g}).",
)
@confirmed
@run_options
@runs_hooks
@refreshable
@common("text", "json")
def command(
    common: Common, options: RunOptions, confirmed: Confirmed, *, file: Path | None, yes: bool, grace: float
) -> int:
    """Make the hosts be what the fleet says: show the plan, ask, carry it out.

    With FILE, which `plan --out FILE` wrote: exactly that plan, within the limits that it was made in. If the fleet's
    text, the tool or the hosts have moved since, nothing is done and all that moved is named.
    """
    if file is not None:
        require_no_limits(options, confirmed)
    require_terminal(yes=yes)
    desired = fleets.load(common)
    saved = read(file, desired, common) if file else None
    aim = aim_of(saved, options) if saved else given_aim(desired, options, confirmed)
    with begin_session(common, options.store, desired, aim) as session:
        return perform(session, _plan(session, file, saved), common, yes=yes, grace=grace)


def require_terminal(*, yes: bool) -> None:
    """End the command as wrong usage where nobody can be asked."""
    if not yes and not (sys.stdin and sys.stdin.isatty()):
        raise click.UsageError("there is no terminal to ask on: run with --yes, or look at `odoo-fleet plan` first")


def perform(session: Session, planned: Planned, common: Common, *, yes: bool, grace: float = _GRACE) -> int:
    """Show a plan, ask, carry it out, say how each action ended; return the exit code."""
    # Only the result goes to stdout when machines read it.
    stream: screens.Stream = screens.ERR if common.output == "json" else screens.OUT
    notes = drift_notes(session.store, planned.changeset, datetime.now(UTC))
    show_plan(planned, session, stream, notes)
    warn_without_memory(planned, session)
    if planned.changeset.actions and not (yes or _agreed(planned.changeset)):
        screens.say("Nothing was changed.")
        return NOT_DONE
    recorder = Recorder()
    with session.listening(recorder), keep_journal(session, "apply"):
        passed = _carry_out(session, planned, grace)
    outcomes = recorder.of(planned.changeset)
    stopped = session.stop.is_set()
    after = passed.after.changeset if passed and not stopped else None  # a stopped run takes no fresh look
    if common.output == "json":
        screens.print_json(apply_document(planned.changeset, session.desired.settings.code, outcomes, after))
    elif outcomes:
        paper = screens.paper(screens.OUT)
        click.echo("\n" + render_outcomes(planned.changeset, outcomes, after, paper))
    if stopped:
        return INTERRUPTED
    return 0 if passed and passed.ok else NOT_DONE


def _plan(session: Session, file: Path | None, saved: SavedChangeset | None) -> Planned:
    """Plan what is to be done now; of a saved changeset, exactly what was saved or nothing."""
    if file is None or saved is None:
        return make_plan(session)
    return checked(file, saved, make_plan(session, as_deep_as(saved, session.limits)), session.desired)


def _agreed(changeset: Changeset) -> bool:
    actions = count(len(changeset.actions), "action")
    these = "this" if len(changeset.actions) == 1 else "these"
    return click.confirm(f"\nApply {these} {actions}?", default=False, err=True)


@dataclass(frozen=True, slots=True)
class _Ending:
    """What signals do to an apply (`interrupts.Ending`)."""

    session: Session
    grace: float

    def stop(self) -> None:
        """Begin nothing new."""
        self.session.stop.set()
        screens.say(f"Stopping: nothing new begins; what runs gets {self.grace:g} s (Ctrl-C again: none).")

    def abandon(self) -> None:
        """Wait no longer."""
        if not self.session.abandon.is_set():
            self.session.abandon.set()
            screens.say("Waiting no longer: hosts may go on with what runs.")


def _carry_out(session: Session, planned: Planned, grace: float) -> Passed | None:
    """Carry a plan out; None if it did not come to its end."""

    async def main() -> Passed:
        async with session.world() as world:
            once = replace(session.limits, depth=replace(session.limits.depth, refresh=False))
            return await carry_out(planned, session.desired, world, once)

    with show_progress(len(planned.changeset.actions), live=not session.is_logged) as progress:
        try:
            with session.listening(progress):
                return interrupts.run(main(), _Ending(session, grace))
        except interrupts.Interrupted:
            return None
        except MemoryFailure as error:  # after the actions: what was done is reported all the same
            screens.say(f"Error: {error}")
            return None
