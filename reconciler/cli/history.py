"""`history`: what happened to one document's databases, or on one server: when, what, why, by which commit."""

from __future__ import annotations

from datetime import datetime

import click

from reconciler.cli import groups, screens
from reconciler.cli.happenings import Asked, Found, read_happenings
from reconciler.cli.known import know, open_memory
from reconciler.cli.naming import completing
from reconciler.cli.options import Common, common, store_option
from reconciler.cli.since import since_option
from reconciler.reports.happenings_json import history_document
from reconciler.reports.happenings_text import render_history, stamp
from reconciler.store.opening import AnyStore
from schemas.kinds import pausable

_ALL = 1_000_000


@groups.command("odoo-fleet history acme", "odoo-fleet history servers prod-1 --since 7d")
@click.argument("words", metavar="DOCUMENT", required=True, nargs=-1, shell_complete=completing(*pausable()))
@since_option
@click.option("--limit", type=click.IntRange(min=1), default=50, metavar="N", help="At most so many (default: 50).")
@store_option
@common("text", "json")
def command(common: Common, store: str, words: tuple[str, ...], since: datetime | None, limit: int) -> None:
    """Show what happened to DOCUMENT, also if the fleet no longer has it. Asks no host.

    Of an instance or a template: what was done to its databases. Of a server: what was done on it. Of the fleet: all.
    The newest stands last in text, first in -o json. Times are UTC.
    """
    known = know(common)
    kind, code = known.parse(words)
    address = f"{kind}/{code}"
    with open_memory(common, store, known.fleet, purpose="there is nothing to read") as memory:
        found = read_happenings(memory, _asked(kind, code, since, limit))
        if not found.happenings and kind != "fleet":
            known.require(address)
        if common.output == "json":
            screens.print_json(history_document(known.fleet, address, memory.where, since, found.happenings))
        else:
            _show(found, address, limit)
            if not found.happenings:
                paper = screens.paper(screens.OUT)
                click.echo("\n".join(paper.paragraph(_empty(address, memory, since))))


def _asked(kind: str, code: str, since: datetime | None, limit: int) -> Asked:
    match kind:
        case "fleet":
            return Asked(limit, since)
        case "server":
            return Asked(limit, since, server=code)
        case _:
            return Asked(limit, since, kind=kind, code=code)


def _show(found: Found, address: str, limit: int) -> None:
    if found.is_cut:
        screens.say(f"(the last {limit}; for older ones: --limit)")
    paper = screens.paper(screens.OUT)
    for happening in found.happenings:
        click.echo(render_history(happening, paper, address))


def _empty(address: str, memory: AnyStore, since: datetime | None) -> str:
    """Say where nothing was found, and how far back that is known."""
    passes = memory.passes(limit=_ALL)
    start = f"Nothing is known of {address}"
    if since is not None:
        start += f" since {stamp(since)}"
    if not passes:
        return f"{start}: the store {memory.where} knows of no run at all."
    return f"{start}: the store {memory.where} goes back to {stamp(passes[-1].started_at)}."
