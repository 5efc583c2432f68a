"""`status`: what is declared beside what is there, by a shallow look: two calls a host. `--health` is in `cli.health`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import click
import yaml

from reconciler.cli import fleets, groups, screens
from reconciler.cli.known import open_memory
from reconciler.cli.naming import address_of, completing
from reconciler.cli.options import Common, RunOptions, common, refreshable, run_options
from reconciler.cli.plan import make_plan
from reconciler.cli.sessions import BY_NAMES, Session, open_session
from reconciler.cli.terminal_tables import render_tables
from reconciler.core.deciding import Limits, Planned
from reconciler.core.depths import Depth
from reconciler.core.model.selection import EVERYTHING, Selection
from reconciler.core.policies import calendars
from reconciler.fleet.desired import Desired
from reconciler.reports import subscriptions, upgrades
from reconciler.reports.foreign import foreign, foreign_document, foreign_table
from reconciler.reports.icalendar import render_icalendar
from reconciler.reports.paragraphs import Paper, Tone
from reconciler.reports.plan_text import frozen_lines
from reconciler.reports.status import Status, status, subjects
from reconciler.reports.status_json import status_document
from reconciler.reports.status_tables import render_pauses, status_tables
from reconciler.reports.tables import Table
from reconciler.reports.trash import trash, trash_document, trash_table
from reconciler.reports.words import how_known
from reconciler.version import __version__

FOREIGN, TRASH, BACKUPS, SUBSCRIPTIONS, LIMITS = "foreign", "trash", "backups", "subscriptions", "limits"
UPGRADES = "upgrades"
VIEWS = (FOREIGN, TRASH, BACKUPS, SUBSCRIPTIONS, LIMITS, UPGRADES)


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
    if common.output == "ics" and (of_health or words[:1] not in ((SUBSCRIPTIONS,), (TRASH,))):
        raise click.UsageError("-o ics is for `status subscriptions` and `status trash`")
    if of_health:
        _show_health(common, options, words)
        return
    views = {
        FOREIGN: _show_foreign,
        TRASH: _show_trash,
        BACKUPS: _show_backups,
        SUBSCRIPTIONS: _show_subscriptions,
        LIMITS: _show_limits,
        UPGRADES: _show_upgrades,
    }
    if show := views.get("".join(words[:1])):
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


def _show_foreign(common: Common, options: RunOptions, words: tuple[str, ...]) -> None:
    with open_session(common, options) as session:
        server = _server(session, FOREIGN, words)
        seen = _seen(session)
        rows = status(session.desired, seen.observed, seen.inventory, seen.changeset, datetime.now(UTC))
        found = foreign(session.desired, seen, rows, server)
    if common.output == "json":
        screens.print_json(foreign_document(found))
    elif common.output == "yaml":
        click.echo(_as_yaml(foreign_document(found)), nl=False)
    else:
        paper = screens.paper(screens.OUT)
        click.echo(render_tables((foreign_table(found),), paper))
        _show_frozen(rows, paper)
        click.echo("\nBy their names alone: none of others was logged in to, and none is ever changed.")


def _server(session: Session, view: str, words: Sequence[str]) -> str:
    """Return the one server that a view is about; empty for all. What it shows is no document's that could be chosen."""
    if not session.selection.is_everything:
        raise click.UsageError(f"`status {view}` shows all servers or one: --target and --selector choose documents")
    return fleets.code_of(words, session.desired.servers, "server") if words else ""


def _show_backups(common: Common, options: RunOptions, words: tuple[str, ...]) -> None:
    from reconciler.cli.backup import kept_rows  # noqa: PLC0415 -- only here
    from reconciler.reports.backups import standing_documents, standing_table  # noqa: PLC0415 -- only here

    now = datetime.now(UTC)
    with open_session(common, options) as session:
        rows = kept_rows(session, words, now)
    document = {"format": 1, "fleet": session.desired.settings.code, "backups": standing_documents(rows, now)}
    _print(common, document, standing_table(rows, now))


def _show_subscriptions(common: Common, options: RunOptions, words: tuple[str, ...]) -> None:
    if words:
        raise click.UsageError("`status subscriptions` shows all of them; --target and --selector choose")
    _require_no_look(options)
    desired, now = fleets.load(common), datetime.now(UTC)
    if common.output == "ics":
        _print_calendar(desired, calendars.of_instances(desired, now, fleets.selection(desired, options)), now)
        return
    rows = subscriptions.subscription_rows(desired, now, fleets.selection(desired, options))
    _print(common, subscriptions.subscriptions_document(desired, rows, now), subscriptions.subscriptions_table(rows))


