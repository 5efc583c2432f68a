"""`new`: write a new document into the fleet's directory, where those of its kind are. No host is asked."""

from __future__ import annotations

import click

from reconciler.cli import groups
from reconciler.cli.editing import REFUSED, changes_of, require_kind, write
from reconciler.cli.naming import complete_kinds
from reconciler.cli.options import Common, common
from reconciler.editing.edits import UNSET, with_change
from reconciler.editing.fleet_text import FleetText


@groups.command(
    "odoo-fleet new instance acme template=restaurant plan=starter",
    "odoo-fleet new instance company='Acme SA' template=restaurant plan=starter",
)
@click.argument("kind", shell_complete=complete_kinds)
@click.argument("words", nargs=-1, metavar="[CODE] [KEY=VALUE]...")
@common("text", "json")
def command(common: Common, kind: str, words: tuple[str, ...]) -> int:
    """Write a new document of KIND: a file of its own, where and as others of its kind are; none is ever written over.

    Without a CODE one is made of `company`, `name` or `partner`. What the fleet would not be valid with is not written.
    """
    one = require_kind(kind)
    code, fields = (words[0], words[1:]) if words and "=" not in words[0] else (None, words)
    document: dict[str, object] = {} if code is None else {"code": code}
    for keys, value in changes_of(one, fields):
        if value is not UNSET:
            document = with_change(document, keys, value)
    text = FleetText(common.fleet)
    try:
        draft = text.added(one, document)
    except REFUSED as refusal:
        raise click.ClickException(str(refusal)) from None
    return write(common, text, draft)
