"""`validate`: all problems of the fleet's text at once. It asks no host, resolves no secret, and imports nothing that would."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli import screens
from reconciler.cli.options import Common, common
from reconciler.core.diagnostics import has_errors
from reconciler.loading.fleet_directory import load_files, load_fleet
from reconciler.reports.problems import render_problems, render_summary
from reconciler.reports.validation import validation_document, validation_text


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@common("text", "json")
def command(common: Common, files: tuple[Path, ...]) -> int:
    """Check the fleet's text: all problems, each with its place and what to do.

    With FILEs the whole fleet is read, and only what concerns these files is shown.
    """
    loaded = load_files(common.fleet, files) if files else load_fleet(common.fleet)
    if common.output == "json":
        screens.print_json(validation_document(loaded.diagnostics, loaded.desired))
    else:
        if loaded.diagnostics:
            click.echo(
                render_problems(loaded.diagnostics, loaded.texts, excerpts=True, colour=screens.has_colour(screens.OUT))
            )
        click.echo(validation_text(render_summary(loaded.diagnostics), loaded.desired if not files else None))
    return 1 if has_errors(loaded.diagnostics) else 0
