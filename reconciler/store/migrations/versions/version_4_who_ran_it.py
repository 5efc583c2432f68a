"""Version 4: who ran a pass. Of older ones that is not known."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Text

revision = "0004"
down_revision: str | None = "0003"


def upgrade() -> None:
    """Give passes the account and the machine that ran them."""
    op.add_column("passes", Column("ran_by", Text))
