"""`schema`: JSON Schema of the documents, for editors and other tools."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from reconciler.cli import fleets, groups, screens
from reconciler.cli.editing import write_file
from reconciler.cli.naming import complete_kinds
from reconciler.cli.options import Common, common
from reconciler.editing.fleet_text import FileDraft
from reconciler.editing.modelines import with_modelines
from reconciler.fleet.diagnostics import Diagnostic
from reconciler.loading.discovery import FoundFile, discover, read_file, shown
from reconciler.loading.screening import screen
from schemas.json_schema import json_schema
from schemas.kinds import KINDS

FILE = "fleet.schema.json"


@groups.command("odoo-fleet schema --write", "odoo-fleet schema instance")
@click.argument("kind", required=False, shell_complete=complete_kinds)
@click.option(
    "--write",
    "is_written",
    is_flag=True,
    help=f"Write it into the fleet's directory as {FILE}, and lead each document's editor to it.",
)
@common("json", "text", hidden=("output",))  # it is JSON in any case
def command(common: Common, kind: str | None, *, is_written: bool) -> int:
    """Print the JSON Schema of one KIND of document, or of all.

    With `--write` it is put beside the text, and before each document that has no such line

    \b
      # yaml-language-server: $schema=../fleet.schema.json

    so that VS Code (extension YAML) and other editors complete and check while one types. Nothing else changes; the files
    that did are named. Run it again after an update. To have no such lines, print the schema into a file and write
    into .vscode/settings.json:

    \b
      {"yaml.schemas": {"fleet/fleet.schema.json": "fleet/**/*.yaml"}}
    """  # noqa: D301 -- click needs the backspace itself
    if kind is not None:
        fleets.require(kind, KINDS, f"there is no kind {kind!r}")
    if not is_written:
        screens.print_json(json_schema(kind))
        return 0
    if kind is not None:
        raise click.UsageError("--write is for the schema of all kinds: leave KIND out")
    return _write(common.fleet)


def _write(fleet: Path) -> int:
    found = discover(str(fleet))
    schema = fleet / FILE
    unread = list(found.problems)
    drafts = [_schema(schema)] if found.files else []
    for each in found.files:
        data = read_file(each)
        if isinstance(data, Diagnostic):
            unread.append(data)
            continue
        if problem := screen(each.shown, data):
            unread.append(problem)
            continue
        there = Path(os.path.relpath(schema, Path(each.path).parent)).as_posix()
        drafts.append(FileDraft("", "", each.path, data, with_modelines(data, there), {}))
    for why in unread:
        screens.say(f"{why.range.file} is left as it is: {why.message}")
    for draft in drafts:
        if draft.is_change:
            write_file(draft)
            click.echo(shown(draft.path))
    return 1 if unread or not drafts else 0


def _schema(file: Path) -> FileDraft:
    text = f"{json.dumps(json_schema(None), indent=2)}\n".encode()
    before = read_file(FoundFile(str(file), shown(str(file)))) if file.exists() else None
    if isinstance(before, Diagnostic):
        raise click.ClickException(f"{before.range.file} cannot be written: {before.message}")
    return FileDraft("", "", str(file), before, text, {})
