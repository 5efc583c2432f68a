"""The fleet that a command is about: loaded whole, or its problems told and the command ended.

Names that a user gives (addresses, server codes, labels) are looked up here, with the nearest one as a hint.
"""

from __future__ import annotations

from collections.abc import Iterable

import click

from reconciler.cli import screens
from reconciler.cli.options import Common, RunOptions, pairs
from reconciler.core.selection import Selection
from reconciler.fleet.desired import Desired
from reconciler.fleet.documents import did_you_mean
from reconciler.loading.fleet_directory import load_fleet
from reconciler.reports.problems import render_problems, render_summary

INVALID = 1


def load(common: Common) -> Desired:
    """Load the fleet. Problems go to stderr; an invalid fleet ends the command with exit code 1."""
    loaded = load_fleet(common.fleet)
    if loaded.diagnostics:
        colour = screens.has_colour(screens.ERR)
        click.echo(render_problems(loaded.diagnostics, loaded.texts, excerpts=True, colour=colour), err=True)
    if loaded.desired is None:
        click.echo(f"The fleet is not valid: {render_summary(loaded.diagnostics)}.", err=True)
        raise click.exceptions.Exit(INVALID)
    return loaded.desired


def selection(desired: Desired, options: RunOptions, earlier: Desired | None = None) -> Selection:
    """Read `--target` and `--selector`. An address that is not declared is wrong usage; a label that nobody bears is told.

    What an earlier revision of the fleet declared, if one is compared with, can be named as well.
    """
    documents = [document for each in (desired, earlier) if each is not None for document in each.subjects()]
    addresses = {f"{d.kind}/{d.code}" for d in documents}
    for target in options.targets:
        require(target, addresses, f"--target: the fleet has no {target!r}")
    labels = pairs("--selector", options.selectors)
    chosen = Selection(frozenset(options.targets), labels)
    if labels and not any(chosen.includes(d) for d in documents):
        click.echo(f"Nothing in the fleet is labelled {', '.join(options.selectors)}.", err=True)
    return chosen


def server_urls(desired: Desired, options: RunOptions) -> dict[str, str]:
    """Read `--server-url`; a server that is not declared is wrong usage."""
    found = urls(options)
    for code in found:
        require(code, desired.servers, f"--server-url: the fleet has no server {code!r}")
    return found


def urls(options: RunOptions) -> dict[str, str]:
    """Read `--server-url`, whatever servers there are."""
    found = dict(pairs("--server-url", options.server_urls))
    for url in found.values():
        if not url.startswith(("http://", "https://")):
            raise click.UsageError(f"--server-url: {url!r} does not start with http:// or https://")
    return found


def require(name: str, names: Iterable[str], message: str) -> None:
    """End the command as wrong usage unless a name is among those that exist."""
    known = list(names)
    if name not in known:
        hint = did_you_mean(name, known)
        raise click.UsageError(f"{message} ({hint})" if hint else message)
