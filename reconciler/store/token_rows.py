"""Tokens as rows: their hashes, never they themselves. Statements only, no transactions."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import Connection, delete, insert, select

from reconciler.access.roles import Role
from reconciler.access.tokens import Token
from reconciler.store.tables import tokens


def add(connection: Connection, fleet: str, token: Token) -> None:
    """Write a token down."""
    connection.execute(insert(tokens), {"fleet": fleet, **asdict(token), "role": token.role.value})


def read(connection: Connection, fleet: str) -> tuple[Token, ...]:
    """Read all of them, the oldest first."""
    rows = connection.execute(select(tokens).where(tokens.c.fleet == fleet).order_by(tokens.c.made_at, tokens.c.hash))
    return tuple(Token(r.hash, Role(r.role), r.name, r.made_at, r.made_by, r.expires_at) for r in rows)


def remove(connection: Connection, fleet: str, token_hash: str) -> bool:
    """Remove one; tell whether it was there."""
    return connection.execute(delete(tokens).where(tokens.c.fleet == fleet, tokens.c.hash == token_hash)).rowcount > 0
