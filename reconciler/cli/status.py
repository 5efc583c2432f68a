"""`status`: what is declared beside what is there, by a shallow look: two calls a host. `--health` is in `cli.health`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import click

from reconciler.cli import fleets, groups, screens
from reconciler.cli.naming import address_of, completing
from reconciler.cli.options import Common, RunOptions, common, refreshable, run_options
from reconciler.cli.sessions import Session, open_session
from reconciler.cli.status_views import OF_DAYS, VIEWS, seen, show_frozen
from reconciler.cli.terminal_tables import MACHINES, print_document, render_tables
from reconciler.core.model.selection import Selection
from reconciler.reports.paragraphs import Tone
from reconciler.reports.plan_text import left_alone_lines
from reconciler.reports.status import Status, status, subjects
from reconciler.reports.status_json import status_document
from reconciler.reports.status_tables import render_pauses, status_tables
from reconciler.reports.words import how_known


@groups.command(
    "odoo-fleet status",
    "odoo-fleet status instances -o wide",
    "odoo-fleet status acme",
    "odoo-fleet status foreign prod-1",
    "odoo-fleet status trash",
    "odoo-fleet status upgrades",
    "odoo-fleet status --health servers prod-1",
)
@click.argument(
    "words",
    nargs=-1,
    metavar=f"[servers|templates|instances|plans|{'|'.join(VIEWS)}] [DOCUMENT]",
    shell_complete=completing(*subjects().values(), also=[*subjects(), *VIEWS]),
)
@click.option(
    "--health",
    "of_health",
    is_flag=True,
    help="How servers are and, with DOCUMENT, have been; for instances, whether customers reach their login page.",
)
@run_options
@refreshable
@common("text", "wide", "json", "yaml", "ics")
def command(common: Common, options: RunOptions, words: tuple[str, ...], *, of_health: bool) -> None:
    """Show what is declared beside what is there: all of the fleet, one kind, or one document.

    `status foreign [SERVER]` lists what is on the hosts and not this fleet's, `status trash [SERVER]` what was ended, and until
    when it comes back, `status backups [DOCUMENT]` how old the last good and the last proven backup of each database is, and
    when the next is due, `status upgrades` who is behind the code of its host and what each waits for, `status subscriptions`
    whose subscription ends when, `status limits` how many users and how much storage instances have of what their plans include,
    as `apply` or a daemon measured it; these two ask no host. `-o ics` gives what ends when as a calendar: with `subscriptions`
    those, their grace, and instances that expire; with `trash` from when on what is there may be dropped.
    """
    if common.output == "ics" and (of_health or words[:1] not in [(view,) for view in OF_DAYS]):
        raise click.UsageError("-o ics is for `status subscriptions` and `status trash`")
    if of_health:
        _show_health(common, options, words)
        return
    if show := VIEWS.get("".join(words[:1])):
        show(common, options, words[1:])
        return
    declared = None
    with open_session(common, options) as session:
        subject, code = _asked(session, words)
        if subject is not None and code is not None:
            declared = session.desired.documents[subjects()[subject]][code].model_dump(mode="json")
        found = _look(session, subject, code)
    asked = tuple(subjects()) if subject is None else (subject,)
    if subject is not None and code is not None:
        found = _only(found, subject, code)
    elif subject is None and not session.selection.is_everything:
        asked = tuple(each for each in asked if found.rows[each])
    _show(found, asked, common.output, declared)


def _show_health(common: Common, options: RunOptions, words: tuple[str, ...]) -> None:
    from reconciler.cli import health  # noqa: PLC0415 -- only with --health

    if options.refresh:
        raise click.UsageError("--refresh looks into databases, --health at servers and login pages: choose one")
    with open_session(common, options) as session:
        subject, code = _asked(session, words)
        wanted = health.require_subject(subject)
        if wanted == "servers":
            view = health.servers_view(session, code)
        else:
            found = _look(session, wanted, code)
            rows = _only(found, wanted, code).instances if code is not None else found.instances
            view = health.instances_view(session, rows)
    health.show(view, common.output)


def _asked(session: Session, words: tuple[str, ...]) -> tuple[str | None, str | None]:
    """Return the subject that is asked about, and the document; nothing for all of them, or all documents of one."""
    desired, kinds = session.desired, subjects()
    named = {**{subject: subject for subject in kinds}, **{kind: subject for subject, kind in kinds.items()}}
    if not words or (len(words) == 1 and words[0] in named):
        return (named[words[0]] if words else None), None
    fleets.require_one_choice(words, session.selection)
    addresses = {f"{kind}/{code}" for kind in kinds.values() for code in desired.documents[kind]}
    kind, _, code = address_of(words, addresses, tuple(kinds.values()), tuple(named)).partition("/")
    fleets.require(code, desired.documents[kind], f"the fleet has no {kind} {code!r}")
    return named[kind], code


def _look(session: Session, subject: str | None, code: str | None) -> Status:
    """Plan for the whole fleet, so that what is selected is seen in its surroundings; look only into what is shown."""
    selection = session.selection
    if code is not None and subject in ("templates", "instances"):
        selection = Selection(frozenset({f"{subjects()[subject]}/{code}"}))
    planned = seen(session, selection)
    now = datetime.now(UTC)
    return status(session.desired, planned.observed, planned.inventory, planned.changeset, now, selection)


def _only(found: Status, subject: str, code: str) -> Status:
    return replace(found, rows={**found.rows, subject: tuple(row for row in found.rows[subject] if row.code == code)})


def _show(found: Status, asked: tuple[str, ...], output: str, declared: Mapping[str, Any] | None) -> None:
    """Print rows; of a single document also what is declared, with the defaults that the text leaves out."""
    if output in MACHINES:
        print_document(output, status_document(found, asked, declared))
        return
    paper = screens.paper(screens.OUT)
    click.echo(render_tables(status_tables(found, asked, wide=output == "wide"), paper))
    if pauses := found.concerning(asked):
        click.echo(f"\n{render_pauses(pauses, paper)}")
    show_frozen(found)
    if found.orphans and "instances" in asked:
        click.echo("\n" + "\n".join(left_alone_lines("Orphans", found.orphans, paper)))
    if declared is not None:
        click.echo(f"\n{paper.paint('Declared, with defaults', Tone.STRONG)}")
        print_document("yaml", declared)
    known = how_known(found.known, found.at) if {"templates", "instances"} & {*asked} else ""
    when = f"Fleet '{found.fleet}', looked at on {found.at:%Y-%m-%d %H:%M:%S} UTC"
    click.echo("\n" + "\n".join(paper.paragraph(f"{when}{f'; {known}' if known else ''}.")))
