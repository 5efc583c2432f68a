"""`check`: the activation tests of one server, each with its answer. It changes nothing on the host."""

from __future__ import annotations

import click

from reconciler.cli import fleets, groups, interrupts, screens
from reconciler.cli.naming import completing
from reconciler.cli.options import Common, RunOptions, common, reach_options
from reconciler.cli.sessions import Session, open_session
from reconciler.core.model.checks import Check, CheckResult
from reconciler.health.login_pages import skipped_manager
from reconciler.health.looks import check_manager
from reconciler.reports.checks import checks_document, render_checks


@groups.command("odoo-fleet check prod-1", "odoo-fleet check prod-1 --server-url prod-1=http://127.0.0.1:8069")
@click.argument("words", metavar="SERVER", nargs=-1, required=True, shell_complete=completing("server"))
@reach_options
@common("text", "json")
def command(common: Common, options: RunOptions, words: tuple[str, ...]) -> int:
    """Run the tests that come before SERVER is used, and look what strangers find there; exit with 1 if one fails."""
    with open_session(common, options) as session:
        server = fleets.code_of(words, session.desired.servers, "server")
        found = interrupts.run(_check(session, server))
    document = session.desired.servers[server]
    if common.output == "json":
        screens.print_json(checks_document(document, found))
    else:
        paper = screens.paper(screens.OUT)
        click.echo(render_checks(document, session.reach.server_urls.get(server, document.server_url), found, paper))
    return 1 if any(c.answer is CheckResult.FAILED for c in found) else 0


async def _check(session: Session, code: str) -> tuple[Check, ...]:
    server = session.desired.servers[code]
    async with session.world() as world:
        tests = await world.hosts[code].check()
        if session.desired.settings.backup_targets and all(c.answer is not CheckResult.FAILED for c in tests):
            tests = (*tests, await world.hosts[code].check_backups())
        skipped = skipped_manager(server, elsewhere=code in session.reach.server_urls)
        return (*tests, skipped or await check_manager(world.pages[code], server))
