"""Version 7: what instances used when they were measured last."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text

revision = "0007"
down_revision: str | None = "0006"


def upgrade() -> None:
    """Make the table of what is used."""
    op.create_table(
        "usage",
        *(Column(name, Text, primary_key=True) for name in ("fleet", "code")),
        Column("users", Integer, nullable=False),
        Column("bytes", BigInteger, nullable=False),
        Column("at", Text, nullable=False),
        Column("over_since", Text),
    )
