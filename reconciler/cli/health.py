"""`status --health`: how servers are and have been, by the history that a daemon has kept, else by one look made now.

A login page is always asked for now. Nothing is written down: one look between those of the daemon would be counted as one of
those in a row that decide.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import click

from reconciler.cli import interrupts
from reconciler.cli.sessions import Session
from reconciler.cli.terminal_tables import print_report
from reconciler.engine.worlds import World
from reconciler.health.login_pages import PageRecord, judge_page
from reconciler.health.looks import check_page, check_server
from reconciler.health.rounds import PAGES_AT_ONCE, PAGES_PER_SERVER, SERVERS_AT_ONCE
from reconciler.health.verdicts import HealthRecord, is_watched, judge_once
from reconciler.reports.health_json import health_document
from reconciler.reports.health_tables import health_tables
from reconciler.reports.health_views import HealthView, instance_rows, pages_to_ask, server_rows
from reconciler.reports.status import InstanceRow
from schemas.server import Server

_LONGEST_HISTORY = 10_000
"""Looks that are read of one server's history: those of 104 days at 15 minutes."""


def require_subject(subject: str | None) -> str:
    """Return what is asked about, servers unless told otherwise; wrong usage for what has no health."""
    if subject not in {None, "servers", "instances"}:
        raise click.UsageError(f"there is no health of {subject!r}, only of servers and instances")
    return subject or "servers"


def servers_view(session: Session, code: str | None) -> HealthView:
    """Show all servers that are selected, or one with its history."""
    desired = session.desired
    kept = session.store.latest_health()
    watched = [s for s in desired.servers.values() if is_watched(s) and session.selection.includes(s)]
    unseen = [s for s in watched if s.code not in kept and code in (None, s.code)]
    first_looks = interrupts.run(_look_at_servers(session, unseen)) if unseen else {}
    rows = server_rows(desired, kept, first_looks, session.selection)
    if code is not None:
        rows = tuple(row for row in rows if row.code == code)
    history = None if code is None else session.store.health_history(code, limit=_LONGEST_HISTORY)
    return HealthView(desired.settings.code, _now(), _interval(session), servers=rows, history=history)


def instances_view(session: Session, rows: Sequence[InstanceRow]) -> HealthView:
    """Show instances as a shallow look found them, and ask for their login pages now."""
    asked = list(pages_to_ask(session.desired, rows))
    pages = interrupts.run(_ask_for_pages(session, asked)) if asked else {}
    found = instance_rows(session.desired, rows, pages)
    return HealthView(session.desired.settings.code, _now(), _interval(session), instances=found)


def show(view: HealthView, output: str) -> None:
    """Print a view."""
    if print_report(output, health_document(view), health_tables(view, wide=output == "wide")):
        click.echo(f"\nFleet '{view.fleet}', {view.at:%Y-%m-%d %H:%M:%S} UTC.")


async def _look_at_servers(session: Session, servers: Iterable[Server]) -> Mapping[str, HealthRecord]:
    limit, inventory = asyncio.Semaphore(SERVERS_AT_ONCE), session.store.inventory()

    async def look(world: World, server: Server) -> HealthRecord:
        async with limit:
            vitals = await check_server(server, session.desired, world, inventory)
        return judge_once(server, vitals, session.desired.settings.health)

    async with session.world() as world, asyncio.TaskGroup() as group:
        tasks = {server.code: group.create_task(look(world, server)) for server in servers}
    return {code: task.result() for code, task in tasks.items()}


async def _ask_for_pages(session: Session, rows: Iterable[InstanceRow]) -> Mapping[str, PageRecord]:
    limit = asyncio.Semaphore(PAGES_AT_ONCE)
    limits = {code: asyncio.Semaphore(PAGES_PER_SERVER) for code in session.desired.servers}

    async def ask(world: World, row: InstanceRow) -> PageRecord:
        instance, server = session.desired.instances[row.code], session.desired.servers[row.server or ""]
        async with limits[server.code], limit:
            answer = await check_page(world.pages[server.code], instance, server)
        return judge_page(instance, server, None, answer, world.clock.now(), looks=1)

    async with session.world() as world, asyncio.TaskGroup() as group:
        tasks = {row.code: group.create_task(ask(world, row)) for row in rows}
    return {code: task.result() for code, task in tasks.items()}


def _now() -> datetime:
    return datetime.now(UTC)


def _interval(session: Session) -> timedelta:
    return timedelta(minutes=session.desired.settings.health.interval_minutes)
