"""`place`: where the placement rule would put an instance, and why not elsewhere. It changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from reconciler.cli import fleets, groups, screens
from reconciler.cli.naming import completing
from reconciler.cli.options import Common, RunOptions, common, reach_options
from reconciler.cli.plan import make_plan
from reconciler.cli.sessions import BY_NAMES, open_session
from reconciler.reports.placing import find_placement, placement_document, render_placement


@groups.command("odoo-fleet place acme")
@click.argument("words", metavar="INSTANCE", nargs=-1, required=True, shell_complete=completing("instance"))
@reach_options
@common("text", "json")
def command(common: Common, options: RunOptions, words: tuple[str, ...]) -> int:
    """Say where INSTANCE is or would be placed; exit with 1 if no server can take it."""
    with open_session(common, options) as session:
        desired = session.desired
        code = fleets.code_of(words, desired.instances, "instance")
        planned = make_plan(session, BY_NAMES)
    instance = desired.instances[code]
    found = find_placement(desired, planned.observed, planned.inventory, datetime.now(UTC), instance)
    if common.output == "json":
        screens.print_json(placement_document(found))
    else:
        paper = screens.paper(screens.OUT)
        click.echo(render_placement(found, paper))
    return 0 if found.server else 1
