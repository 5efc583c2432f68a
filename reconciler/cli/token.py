"""`token`: who may ask and steer the daemon. A token is shown once, when it is made; its hash is kept in the store."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from reconciler.access.roles import ROLES, Role
from reconciler.access.tokens import TOKEN_BYTES, Token, hash_of, write
from reconciler.cli import groups
from reconciler.cli.known import know, open_memory
from reconciler.cli.operators import who_runs
from reconciler.cli.options import Common, common, store_option
from reconciler.cli.terminal_tables import print_report
from reconciler.fleet.documents import did_you_mean
from reconciler.notices.notices import Level, Notice, NoticeName
from reconciler.reports.escapes import visible
from reconciler.reports.plain import report
from reconciler.reports.tables import Column, Table, table

_PURPOSE = "tokens could not be kept"
_LONGEST_NAME = 80


@click.group(cls=groups.OptionsFirst)
def command() -> None:
    """Make, list and revoke the tokens by which the daemon's API and page are used."""


@command.command(
    "new",
    cls=groups.Command,
    examples=["odoo-fleet token new --role user --name anna", "odoo-fleet token new --role admin --expires 2027-01-01"],
)
@click.option("--role", type=click.Choice(ROLES), required=True, help="What it is good for: read, operate, everything.")
@click.option("--name", default="", metavar="TEXT", help="Whose it is: what it does is told under this name.")
@click.option("--expires", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="Good until this day begins (UTC).")
@store_option
@common("text")
def new(common: Common, store: str, role: str, name: str, expires: datetime | None) -> None:
    """Make a token and print it, alone, once: it cannot be shown again. A running daemon takes it within two seconds."""
    now, called = datetime.now(UTC), " ".join(name.split())
    end = None if expires is None else expires.replace(tzinfo=UTC)
    if end is not None and end <= now:
        raise click.UsageError(f"--expires: {end:%Y-%m-%d} has begun already (UTC)")
    if len(called) > _LONGEST_NAME:
        raise click.UsageError(f"--name: at most {_LONGEST_NAME} characters")
    text = write(secrets.token_bytes(TOKEN_BYTES))
    token = Token(hash_of(text.reveal()), Role(role), called, now, who_runs(), end)
    with open_memory(common, store, know(common).fleet, purpose=_PURPOSE) as memory:
        if called and any(each.name == called for each in memory.tokens()):
            raise click.UsageError(
                f"there is a token named {called!r} already: revoke it first, or choose another name"
            )
        memory.add_token(token)
        until = "without an end" if end is None else f"until {end:%Y-%m-%d}"
        detail = f"{token.called}, {role}, {until}: made by {token.made_by}"
        memory.record_notice(Notice(NoticeName.TOKEN_MADE, Level.INFO, detail), now)
    click.echo(text.reveal())


@command.command(
    "list",
    cls=groups.Command,
    short_help="Which there are: name, role, until when.",
    examples=["odoo-fleet token list -o json"],
)
@store_option
@common("text", "json")
def list_command(common: Common, store: str) -> None:
    """List tokens by what is known of them; they themselves are not kept."""
    fleet, now = know(common).fleet, datetime.now(UTC)
    with open_memory(common, store, fleet, purpose=_PURPOSE) as memory:
        tokens = memory.tokens()
    print_report(common.output, report(fleet, tokens=[each.shown(now) for each in tokens]), [_table(tokens, now)])


@command.command(
    "revoke", cls=groups.Command, examples=["odoo-fleet token revoke anna", "odoo-fleet token revoke 1a2b3c4d"]
)
@click.argument("which", metavar="NAME|ID")
@store_option
@common("text")
def revoke(common: Common, store: str, which: str) -> None:
    """Let a token be used no more. A running daemon and sessions opened with it notice within two seconds."""
    with open_memory(common, store, know(common).fleet, purpose=_PURPOSE) as memory:
        token = _find(memory.tokens(), which)
        memory.revoke_token(token.hash)
        detail = f"{token.called}, {token.role}: revoked by {who_runs()}"
        memory.record_notice(Notice(NoticeName.TOKEN_REVOKED, Level.INFO, detail), datetime.now(UTC))
    click.echo(visible(f"{token.called} is good for nothing any more."))


def _find(tokens: Sequence[Token], which: str) -> Token:
    """Return the token of this name or this id; an id counts first, since a token may have been given another's id for a name."""
    found = [t for t in tokens if t.id == which] or [t for t in tokens if t.name == which]
    if not found:
        hint = did_you_mean(which, [known for t in tokens for known in (t.name, t.id) if known])
        raise click.UsageError(f"there is no token {which!r}" + (f" ({hint})" if hint else ""))
    if len(found) > 1:
        raise click.UsageError(f"{which!r} is more than one token: name the one that is meant")
    return found[0]


def _table(tokens: Sequence[Token], now: datetime) -> Table:
    columns: tuple[Column[Token], ...] = (
        Column("ID", lambda t: t.id),
        Column("NAME", lambda t: t.name),
        Column("ROLE", lambda t: t.role),
        Column("MADE (UTC)", lambda t: f"{t.made_at:%Y-%m-%d %H:%M}"),
        Column("BY", lambda t: t.made_by),
        Column("UNTIL", lambda t: _until(t, now)),
    )
    return table("Tokens", columns, tokens)


def _until(token: Token, now: datetime) -> str:
    if token.expires_at is None:
        return "-"
    return f"{token.expires_at:%Y-%m-%d}{'' if token.is_good(now) else ' (ended)'}"
