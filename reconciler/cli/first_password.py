"""`first-password`: a link by which an instance's owner chooses the first password of his own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import click

from reconciler.cli import fleets, groups, interrupts, screens
from reconciler.cli.naming import completing
from reconciler.cli.operators import who_runs
from reconciler.cli.options import Common, RunOptions, common, reach_options
from reconciler.cli.sessions import open_session
from reconciler.cli.support import REFUSED, Lasting, open_way, show
from reconciler.core.diffs.support import LONGEST_LINK
from reconciler.engine.support import link_for_owner, no_owner
from reconciler.notices.notices import Level, NoticeName

_LASTS = Lasting(LONGEST_LINK, "7d", "24h or 3d")


@groups.command("odoo-fleet first-password acme --for 24h")
@click.argument("words", metavar="INSTANCE", nargs=-1, required=True, shell_complete=completing("instance"))
@click.option("--for", "lasts", type=_LASTS, default="24h", show_default=True, metavar="TIME", help="From 5m to 7d.")
@reach_options
@common("text", "json")
def command(common: Common, options: RunOptions, words: Sequence[str], lasts: timedelta) -> int:
    """Print a link, alone, by which INSTANCE's owner chooses the first password of his own, once.

    It leads to Odoo's own page. Whoever has it gets in: hand it to the owner alone. No mail goes out, and no password changes
    until then. Refused once the owner has logged in or has another password than that of the text. A new link makes the
    former one void.
    """
    if options.store == "none":
        raise click.UsageError("first-password needs a store: no link is made without being written down")
    with open_session(common, options) as session:
        instances = session.desired.instances
        instance = instances[fleets.code_of(words, instances, "instance")]
        if instance.owner is None:
            screens.say(no_owner(instance))
            return REFUSED
        login = instance.owner.login

        def detail(server: str, until: str) -> str:
            return f"{who_runs()} asked for a link by which {login} chooses a password of {instance.address} on {server}, {until}"

        told = NoticeName.FIRST_PASSWORD_LINK, Level.INFO, detail
        opened = interrupts.run(open_way(session, instance, lasts, link_for_owner, told))
    account = f"{login} chooses a password, until {opened.visit.until:%Y-%m-%d %H:%M} UTC"
    return show(common, instance, opened, account, "Whoever has it gets in: hand it to the owner alone.")
