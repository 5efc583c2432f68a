"""The views of `status` that go by no kind of documents: each word, and what it shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

import click

from reconciler.cli import fleets, screens
from reconciler.cli.known import open_memory
from reconciler.cli.options import Common, RunOptions
from reconciler.cli.plan import make_plan
from reconciler.cli.sessions import BY_NAMES, Session, open_session
from reconciler.cli.terminal_tables import print_report
from reconciler.core.deciding import Limits, Planned
from reconciler.core.depths import Depth
from reconciler.core.model.selection import EVERYTHING, Selection
from reconciler.core.policies import calendars
from reconciler.fleet.desired import Desired
from reconciler.reports import subscriptions, upgrades
from reconciler.reports.foreign import foreign, foreign_document, foreign_table
from reconciler.reports.icalendar import render_icalendar
from reconciler.reports.plain import report
from reconciler.reports.plan_text import frozen_lines
from reconciler.reports.status import Status, status
from reconciler.reports.trash import trash, trash_document, trash_table
from reconciler.version import __version__


def seen(session: Session, selection: Selection = EVERYTHING) -> Planned:
    """Plan for the whole fleet by names alone, or with a look into what is selected."""
    depth = session.limits.depth
    return make_plan(session, Limits(selection, depth) if depth.refresh else BY_NAMES)


def show_frozen(found: Status) -> None:
    """Print which hosts are frozen, if any are."""
    if found.frozen:
        click.echo("\n" + "\n".join(frozen_lines(found.frozen, screens.paper(screens.OUT))))


def _show_foreign(common: Common, options: RunOptions, words: Sequence[str]) -> None:
    with open_session(common, options) as session:
        server = _server(session, "foreign", words)
        planned = seen(session)
        rows = status(session.desired, planned.observed, planned.inventory, planned.changeset, datetime.now(UTC))
        found = foreign(session.desired, planned, rows, server)
    if print_report(common.output, foreign_document(found), [foreign_table(found)]):
        show_frozen(rows)
        click.echo("\nBy their names alone: none of others was logged in to, and none is ever changed.")


def _show_trash(common: Common, options: RunOptions, words: Sequence[str]) -> None:
    with open_session(common, options) as session:
        server = _server(session, "trash", words)
        found = trash(session.desired, seen(session), datetime.now(UTC), server)
    if common.output == "ics":
        listed = [(row.server, row.database) for row in found.rows]
        _print_calendar(session.desired, calendars.of_trash(session.desired, listed), found.at)
        return
    print_report(common.output, trash_document(found), [trash_table(found)])


def _show_backups(common: Common, options: RunOptions, words: Sequence[str]) -> None:
    from reconciler.cli.backup import kept_rows  # noqa: PLC0415 -- only here
    from reconciler.reports.backups import standing_documents, standing_table  # noqa: PLC0415 -- only here

    now = datetime.now(UTC)
    with open_session(common, options) as session:
        rows = kept_rows(session, words, now)
    document = report(session.desired.settings.code, backups=standing_documents(rows, now))
    print_report(common.output, document, [standing_table(rows, now)])


def _show_subscriptions(common: Common, options: RunOptions, words: Sequence[str]) -> None:
    _require_all("subscriptions", words)
    _require_no_look(options)
    desired, now = fleets.load(common), datetime.now(UTC)
    if common.output == "ics":
        _print_calendar(desired, calendars.of_instances(desired, now, fleets.selection(desired, options)), now)
        return
    rows = subscriptions.subscription_rows(desired, now, fleets.selection(desired, options))
    document = subscriptions.subscriptions_document(desired, rows, now)
    print_report(common.output, document, [subscriptions.subscriptions_table(rows)])


def _show_limits(common: Common, options: RunOptions, words: Sequence[str]) -> None:
    from reconciler.reports.limits import limit_rows, limits_document, limits_table  # noqa: PLC0415 -- only here

    _require_all("limits", words)
    _require_no_look(options)
    desired, now = fleets.load(common), datetime.now(UTC)
    with open_memory(common, options.store, desired.settings.code, purpose="what is used is not known") as memory:
        rows = limit_rows(desired, memory.inventory(), fleets.selection(desired, options))
    print_report(common.output, limits_document(desired, rows, now), [limits_table(rows, now)])


def _show_upgrades(common: Common, options: RunOptions, words: Sequence[str]) -> None:
    _require_all("upgrades", words)
    with open_session(common, options) as session:
        limits = session.limits
        depth = Depth.of(session.desired, shallow=options.shallow, refresh=options.refresh, code=True)
        planned = make_plan(session, Limits(depth=depth))
        found = upgrades.upgrade_rows(session.desired, planned, datetime.now(UTC), limits.selection)
    print_report(common.output, upgrades.upgrades_document(found), [upgrades.upgrades_table(found)])


def _server(session: Session, view: str, words: Sequence[str]) -> str:
    """Return the one server that a view is about; empty for all. What it shows is no document's that could be chosen."""
    if not session.selection.is_everything:
        raise click.UsageError(f"`status {view}` shows all servers or one: --target and --selector choose documents")
    return fleets.code_of(words, session.desired.servers, "server") if words else ""


def _require_all(view: str, words: Sequence[str]) -> None:
    if words:
        raise click.UsageError(f"`status {view}` shows all of them; --target and --selector choose")


def _require_no_look(options: RunOptions) -> None:
    if options.refresh:
        raise click.UsageError("--refresh looks into databases, and this view asks no host")


def _print_calendar(desired: Desired, endings: Iterable[calendars.CalendarEntry], now: datetime) -> None:
    click.echo(render_icalendar(desired.settings.code, endings, now, __version__), nl=False)


VIEWS: Mapping[str, Callable[[Common, RunOptions, Sequence[str]], None]] = {
    "foreign": _show_foreign,
    "trash": _show_trash,
    "backups": _show_backups,
    "subscriptions": _show_subscriptions,
    "limits": _show_limits,
    "upgrades": _show_upgrades,
}
OF_DAYS = ("subscriptions", "trash")
"""Those that can be had as a calendar."""
