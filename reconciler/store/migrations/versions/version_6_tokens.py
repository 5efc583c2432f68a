"""Version 6: the tokens by which a daemon is asked and steered, as hashes."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Text

revision = "0006"
down_revision: str | None = "0005"


def upgrade() -> None:
    """Make the table of tokens."""
    op.create_table(
        "tokens",
        *(Column(name, Text, primary_key=True) for name in ("fleet", "hash")),
        *(Column(name, Text, nullable=False) for name in ("role", "name", "made_at", "made_by")),
        Column("expires_at", Text),
    )
