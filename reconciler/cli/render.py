"""`render`: the proxy's map of host names to databases, from the text and the store. No host is asked."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from reconciler.cli import fleets, groups, screens
from reconciler.cli.known import open_memory
from reconciler.cli.options import Common, common, store_option
from reconciler.core.model.inventory import Inventory
from reconciler.core.policies import endings, usage
from reconciler.git.whole_files import write_whole
from reconciler.reports.escapes import visible
from reconciler.reports.proxy_maps import PROXIES, render_routes, routes

UNCHANGED, CHANGED = 0, 2


@groups.command(
    "odoo-fleet render nginx --out /etc/nginx/conf.d/odoo-names.conf", "odoo-fleet render caddy > /etc/caddy/odoo-names"
)
@click.argument("proxy", type=click.Choice(sorted(PROXIES)))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write it there, whole or not at all.")
@click.option("--detailed-exitcode", is_flag=True, help="With --out: exit with 2 if the file was not like that.")
@store_option
@common("text", hidden=("output",))
def command(common: Common, store: str, proxy: str, out: Path | None, *, detailed_exitcode: bool) -> int:
    """Write which host names lead to which database on which server, and whether it is in service.

    Names are the subdomains and `domains` of instances that are not absent. An instance whose text names no server is where the
    store says that it is.
    """
    now = datetime.now(UTC)
    desired = endings.in_force(fleets.load(common), now)
    inventory = Inventory()
    if store != "none":
        with open_memory(common, store, desired.settings.code, purpose="where instances are is not known") as memory:
            inventory = memory.inventory()
    desired = usage.in_force(desired, inventory, now)
    found, unplaced = routes(desired, inventory)
    for code in unplaced:
        screens.say(f"instance/{code} is left out: its text names no server, and the store does not know where it is.")
    text = render_routes(found, desired.settings.code, proxy)
    if out is None:
        click.echo(text, nl=False)
        return UNCHANGED
    try:
        was_like_that = out.exists() and out.read_bytes() == text.encode()
        if not was_like_that:
            write_whole(out, text.encode(), 0o644)
    except OSError as error:
        raise click.ClickException(f"{visible(str(out))} cannot be written: {error.strerror or error}") from error
    return CHANGED if detailed_exitcode and not was_like_that else UNCHANGED
