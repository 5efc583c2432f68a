"""`set`: change fields of a document in the fleet's text, and nothing else of it. No host is asked."""

from __future__ import annotations

import click

from reconciler.cli import groups
from reconciler.cli.editing import REFUSED, changes_of, require_kind, write
from reconciler.cli.naming import address_of, completing
from reconciler.cli.options import Common, common
from reconciler.editing.fleet_text import FleetText
from reconciler.fleet.documents import did_you_mean
from reconciler.loading.fleet_directory import read_outline
from schemas.kinds import KINDS


@groups.command(
    "odoo-fleet set acme state=suspended labels.reason=unpaid",
    "odoo-fleet set acme owner.lang=fr_BE 'modules=[crm, sale]' --unset partner",
)
@click.argument("document", shell_complete=completing(*KINDS))
@click.argument("fields", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--unset", multiple=True, metavar="KEY", help="Take this field out, as KEY= does (repeatable).")
@common("text", "json")
def command(common: Common, document: str, fields: tuple[str, ...], unset: tuple[str, ...]) -> int:
    """Change fields of DOCUMENT in the text: values alone, every other byte of the file stays as it is.

    Fields inside others are named with dots. What the fleet would not be valid with is not written.
    """
    if not (fields or unset):
        raise click.UsageError("name what is to be changed, as KEY=VALUE")
    known = {f"{kind}/{code}" for kind, code in read_outline(common.fleet).documents if kind in KINDS}
    address = address_of([document], known, tuple(reversed(KINDS)))
    if address not in known:
        hint = did_you_mean(address, known)
        raise click.UsageError(f"the fleet has no {address!r}" + (f" ({hint})" if hint else ""))
    kind, _, code = address.partition("/")
    changes = changes_of(require_kind(kind), fields, unset)
    text = FleetText(common.fleet)
    try:
        draft = text.edited(kind, code, changes)
    except REFUSED as refusal:
        raise click.ClickException(str(refusal)) from None
    return write(common, text, draft)
