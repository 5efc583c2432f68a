"""`check`: the activation tests of one server, each with its answer. It changes nothing on the host."""

from __future__ import annotations

import click

from reconciler.cli import fleets, interrupts, screens
from reconciler.cli.options import Common, RunOptions, common, run_options
from reconciler.cli.sessions import Session, open_session
from reconciler.core.checks import Check, failures
from reconciler.reports.checks import checks_document, render_checks


@click.command()
@click.argument("server")
@run_options
@common("text", "json")
def command(common: Common, options: RunOptions, server: str) -> int:
    """Run the tests that come before SERVER is used; exit with 1 if one fails."""
    with open_session(common, options) as session:
        fleets.require(server, session.desired.servers, f"the fleet has no server {server!r}")
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
