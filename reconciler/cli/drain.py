"""`drain`: which server each instance of one would move to, as an edit of the text. Nothing moves before that is applied."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from reconciler.cli import fleets, groups, move_edits, screens
from reconciler.cli.editing import INVALID
from reconciler.cli.naming import completing
from reconciler.cli.options import Common, RunOptions, common, reach_options
from reconciler.cli.plan import make_plan
from reconciler.cli.sessions import BY_NAMES, open_session
from reconciler.core.diffs.draining import drain


@groups.command("odoo-fleet drain prod-1", "odoo-fleet drain prod-1 --write")
@click.argument("words", metavar="SERVER", nargs=-1, required=True, shell_complete=completing("server"))
@click.option("--write", "is_written", is_flag=True, help="Write the edits into the files, instead of showing a patch.")
@reach_options
@common("text")
def command(common: Common, options: RunOptions, words: tuple[str, ...], *, is_written: bool) -> int:
    """Propose where the instances of SERVER move to, as a patch of the text; exit with 1 if one of them fits nowhere.

    The hosts are asked for their lists alone. Look at the patch, apply it with `git apply` in the fleet's directory,
    and `plan` shows the moves.
    """
    with open_session(common, options) as session:
        desired = session.desired
        code = fleets.code_of(words, desired.servers, "server")
        seen = make_plan(session, BY_NAMES)
    proposals = drain(desired, seen.observed, seen.inventory, datetime.now(UTC), desired.servers[code])
    if not proposals:
        screens.say(f"No instance is on {code}: there is nothing to move.")
        return 0
    for each in (p for p in proposals if not p.server):
        screens.say(f"instance/{each.code} stays: {each.why}")
    moved = [(p.code, p.server) for p in proposals if p.server]
    if not move_edits.propose(common, moved, is_written=is_written):
        return INVALID
    screens.say(f"{len(moved)} of {len(proposals)} would move.")
    return 0 if len(moved) == len(proposals) else 1
