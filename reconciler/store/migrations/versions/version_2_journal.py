"""Version 2: what happened. Passes and the outcomes of their actions."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Float, ForeignKey, Integer, Text

revision = "0002"
down_revision: str | None = "0001"


def upgrade() -> None:
    """Make the tables of the journal."""
    op.create_table(
        "passes",
        Column("id", Integer, primary_key=True),
        Column("fleet", Text, nullable=False),
        Column("started_at", Text, nullable=False),
        Column("ended_at", Text),
        Column("command", Text, nullable=False),
        Column("tool_version", Text, nullable=False),
        Column("fleet_digest", Text, nullable=False),
        Column("revision", Text),
        *(Column(result, Integer, nullable=False) for result in ("done", "failed", "unknown", "skipped")),
        sqlite_autoincrement=True,
    )
    op.create_index("passes_of_fleet", "passes", ["fleet", "id"])
    op.create_table(
        "outcomes",
        Column("id", Integer, primary_key=True),
        Column("pass_id", Integer, ForeignKey("passes.id", ondelete="CASCADE"), nullable=False),
        Column("at", Text, nullable=False),
        *(Column(name, Text, nullable=False) for name in ("action_id", "verb", "kind", "code", "server")),
        *(Column(name, Text, nullable=False) for name in ("database", "becomes", "reason", "result", "detail")),
        Column("seconds", Float, nullable=False),
    )
    op.create_index("outcomes_of_pass", "outcomes", ["pass_id"])
    op.create_index("outcomes_of_document", "outcomes", ["kind", "code", "id"])