def _require_no_look(options: RunOptions) -> None:
    if options.refresh:
        raise click.UsageError("--refresh looks into databases, and this view asks no host")


def _show_limits(common: Common, options: RunOptions, words: tuple[str, ...]) -> None:
    from reconciler.reports.limits import limit_rows, limits_document, limits_table  # noqa: PLC0415 -- only here

    if words:
        raise click.UsageError("`status limits` shows all of them; --target and --selector choose")
    _require_no_look(options)
    desired, now = fleets.load(common), datetime.now(UTC)
    with open_memory(common, options.store, desired.settings.code, purpose="what is used is not known") as memory:
        rows = limit_rows(desired, memory.inventory(), fleets.selection(desired, options))
    _print(common, limits_document(desired, rows, now), limits_table(rows, now))


def _show_upgrades(common: Common, options: RunOptions, words: tuple[str, ...]) -> None:
    if words:
        raise click.UsageError("`status upgrades` shows all of them; --target and --selector choose")
    with open_session(common, options) as session:
        limits = session.limits
        depth = Depth.of(session.desired, shallow=options.shallow, refresh=options.refresh, code=True)
        seen = make_plan(session, Limits(depth=depth))
        found = upgrades.upgrade_rows(session.desired, seen, datetime.now(UTC), limits.selection)
    if common.output == "json":
        screens.print_json(upgrades.upgrades_document(found))
    elif common.output == "yaml":
        click.echo(_as_yaml(upgrades.upgrades_document(found)), nl=False)
    else:
        click.echo(render_tables((upgrades.upgrades_table(found),), screens.paper(screens.OUT)))


def _show_trash(common: Common, options: RunOptions, words: tuple[str, ...]) -> None:
    with open_session(common, options) as session:
        server = _server(session, TRASH, words)
        found = trash(session.desired, _seen(session), datetime.now(UTC), server)
    if common.output == "ics":
        listed = [(row.server, row.database) for row in found.rows]
        _print_calendar(session.desired, calendars.of_trash(session.desired, listed), found.at)
        return
    _print(common, trash_document(found), trash_table(found))


def _print_calendar(desired: Desired, endings: Iterable[calendars.CalendarEntry], now: datetime) -> None:
    click.echo(render_icalendar(desired.settings.code, endings, now, __version__), nl=False)


def _print(common: Common, document: Mapping[str, Any], table: Table) -> None:
    if common.output == "json":
        screens.print_json(document)
    elif common.output == "yaml":
        click.echo(_as_yaml(document), nl=False)
    else:
        click.echo(render_tables((table,), screens.paper(screens.OUT)))


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
    seen = _seen(session, selection)
    now = datetime.now(UTC)
    return status(session.desired, seen.observed, seen.inventory, seen.changeset, now, selection)


def _seen(session: Session, selection: Selection = EVERYTHING) -> Planned:
    depth = session.limits.depth
    return make_plan(session, Limits(selection, depth) if depth.refresh else BY_NAMES)


def _only(found: Status, subject: str, code: str) -> Status:
    return replace(found, rows={**found.rows, subject: tuple(row for row in found.rows[subject] if row.code == code)})


def _show(found: Status, asked: tuple[str, ...], output: str, declared: Mapping[str, Any] | None) -> None:
    """Print rows; of a single document also what is declared, with the defaults that the text leaves out."""
    if output == "json":
        screens.print_json(status_document(found, asked, declared))
    elif output == "yaml":
        click.echo(_as_yaml(status_document(found, asked, declared)), nl=False)
    else:
        wide = output == "wide"
        paper = screens.paper(screens.OUT)
        click.echo(render_tables(status_tables(found, asked, wide=wide), paper))
        if pauses := found.concerning(asked):
            click.echo(f"\n{render_pauses(pauses, paper)}")
        _show_frozen(found, paper)
        if declared is not None:
            click.echo(f"\n{paper.paint('Declared, with defaults', Tone.STRONG)}")
            click.echo(_as_yaml(declared), nl=False)
        known = how_known(found.known, found.at) if {"templates", "instances"} & {*asked} else ""
        when = f"Fleet '{found.fleet}', looked at on {found.at:%Y-%m-%d %H:%M:%S} UTC"
        click.echo("\n" + "\n".join(paper.paragraph(f"{when}{f'; {known}' if known else ''}.")))


def _show_frozen(found: Status, paper: Paper) -> None:
    if found.frozen:
        click.echo("\n" + "\n".join(frozen_lines(found.frozen, paper)))


def _as_yaml(document: Mapping[str, Any]) -> str:
    """Write YAML in plain ASCII: nothing in it can move a terminal's cursor, whatever a file or a host said."""
    return str(yaml.safe_dump(dict(document), sort_keys=False))
