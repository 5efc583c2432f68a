"""Version 1: what a pass has to know of earlier ones. Entries, states of servers, last listings."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Text

revision = "0001"
down_revision: str | None = None


def upgrade() -> None:
    """Make the tables of the inventory."""
    op.create_table(
        "entries",
        Column("fleet", Text, primary_key=True),
        Column("kind", Text, primary_key=True),
        Column("code", Text, primary_key=True),
        Column("server", Text, primary_key=True),
        Column("target", Text, nullable=False),
        Column("digest", Text, nullable=False),
        Column("verified_at", Text, nullable=False),
    )
    op.create_table(
        "server_states",
        Column("fleet", Text, primary_key=True),
        Column("server", Text, primary_key=True),
        Column("state", Text, nullable=False),
    )
    op.create_table(
        "listings",
        Column("fleet", Text, primary_key=True),
        Column("server", Text, primary_key=True),
        Column("names", Text, nullable=False),
        Column("at", Text, nullable=False),
    )
