"""`check`: the activation tests of one server, each with its answer. It changes nothing on the host."""

from __future__ import annotations

import click

from reconciler.cli import fleets, groups, interrupts, screens
from reconciler.cli.naming import completing
from reconciler.cli.options import Common, RunOptions, common, run_options
from reconciler.cli.sessions import Session, open_session
from reconciler.core.checks import Check, failures
from reconciler.reports.checks import checks_document, render_checks


@groups.command("odoo-fleet check prod-1", "odoo-fleet check prod-1 --server-url prod-1=http://127.0.0.1:8069")
@click.argument("words", metavar="SERVER", nargs=-1, required=True, shell_complete=completing("server"))
@run_options
@common("text", "json")
def command(common: Common, options: RunOptions, words: tuple[str, ...]) -> int:
    """Run the tests that come before SERVER is used; exit with 1 if one fails."""
    with open_session(common, options) as session:
        server = fleets.code_of(words, session.desired.servers, "server")
        found = interrupts.run(_check(session, server))
    document = session.desired.servers[server]
    if common.output == "json":
        screens.print_json(checks_document(document, found))
    else:
        paper = screens.paper(screens.OUT)
        click.echo(render_checks(document, session.reach.server_urls.get(server, document.server_url), found, paper))
    return 1 if failures(found) else 0


async def _check(session: Session, server: str) -> tuple[Check, ...]:
    async with session.world() as world:
        return await world.hosts[server].check()
