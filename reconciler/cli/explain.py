"""`explain`: what a kind of documents, or one field of it, may say; from the schemas, and of no fleet."""

from __future__ import annotations

import click

from reconciler.cli import groups, screens
from reconciler.cli.editing import require_kind
from reconciler.cli.naming import complete_kinds
from reconciler.cli.options import Common, common
from reconciler.editing.kind_fields import KindFields
from reconciler.fleet.documents import did_you_mean
from reconciler.reports.explaining import render_explanation
from schemas.json_schema import json_schema


@groups.command("odoo-fleet explain instance", "odoo-fleet explain fleet.windows.days")
@click.argument("what", metavar="KIND[.FIELD]", shell_complete=complete_kinds)
@common("text", "json", hidden=("fleet",))  # it is of no fleet
def command(common: Common, what: str) -> None:
    """Say what a KIND, or a FIELD of it, is: what it holds, its default, an example, the fields inside it.

    Fields inside others are named with dots, those of a list's items too.
    """
    kind, _, name = what.partition(".")
    one = require_kind(kind)
    fields = KindFields.of(one)
    schema = fields.at(name, in_lists=True)
    if schema is None:
        around, _, last = name.rpartition(".")
        known = fields.inside(fields.at(around, in_lists=True) or {}, in_lists=True)
        hint = did_you_mean(last, known)
        raise click.UsageError(f"{one} has no field {name!r}" + (f" ({hint})" if hint else ""))
    if common.output == "json":
        screens.print_json(schema)
        return
    definitions = json_schema(one).get("$defs", {})
    on = screens.paper(screens.OUT)
    click.echo(render_explanation(one, name, schema, fields.inside(schema, in_lists=True), definitions, on), nl=False)
