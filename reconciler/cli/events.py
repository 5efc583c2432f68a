"""`events`: notices and the ends of actions in one list, like a log; with `--follow` it goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import click

from reconciler.cli import fleets, groups, interrupts, screens
from reconciler.cli.known import know, open_memory
from reconciler.cli.naming import completing
from reconciler.cli.options import Common, common, store_option
from reconciler.cli.since import limit_option, since_option
from reconciler.engine.ports import Clock
from reconciler.notices.notices import Level
from reconciler.reports.happenings import LEVELS, NAMES, Asked, Happening, Newest
from reconciler.reports.happenings_json import happening_document
from reconciler.reports.happenings_text import render_event
from reconciler.store.happenings import read_happenings, unseen
from reconciler.store.opening import AnyStore

INTERVAL = 2.0
"""Seconds between two looks at the store while it is followed."""

_LATE = timedelta(minutes=1)
"""How long something may take from its moment until it can be read: another process may wait to write it down."""

_ALL = 100_000
Show = Callable[[Happening], None]


@groups.command("odoo-fleet events --since 24h --level warning", "odoo-fleet events --follow")
@since_option
@click.option("--level", type=click.Choice(LEVELS), default=Level.INFO.value, help="Only this level or worse.")
@click.option("--name", "names", multiple=True, metavar="NAME", help="Only what bears this name (repeatable).")
@click.option(
    "--server", metavar="CODE", help="Only what happened on this server.", shell_complete=completing("server")
)
@limit_option
@click.option("--follow", is_flag=True, help="Go on with what happens from now on, until Ctrl-C.")
@store_option
@common("text", "json")
def command(
    common: Common,
    store: str,
    since: datetime | None,
    level: str,
    names: tuple[str, ...],
    server: str | None,
    limit: int,
    *,
    follow: bool,
) -> None:
    """Show what happened: notices, and how actions ended. Asks no host.

    The newest stands last, as in a log, and the newest are shown if there are more than --limit. Times are UTC. With
    -o json each line is a JSON object, in the same order.

    \b
    The sign before a line says how it ended or how bad it is:
      ✓ done      ✗ failed, an error   ? unknown
      - skipped   ! a warning          · for your information
    """  # noqa: D301 -- click needs the backspace itself
    for name in names:
        fleets.require(name, NAMES, f"nothing that happens is named {name!r}")
    known = know(common)
    asked = Asked(limit, since, server=server, names=names, level=level)
    show = _show_json if common.output == "json" else _show_text
    with open_memory(common, store, known.fleet, purpose="there is nothing to read") as memory:
        found = read_happenings(memory, asked)
        if common.output == "text":
            _introduce(found, asked, known.addresses, memory.where, is_followed=follow)
        for happening in found.happenings:
            show(happening)
        if follow:
            _follow(memory, asked, found, show)


def _introduce(found: Newest, asked: Asked, addresses: frozenset[str], where: str, *, is_followed: bool) -> None:
    if found.is_cut:
        screens.say(f"(the last {asked.limit}; for older ones: --limit)")
    if not (found.happenings or is_followed):
        screens.say(f"Nothing of this kind is written down in {where}.")
    if not found.happenings and asked.server and f"server/{asked.server}" not in addresses:
        screens.say(f"The fleet has no server {asked.server!r}.")


def _follow(memory: AnyStore, asked: Asked, found: Newest, show: Show) -> None:
    from reconciler.wiring import SystemClock  # noqa: PLC0415 -- brings what talks to hosts: only where time passes

    interrupts.run(follow_store(memory, asked, found, SystemClock(), show))


async def follow_store(memory: AnyStore, asked: Asked, found: Newest, clock: Clock, show: Show) -> None:
    """Show what comes into a store, until cancelled.

    Args:
        memory: the store.
        asked: what is to be shown.
        found: what was shown already; anything older is not shown any more.
        clock: the process's.
        show: shows one.
    """
    shown = found.happenings
    newest = shown[-1].at if shown else clock.now()
    oldest = shown[0].at if found.is_cut else asked.since
    seen = set(shown)
    while True:
        await clock.sleep(INTERVAL)
        since = newest - _LATE
        if oldest is not None:
            since = max(since, oldest)
        fresh = read_happenings(memory, replace(asked, since=since, limit=_ALL)).happenings
        for happening in unseen(fresh, seen):
            show(happening)
            newest = max(newest, happening.at)
        seen = {happening for happening in seen if happening.at >= newest - _LATE}


def _show_text(happening: Happening) -> None:
    click.echo(render_event(happening, screens.paper(screens.OUT)))


def _show_json(happening: Happening) -> None:
    click.echo(json.dumps(happening_document(happening)))
