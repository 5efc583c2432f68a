"""`schema`: JSON Schema of the documents, for editors and other tools."""

from __future__ import annotations

import click

from reconciler.cli import fleets, groups, screens
from reconciler.cli.naming import complete_kinds
from reconciler.cli.options import Common, common
from schemas.json_schema import json_schema
from schemas.kinds import KINDS


@groups.command("odoo-fleet schema > fleet/fleet.schema.json", "odoo-fleet schema instance")
@click.argument("kind", required=False, shell_complete=complete_kinds)
@common("json", "text", hidden=("fleet", "output"))  # it is JSON in any case, and of no fleet
def command(_common: Common, kind: str | None) -> None:
    """Print the JSON Schema of one KIND of document, or of all.

    \b
    In VS Code (extension YAML), .vscode/settings.json:
      {"yaml.schemas": {"fleet/fleet.schema.json": "fleet/**/*.yaml"}}
    or, before each document of a file:
      # yaml-language-server: $schema=../fleet.schema.json
    """  # noqa: D301 -- click needs the backspace itself
    if kind is not None:
        fleets.require(kind, KINDS, f"there is no kind {kind!r}")
    screens.print_json(json_schema(kind))
