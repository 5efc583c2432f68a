"""`forget`: the store no longer expects what a document had. No host is asked, and the database stays as it is."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from reconciler.cli import groups, screens
from reconciler.cli.known import know, open_memory
from reconciler.cli.options import Common, common, store_option
from reconciler.core.model.inventory import Entry
from reconciler.notices.notices import Level, Notice, NoticeName
from reconciler.reports.escapes import visible
from reconciler.reports.plain import report

REFUSED = 1


@groups.command("odoo-fleet forget instance/acme", "odoo-fleet forget server/prod-1")
@click.argument("words", metavar="KIND/CODE", nargs=-1, required=True)
@store_option
@common("text", "json")
def command(common: Common, store: str, words: tuple[str, ...]) -> int:
    """No longer expect the database of KIND/CODE, a document that the fleet no longer has, or anything on that server.

    The database stays as it is, and is somebody else's from then on: it is not missed when it is gone, and nothing logs in to it.
    Exits with 1 while the text declares the document, or what is on the server.
    """
    known = know(common)
    kind, code = known.parse(words)
    address = f"{kind}/{code}"
    if kind == "fleet":
        raise click.UsageError("name one document: forgetting a whole fleet is removing its store")
    if address in known.addresses:
        screens.say(f"{address} is declared: remove its document first, or its database would be expected again.")
        return REFUSED
    with open_memory(common, store, known.fleet, purpose="nothing is remembered there") as memory:
        forgotten = memory.forget(kind, code)
        if forgotten:
            detail = f"{address} was forgotten by command: {_databases(forgotten)}"
            notice = Notice(NoticeName.FORGOTTEN, Level.INFO, detail, kind, code, code if kind == "server" else "")
            memory.record_notice(notice, datetime.now(UTC))
    if common.output == "json":
        databases = [{"server": e.server, "database": e.target} for e in forgotten]
        screens.print_json(report(known.fleet, kind=kind, code=code, forgotten=databases))
        return 0
    said = f"Nothing is remembered of {address}: nothing to do."
    if forgotten:
        said = f"{address} is forgotten: {_databases(forgotten)} stays as it is, and is not looked after or missed."
    click.echo("\n".join(screens.paper(screens.OUT).paragraph(visible(said))))
    return 0


def _databases(forgotten: tuple[Entry, ...]) -> str:
    return ", ".join(f"{entry.target} on {entry.server}" for entry in forgotten)
