"""`fmt`: the layout of the fleet's text made regular; it says what it said. No host is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from reconciler.cli import groups, screens
from reconciler.cli.editing import covered_patch, write_file
from reconciler.cli.options import Common, common
from reconciler.editing.fleet_text import FileDraft
from reconciler.editing.formatting import CannotFormat, formatted
from reconciler.fleet.diagnostics import Diagnostic
from reconciler.loading.discovery import FoundFile, discover, read_file, shown

FAILED = 1


@groups.command("odoo-fleet fmt", "odoo-fleet fmt fleet/instances/acme.yaml --diff", "odoo-fleet fmt --check")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="[PATH]...")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a file is not laid out so. For CI.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would be different.")
@common("text", "json")
def command(common: Common, *, paths: tuple[Path, ...], check: bool, diff: bool) -> int:
    """Make the layout of PATHs regular, files or directories; without one, of the whole fleet. Names what was changed.

    Two spaces a level, one after `:`, `-` and `,`, none inside brackets, no blanks at the ends of lines. Comments, empty lines,
    quotes and the order of keys stay. What it says does not change, or the file is left alone and named.
    """
    changed: list[str] = []
    refused: list[str] = []
    for found in _files(paths or (common.fleet,), refused):
        draft = _draft(found, refused)
        if draft is None or not draft.is_change:
            continue
        changed.append(found.shown)
        if diff and common.output == "text":
            click.echo(covered_patch(found.shown.lstrip("/"), draft))
        elif common.output == "text":
            click.echo(found.shown)
        if not (check or diff):
            write_file(draft)
    if common.output == "json":
        screens.print_json({"format": 1, "changed": changed, "refused": refused})
    return FAILED if refused or (check and changed) else 0


def _files(paths: tuple[Path, ...], refused: list[str]) -> Iterator[FoundFile]:
    for path in paths:
        if not path.is_dir():
            yield FoundFile(str(path), shown(str(path)))
            continue
        found = discover(str(path))
        yield from found.files
        for problem in found.problems:
            _refuse(problem.range.file, problem.message, refused)


def _draft(found: FoundFile, refused: list[str]) -> FileDraft | None:
    data = read_file(found)
    if isinstance(data, Diagnostic):
        _refuse(found.shown, data.message, refused)
        return None
    try:
        return FileDraft("", "", found.path, data, formatted(data), {})
    except CannotFormat as why:
        _refuse(found.shown, str(why), refused)
        return None


def _refuse(file: str, why: str, refused: list[str]) -> None:
    screens.say(f"{file} is left as it is: {why}")
    refused.append(file)
