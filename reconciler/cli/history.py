"""`history`: what happened to one document's databases, or on one server: when, what, why, by which commit."""

from __future__ import annotations

from datetime import datetime

import click

from reconciler.cli import groups, screens
from reconciler.cli.known import Known, know, open_memory
from reconciler.cli.naming import completing
from reconciler.cli.options import Common, common, store_option
from reconciler.cli.since import MOST, limit_option, since_option
from reconciler.core.model import verbs
from reconciler.core.model.names import parse
from reconciler.core.model.outcomes import Result
from reconciler.reports.happenings import Asked, Newest
from reconciler.reports.happenings_json import history_document
from reconciler.reports.happenings_text import render_history, stamp
from reconciler.store.happenings import read_happenings
from reconciler.store.opening import AnyStore
from schemas.kinds import pausable


@groups.command("odoo-fleet history acme", "odoo-fleet history servers prod-1 --since 7d")
@click.argument("words", metavar="DOCUMENT", required=True, nargs=-1, shell_complete=completing(*pausable()))
@since_option
@limit_option
@store_option
@common("text", "json")
def command(common: Common, store: str, words: tuple[str, ...], since: datetime | None, limit: int) -> None:
    """Show what happened to DOCUMENT, also if the fleet no longer has it. Asks no host.

    Of an instance or a template: what was done to its databases, also under the codes that an instance had before it was
    renamed. Of a server: what was done on it. Of the fleet: all.
    The newest stands last in text, first in -o json. Times are UTC.
    """
    known = know(common)
    kind, code = known.parse(words)
    address = f"{kind}/{code}"
    with open_memory(common, store, known.fleet, purpose="there is nothing to read") as memory:
        found = _with_former(
            memory, known, read_happenings(memory, _asked(kind, code, since, limit)), kind, code, since, limit
        )
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


def _with_former(
    memory: AnyStore, known: Known, found: Newest, kind: str, code: str, since: datetime | None, limit: int
) -> Newest:
    """Add what happened to the database of a renamed instance under its former codes, each as long as it bore that."""
    happenings, is_cut = [*found.happenings], found.is_cut
    codes = {code}
    until: datetime | None = None
    while kind == "instance" and (former := _former(memory, known, code, until)) and former[0] not in codes:
        code, until = former
        codes.add(code)
        earlier = read_happenings(memory, _asked(kind, code, since, limit))
        happenings += [each for each in earlier.happenings if until is None or each.at <= until]
        is_cut |= earlier.is_cut
    happenings.sort(key=lambda each: each.at)
    return Newest(tuple(happenings[-limit:]), is_cut or len(happenings) > limit)


def _former(memory: AnyStore, known: Known, code: str, until: datetime | None) -> tuple[str, datetime | None] | None:
    """Return the code that an instance had before, and until when: as a rename that was done tells, or one that is to be done."""
    for record in memory.outcomes("instance", code, result=Result.DONE.value, limit=MOST):
        former = parse(record.database).target
        if record.verb == verbs.RENAME and former != code and (until is None or record.at <= until):
            return former, record.at
    declared = known.desired.instances.get(code) if known.desired and until is None else None
    return (declared.renamed_from, None) if declared and declared.renamed_from else None


def _show(found: Newest, address: str, limit: int) -> None:
    if found.is_cut:
        screens.say(f"(the last {limit}; for older ones: --limit)")
    paper = screens.paper(screens.OUT)
    for happening in found.happenings:
        click.echo(render_history(happening, paper, address))


def _empty(address: str, memory: AnyStore, since: datetime | None) -> str:
    """Say where nothing was found, and how far back that is known."""
    passes = memory.passes(limit=MOST)
    start = f"Nothing is known of {address}"
    if since is not None:
        start += f" since {stamp(since)}"
    if not passes:
        return f"{start}: the store {memory.where} knows of no run at all."
    return f"{start}: the store {memory.where} goes back to {stamp(passes[-1].started_at)}."
