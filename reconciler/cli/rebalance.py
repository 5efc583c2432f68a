"""`rebalance`: which moves would make servers equally full again, as an edit of the text: nothing moves before its apply."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from reconciler.cli import groups, move_edits, screens
from reconciler.cli.editing import INVALID
from reconciler.cli.options import Common, RunOptions, common, reach_options
from reconciler.cli.plan import make_plan
from reconciler.cli.sessions import BY_NAMES, open_session
from reconciler.core.diffs.rebalancing import WORTH_PERCENT, rebalance
from reconciler.fleet.counting import count


@groups.command("odoo-fleet rebalance", "odoo-fleet rebalance --write")
@click.option("--write", "is_written", is_flag=True, help="Write the edits into the files, instead of showing a patch.")
@reach_options
@common("text")
def command(common: Common, options: RunOptions, *, is_written: bool) -> int:
    """Propose the moves by which no server is much fuller than another that could take something, as a patch of the text.

    The hosts are asked for their lists alone; measured sizes are taken from the store. Look at the patch, apply it with `git
    apply` in the fleet's directory, and `plan` shows the moves.
    """
    with open_session(common, options) as session:
        desired = session.desired
        seen = make_plan(session, BY_NAMES)
    frozen = [each.server for each in seen.changeset.frozen]
    found = rebalance(desired, seen.observed, seen.inventory, datetime.now(UTC), frozen)
    for code, before in found.now.items():
        after = found.then[code]
        screens.say(
            f"{code}: {before:.0f} % full" + (f", {after:.0f} % then" if f"{before:.0f}" != f"{after:.0f}" else "")
        )
    if found.unmeasured and any(desired.servers[code].disk_gb for code in found.now):
        screens.say(f"The size of {count(found.unmeasured, 'instance')} is not known, and counts as nothing.")
    if unused := sorted(desired.servers.keys() - found.now.keys()):
        screens.say(f"Left out, since they are not in use or not to be seen: {', '.join(unused)}.")
    if not found.moves:
        screens.say(
            f"Nothing is worth moving: none is {WORTH_PERCENT:.0f} points fuller than one that could take something."
        )
        return 0
    if not move_edits.propose(common, [(each.code, each.server) for each in found.moves], is_written=is_written):
        return INVALID
    screens.say(f"{count(len(found.moves), 'instance')} would move.")
    return 0
