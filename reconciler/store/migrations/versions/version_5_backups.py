"""Version 5: what is known of the backups of each database and of their proofs."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Integer, Text

revision = "0005"
down_revision: str | None = "0004"


def upgrade() -> None:
    """Begin with nothing: what is not known is looked up in the catalogue of the backups."""
    op.create_table(
        "backups",
        *(Column(name, Text, primary_key=True) for name in ("fleet", "kind", "code", "server", "work")),
        *(Column(name, Text) for name in ("good_at", "tried_at", "heard_at")),
        Column("tries", Integer, nullable=False),
        Column("problem", Text, nullable=False),
    )
