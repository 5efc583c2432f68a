"""`restore`: by command what `restore_from` does in the text: an instance that has no database gets one from a backup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import click

from reconciler.cli import fleets, groups, screens
from reconciler.cli.apply import perform, require_terminal
from reconciler.cli.naming import address_of, completing
from reconciler.cli.options import Common, Confirmed, RunOptions, common, confirmed, run_options
from reconciler.cli.plan import make_plan, show_plan
from reconciler.cli.sessions import begin_session, given_aim
from reconciler.core import endings, verbs
from reconciler.fleet.desired import Desired
from schemas.backups import RestoreFrom

NOT_DONE = 1


@groups.command(
    "odoo-fleet restore acme --as acme-again", "odoo-fleet restore acme --backup 2026-11-29T02-30-00Z-prod-1-x7k2q"
)
@click.argument("words", metavar="INSTANCE", nargs=-1, required=True, shell_complete=completing("instance"))
@click.option(
    "--backup", default="latest", metavar="ID", help="Which backup, as `backup list` shows it (default: latest)."
)
@click.option(
    "--as",
    "goal",
    default="",
    metavar="CODE",
    help="The instance that is built from it (default: INSTANCE itself). It is in the text, and has no database yet.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@confirmed
@run_options
@common("text", "json")
def command(
    common: Common,
    options: RunOptions,
    confirmed: Confirmed,
    *,
    words: tuple[str, ...],
    backup: str,
    goal: str,
    yes: bool,
) -> int:
    """Build an instance from a backup of INSTANCE: show the plan, ask, carry it out.

    Nothing is restored over a database that is there. What is restored is proven under a building name and published like any
    build; nothing of it runs, and no mail leaves it, before that.
    """
    require_terminal(yes=yes)
    desired = fleets.load(common)
    code = goal or _of(words, desired)
    fleets.require(code, desired.instances, f"the fleet has no instance {code!r}")
    desired = _restoring(desired, code, RestoreFrom(backup=backup, of=_of(words, desired)))
    aim = given_aim(desired, replace(options, targets=(f"instance/{code}",)), confirmed)
    with begin_session(common, options.store, desired, aim) as session:
        planned = make_plan(session)
        if not any(action.verb is verbs.RESTORE for action in planned.changeset.actions):
            show_plan(planned, session, screens.ERR)
            if endings.in_force(desired, datetime.now(UTC)).instances[code].state == "absent":
                screens.say(
                    f"instance/{code} cannot be restored: its text says that it has ended (`state`, `expires`)."
                )
                return NOT_DONE
            screens.say(f"instance/{code} cannot be restored: it has a database, or what stands above is in the way.")
            return NOT_DONE
        return perform(session, planned, common, yes=yes)


def _of(words: Sequence[str], desired: Desired) -> str:
    """Read whose backup is meant; it may be an instance that is not declared any more."""
    addresses = {f"instance/{code}" for code in desired.instances}
    return address_of(words, addresses, ["instance"], or_former=True).partition("/")[2]


def _restoring(desired: Desired, code: str, source: RestoreFrom) -> Desired:
    """Return the fleet as if its text said where an instance comes from."""
    document = desired.instances[code].model_copy(update={"restore_from": source})
    return desired.having("instance", {**desired.instances, code: document})
