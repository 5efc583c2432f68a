"""`secret`: one secret's value, alone on stdout, to whoever holds what it is made of; and new keys."""

from __future__ import annotations

import os
import secrets

import click

from reconciler.cli import fleets, groups
from reconciler.cli.naming import address_of, completing
from reconciler.cli.options import Common, common
from reconciler.fleet.secrets import MIN_KEY_BYTES, SecretUnavailable, new_key
from reconciler.loading.secrets import SecretResolver
from schemas.kinds import pausable
from schemas.references import secrets_in

_FIELDS = ("admin_password", "owner.initial_password", "master_password")
"""What shells complete."""


@click.group(cls=groups.OptionsFirst)
def command() -> None:
    """Show one secret's value, or make a new key."""


@command.command(
    cls=groups.Command,
    examples=[
        "odoo-fleet secret show acme admin_password",
        "odoo-fleet secret show instance/acme owner.initial_password",
    ],
)
@click.argument(
    "words", metavar="DOCUMENT FIELD", nargs=-1, required=True, shell_complete=completing(*pausable(), also=_FIELDS)
)
@common("text")
def show(common: Common, words: tuple[str, ...]) -> None:
    """Print the value of a secret FIELD of DOCUMENT, and nothing else."""
    desired = fleets.load(common)
    documents = {document.address: document for document in desired.every()}
    named, field = (words[:-1], words[-1]) if len(words) > 1 else (words, "")
    address = address_of(named, documents, tuple(pausable()))
    fleets.require(address, documents, f"the fleet has no {address!r}")
    references = {".".join(map(str, place)): reference for place, reference in secrets_in(documents[address])}
    if not field:
        raise click.UsageError(f"name a secret of {address}: {', '.join(references)}")
    fleets.require(field, references, f"{address} has no secret {field!r}")
    kind, _, code = address.partition("/")
    resolver = SecretResolver(desired, os.environ, common.fleet)
    try:
        value = resolver.resolve(references[field], kind, code, field)
    except SecretUnavailable as error:
        raise click.ClickException(str(error)) from error
    click.echo(value.reveal())


@command.command("new-key")
def new_key_command() -> None:
    """Print a new key, for `secret_key` of the fleet document. Keep it out of git."""
    click.echo(new_key(secrets.token_bytes(MIN_KEY_BYTES)).reveal())
