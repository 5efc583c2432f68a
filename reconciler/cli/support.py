"""`support`: a short-lived, logged way into a customer's database, for the operator."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from reconciler.cli import fleets, groups, interrupts, screens
from reconciler.cli.endings import telling
from reconciler.cli.naming import address_of, completing
from reconciler.cli.operators import who_runs
from reconciler.cli.options import Common, RunOptions, common, run_options
from reconciler.cli.sessions import Session, open_session
from reconciler.cli.since import read_length
from reconciler.core.failures import HostError
from reconciler.core.support import LONGEST, SHORTEST
from reconciler.engine.support import Opened, find, let_in
from reconciler.fleet.secrets import SecretUnavailable
from reconciler.notices.notices import Level, Notice, NoticeName
from reconciler.reports.escapes import visible
from schemas.instance import Instance

REFUSED = 1


class Lasting(click.ParamType[timedelta]):
    """The type of `--for`."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read it; wrong usage if it is no length of time that may be."""
        if isinstance(value, timedelta):
            return value
        length = read_length(str(value))
        if length is None:
            self.fail(f"{value!r} is no length of time: write 30m or 2h", param, ctx)
        if not SHORTEST <= length <= LONGEST:
            self.fail(f"{value} is no length of time from 5m to 8h: write 30m or 2h", param, ctx)
        return length


@groups.command("odoo-fleet support acme --for 30m --reason 'ticket 4711'")
@click.argument("words", metavar="INSTANCE", nargs=-1, required=True, shell_complete=completing("instance"))
@click.option("--for", "lasts", type=Lasting(), default="30m", show_default=True, metavar="TIME", help="From 5m to 8h.")
@click.option("--reason", required=True, metavar="TEXT", help="Why, for the history.")
@run_options
@common("text", "json")
def command(common: Common, options: RunOptions, words: Sequence[str], lasts: timedelta, reason: str) -> int:
    """Let yourself into INSTANCE for a while: print a link, alone, that is good once.

    An account with the rights of the admin account is made in its database, named `Support (until …)`. Nobody knows a password
    of it: the link leads to Odoo's own page, on which one is chosen. When the time is over the account is taken out of use by the
    daemon, or the next `apply`. An instance with `allow_support: false` refuses.
    """
    said = " ".join(reason.split())
    if not said:
        raise click.UsageError("--reason is empty: say why, for whoever reads the history")
    if options.store == "none":
        raise click.UsageError("support needs a store: nobody is let in without being written down")
    with open_session(common, options) as session, telling(HostError, SecretUnavailable):
        addresses = {f"instance/{code}" for code in session.desired.instances}
        code = address_of(words, addresses, ["instance"]).partition("/")[2]
        fleets.require(code, session.desired.instances, f"the fleet has no instance {code!r}")
        instance = session.desired.instances[code]
        if not instance.allow_support:
            place = session.desired.range_of("instance", code, "allow_support")
            screens.say(f"{instance.address} forbids it: `allow_support: false` ({place})")
            return REFUSED
        opened = interrupts.run(_open(session, instance, lasts, said))
    if common.output == "json":
        screens.print_json(_document(instance, opened))
        return 0
    screens.say(visible(f"{opened.database} on {opened.server}: {opened.visit.name}, login {opened.visit.login}"))
    screens.say("The link is good once. Choose a password there; it is forgotten when the time is over.")
    click.echo(opened.link.reveal())
    return 0


async def _open(session: Session, instance: Instance, lasts: timedelta, reason: str) -> Opened:
    """Write down who asks, then let them in: nobody is in who does not stand in the history."""
    async with session.world() as world:
        subject = await find(world, session.desired, instance)
        now = datetime.now(UTC)
        until = f"until {now + lasts:%Y-%m-%d %H:%M} UTC"
        detail = f"{instance.address} on {subject.server} was opened for support by {who_runs()}, {until}: {reason}"
        notice = Notice(NoticeName.SUPPORT_OPENED, Level.WARNING, detail, "instance", instance.code, subject.server)
        await world.aside.ask(lambda: session.store.record_notice(notice, now))
        return await let_in(world, session.desired, instance, subject, lasts)


def _document(instance: Instance, opened: Opened) -> dict[str, str]:
    return {
        "instance": instance.code,
        "server": opened.server,
        "database": opened.database,
        "login": opened.visit.login,
        "until": opened.visit.until.isoformat(),
        "link": opened.link.reveal(),
    }
