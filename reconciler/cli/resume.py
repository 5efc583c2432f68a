"""`resume`: end a pause that a command began. One that stands in the text is ended by removing the line."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from reconciler.cli import groups, screens
from reconciler.cli.known import know, open_memory
from reconciler.cli.naming import completing
from reconciler.cli.options import Common, common, store_option
from reconciler.cli.pausing import PausableDocument, find_subject, pause_document
from reconciler.core.model.inventory import Inventory
from reconciler.notices.notices import Level, Notice, NoticeName
from reconciler.reports.escapes import visible
from schemas.kinds import pausable

PAUSED_BY_ITS_TEXT = 1


@groups.command("odoo-fleet resume", "odoo-fleet resume acme")
@click.argument("words", metavar="[DOCUMENT]", nargs=-1, shell_complete=completing(*pausable()))
@click.option("--reason", default="", metavar="TEXT", help="Why, for the history.")
@store_option
@common("text", "json")
def command(common: Common, store: str, words: tuple[str, ...], reason: str) -> int:
    """End the pause of DOCUMENT, or that of the whole fleet if none is named; the pauses of its documents stay.

    Exits with 1 if the document's text pauses it (paused: true): remove that line.
    """
    known = know(common)
    subject = find_subject(known, words)
    now, said = datetime.now(UTC), " ".join(reason.split())
    with open_memory(common, store, known.fleet, purpose="no pause is kept there") as memory:
        ended = memory.resume(subject.kind, subject.code)
        if ended:
            because = f": {said}" if said else ""
            detail = f"{subject.address} was resumed by command{because}"
            notice = Notice(NoticeName.RESUMED, Level.INFO, detail, subject.kind, subject.code, subject.server)
            memory.record_notice(notice, now)
        else:
            known.require(subject.address)
        inventory = memory.inventory()
    if common.output == "json":
        screens.print_json(pause_document(subject, inventory, changed=ended, at=now))
    else:
        _tell(subject, inventory, ended=ended)
    return PAUSED_BY_ITS_TEXT if subject.place() else 0


def _tell(subject: PausableDocument, inventory: Inventory, *, ended: bool) -> None:
    place, wider = subject.place(), subject.wider(inventory)
    if place:
        start = "The command's pause is ended, but " if ended else ""
        sentences = [f"{start}{subject.address} is paused by its text: remove `paused: true` at {place}."]
    elif ended:
        sentences = [
            f"{subject.address} is no longer paused{'' if wider else ': what was held back is done from now on'}."
        ]
    else:
        sentences = [f"{subject.address} is not paused: nothing to do."]
    for pause in wider:
        undo = "odoo-fleet resume" if pause.kind == "fleet" else f"odoo-fleet resume {pause.address}"
        todo = f"`{undo}` ends that" if pause.since else "its text says so"
        sentences.append(f"It is held back all the same: {pause.why} ({todo}).")
    paper = screens.paper(screens.OUT)
    for sentence in sentences:
        click.echo("\n".join(paper.paragraph(visible(sentence))), err=bool(place))
