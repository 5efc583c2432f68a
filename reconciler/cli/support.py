"""`support`: a short-lived, logged way into a customer's database, for the operator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from reconciler.cli import fleets, groups, interrupts, screens
from reconciler.cli.naming import completing
from reconciler.cli.operators import who_runs
from reconciler.cli.options import Common, RunOptions, common, reach_options
from reconciler.cli.sessions import Session, open_session
from reconciler.core.diffs.support import LONGEST, SHORTEST
from reconciler.core.model.lengths import read_length
from reconciler.engine.support import Opened, Opens, find, let_in
from reconciler.notices.notices import Level, Notice, NoticeName
from reconciler.reports.escapes import visible
from schemas.instance import Instance

REFUSED = 1


class Lasting(click.ParamType[timedelta]):
    """The type of `--for`.

    Args:
        longest: that may be given.
        written: the same, as people write it.
        examples: what they may write.
    """

    name = "time"

    def __init__(self, longest: timedelta, written: str, examples: str) -> None:
        self.longest, self.written, self.examples = longest, written, examples

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read it; wrong usage if it is no length of time that may be."""
        if isinstance(value, timedelta):
            return value
        length = read_length(str(value))
        if length is None:
            self.fail(f"{value!r} is no length of time: write {self.examples}", param, ctx)
        if not SHORTEST <= length <= self.longest:
            self.fail(f"{value} is no length of time from 5m to {self.written}: write {self.examples}", param, ctx)
        return length


_LASTS = Lasting(LONGEST, "8h", "30m or 2h")


@groups.command("odoo-fleet support acme --for 30m --reason 'ticket 4711'")
@click.argument("words", metavar="INSTANCE", nargs=-1, required=True, shell_complete=completing("instance"))
@click.option("--for", "lasts", type=_LASTS, default="30m", show_default=True, metavar="TIME", help="From 5m to 8h.")
@click.option("--reason", required=True, metavar="TEXT", help="Why, for the history.")
@reach_options
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
    with open_session(common, options) as session:
        instances = session.desired.instances
        instance = instances[fleets.code_of(words, instances, "instance")]
        if not instance.allow_support:
            place = session.desired.range_of("instance", instance.code, "allow_support")
            screens.say(f"{instance.address} forbids it: `allow_support: false` ({place})")
            return REFUSED
        name, level = NoticeName.SUPPORT_OPENED, Level.WARNING

        def detail(server: str, until: str) -> str:
            return f"{instance.address} on {server} was opened for support by {who_runs()}, {until}: {said}"

        opened = interrupts.run(open_way(session, instance, lasts, let_in, (name, level, detail)))
    account = f"{opened.visit.name}, login {opened.visit.login}"
    return show(common, instance, opened, account, "Choose a password there; it is forgotten when the time is over.")


def show(common: Common, instance: Instance, opened: Opened, account: str, advice: str) -> int:
    """Print the link, alone on stdout, or all as JSON; return the exit code.

    Args:
        common: what all commands take.
        instance: whose database is opened.
        opened: the way in.
        account: whose password is chosen, for people.
        advice: what to do with the link.
    """
    if common.output == "json":
        screens.print_json(_document(instance, opened))
        return 0
    screens.say(visible(f"{opened.database} on {opened.server}: {account}"))
    screens.say(f"The link is good once. {advice}")
    click.echo(opened.link.reveal())
    return 0


Told = tuple[NoticeName, Level, Callable[[str, str], str]]
"""What the history says of a way in: its name, how grave that is, and the words for a server and an end."""


async def open_way(session: Session, instance: Instance, lasts: timedelta, opens: Opens, told: Told) -> Opened:
    """Write down who asks, then open the way: nobody is in who does not stand in the history."""
    async with session.world() as world:
        subject = await find(world, session.desired, instance)
        now = datetime.now(UTC)
        name, level, detail = told
        words = detail(subject.server, f"until {now + lasts:%Y-%m-%d %H:%M} UTC")
        notice = Notice(name, level, words, "instance", instance.code, subject.server)
        await world.aside.ask(lambda: session.store.record_notice(notice, now))
        return await opens(world, session.desired, instance, subject, lasts)


def _document(instance: Instance, opened: Opened) -> dict[str, str]:
    return {
        "instance": instance.code,
        "server": opened.server,
        "database": opened.database,
        "login": opened.visit.login,
        "until": opened.visit.until.isoformat(),
        "link": opened.link.reveal(),
    }
