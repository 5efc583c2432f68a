"""`pause`: leave a document, or the whole fleet, alone until `resume`. It is kept in the store; no host is asked."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from reconciler.cli import groups, screens
from reconciler.cli.known import know, open_memory
from reconciler.cli.naming import completing
from reconciler.cli.options import Common, common, store_option
from reconciler.cli.pausing import PausableDocument, find_subject, pause_document
from reconciler.core.model.pauses import Pause
from reconciler.notices.notices import Level, Notice, NoticeName
from reconciler.reports.escapes import visible
from reconciler.reports.happenings_text import stamp
from schemas.kinds import pausable


@groups.command("odoo-fleet pause", 'odoo-fleet pause prod-1 --reason "new disk"', "odoo-fleet pause instances acme")
@click.argument("words", metavar="[DOCUMENT]", nargs=-1, shell_complete=completing(*pausable()))
@click.option("--reason", default="", metavar="TEXT", help="Why, for whoever meets the pause.")
@store_option
@common("text", "json")
def command(common: Common, store: str, words: tuple[str, ...], reason: str) -> None:
    """Leave DOCUMENT alone until `resume`: a fleet, a server, a template, an instance; the whole fleet if none is named.

    It is still looked at, and `plan` shows what is held back. Actions that are under way go on to their end. The pause is
    kept in the store; what must outlive the store, or be reviewed, belongs into the text as paused: true. `odoo-fleet
    status` lists what is paused.
    """
    known = know(common)
    subject = find_subject(known, words)
    known.require(subject.address)
    now, said = datetime.now(UTC), " ".join(reason.split())
    with open_memory(common, store, known.fleet, purpose="a pause could not be kept") as memory:
        before = memory.inventory().pauses.get((subject.kind, subject.code))
        memory.pause(subject.kind, subject.code, said, now)
        because = f": {said}" if said else ""
        if before is None or said not in {"", before.reason}:
            notice = Notice(
                NoticeName.PAUSED,
                Level.INFO,
                f"{subject.address} was paused by command{because}",
                subject.kind,
                subject.code,
                subject.server,
            )
            memory.record_notice(notice, now)
        inventory = memory.inventory()
    if common.output == "json":
        screens.print_json(pause_document(subject, inventory, changed=before is None, at=now))
    else:
        _tell(subject, before, inventory.pauses[subject.kind, subject.code])


def _tell(subject: PausableDocument, before: Pause | None, pause: Pause) -> None:
    start = f"{subject.address} is paused: {pausable()[subject.kind].withheld}."
    if before is not None and before.since is not None:
        start = f"{subject.address} was paused already, on {stamp(before.since)}: {pausable()[subject.kind].withheld}."
    sentences = [start]
    if pause.reason:
        sentences.append(f"Why: {pause.reason}")
    sentences.append("It is still looked at: `odoo-fleet plan` shows what is held back.")
    undo = "odoo-fleet resume" if subject.kind == "fleet" else f"odoo-fleet resume {subject.address}"
    sentences.append(f"Undo: {undo}")
    if place := subject.place():
        sentences.append(f"Its text pauses it as well ({place}): that stays until the line is removed.")
    paper = screens.paper(screens.OUT)
    for sentence in sentences:
        click.echo("\n".join(paper.paragraph(visible(sentence))))
