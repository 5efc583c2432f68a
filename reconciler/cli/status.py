"""`status`: what is declared beside what is there, by a shallow look: two calls a host. `--health` is in `cli.health`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import click

from reconciler.cli import fleets, screens
from reconciler.cli.options import Common, RunOptions, common, run_options
from reconciler.cli.plan import make_plan
from reconciler.cli.sessions import BY_NAMES, Session, open_session
from reconciler.reports.paragraphs import Paper, Tone
from reconciler.reports.status import Status, status, subjects
from reconciler.reports.status_json import status_document
from reconciler.reports.status_tables import render_pauses, status_tables
from schemas.document import Document

_NO_LIMIT = 10_000


@click.command()
@click.argument("subject", required=False, metavar="[servers|templates|instances|plans]")
@click.argument("code", required=False)
@click.option(
    "--health",
    "of_health",
    is_flag=True,
    help="How servers are and, with CODE, have been; for instances, whether customers reach their login page.",
)
@run_options
@common("text", "wide", "json", "yaml")
def command(common: Common, options: RunOptions, subject: str | None, code: str | None, *, of_health: bool) -> None:
    """Show what is declared beside what is there: all of the fleet, one kind, or one document."""
    if of_health:
        _show_health(common, options, subject, code)
        return
    if subject is not None:
        known = {**{name: name for name in subjects()}, **{kind: name for name, kind in subjects().items()}}
        fleets.require(subject, known, f"there is no status of {subject!r}")
        subject = known[subject]
    asked = tuple(subjects()) if subject is None else (subject,)
    declared = None
    with open_session(common, options) as session:
        if code is not None:
            declared = _documents(session, asked[0], code)[code].model_dump(mode="json")
        found = _look(session)
    if code is not None:
        found = _only(found, asked[0], code)
    elif subject is None and not session.selection.is_everything:
        asked = tuple(each for each in asked if found.rows[each])
    _show(found, asked, common.output, declared)


def _show_health(common: Common, options: RunOptions, subject: str | None, code: str | None) -> None:
    from reconciler.cli import health  # noqa: PLC0415 -- only with --health

    wanted = health.require_subject(subject)
    with open_session(common, options) as session:
        if code is not None:
            _documents(session, wanted, code)
        if wanted == "servers":
            view = health.servers_view(session, code)
        else:
            found = _look(session)
            rows = _only(found, wanted, code).instances if code is not None else found.instances
            view = health.instances_view(session, rows)
    health.show(view, common.output)


def _documents(session: Session, subject: str, code: str) -> Mapping[str, Document]:
    """Return the documents of a subject, among which the code has to be."""
    kind = subjects()[subject]
    documents = session.desired.documents[kind]
    fleets.require(code, documents, f"the fleet has no {kind} {code!r}")
    return documents


def _look(session: Session) -> Status:
    """Plan for the whole fleet, so that what is selected is seen in its surroundings."""
    seen = make_plan(session, BY_NAMES)
    now = datetime.now(UTC)
    return status(session.desired, seen.observed, seen.inventory, seen.changeset, now, session.selection)


def _only(found: Status, subject: str, code: str) -> Status:
    return replace(found, rows={**found.rows, subject: tuple(row for row in found.rows[subject] if row.code == code)})


def _show(found: Status, asked: tuple[str, ...], output: str, declared: Mapping[str, Any] | None) -> None:
    """Print rows; of a single document also what is declared, with the defaults that the text leaves out."""
    if output == "json":
        screens.print_json(status_document(found, asked, declared))
    elif output == "yaml":
        click.echo(_as_yaml(status_document(found, asked, declared)), nl=False)
    else:
        from reconciler.cli.tables import render_tables  # noqa: PLC0415 -- rich is not for JSON

        wide = output == "wide"
        paper = Paper(_NO_LIMIT if wide else screens.width(screens.OUT), screens.has_colour(screens.OUT))
        click.echo(render_tables(status_tables(found, asked, wide=wide), paper))
        if pauses := found.concerning(asked):
            click.echo(f"\n{render_pauses(pauses, paper)}")
        if declared is not None:
            click.echo(f"\n{paper.paint('Declared, with defaults', Tone.STRONG)}")
            click.echo(_as_yaml(declared), nl=False)
        click.echo(f"\nFleet '{found.fleet}', looked at on {found.at:%Y-%m-%d %H:%M:%S} UTC.")


def _as_yaml(document: Mapping[str, Any]) -> str:
    """Write YAML in plain ASCII: nothing in it can move a terminal's cursor, whatever a file or a host said."""
    import yaml  # noqa: PLC0415 -- only where it is asked for

    return str(yaml.safe_dump(dict(document), sort_keys=False))
