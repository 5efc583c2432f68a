"""Version 3: what a daemon remembers. Pauses, notices, health; and outcomes that are found in no time among a million."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Boolean, Column, Float, Integer, Text

revision = "0003"
down_revision: str | None = "0002"

_WAYS_TO_ASK = (
    ("outcomes", "fleet", ()),
    ("outcomes", "document", ("kind", "code")),
    ("outcomes", "server", ("server",)),
    ("outcomes", "result", ("result",)),
    ("outcomes", "reason", ("reason",)),
    ("notices", "fleet", ()),
    ("notices", "document", ("kind", "code")),
    ("notices", "server", ("server",)),
    ("notices", "name", ("name",)),
    ("health", "fleet", ()),
    ("health", "server", ("server",)),
)


def upgrade() -> None:
    """Make the tables of the daemon, give outcomes their fleet and what changed, and index all three by time."""
    op.create_table(
        "pauses",
        *(Column(name, Text, primary_key=True) for name in ("fleet", "kind", "code")),
        Column("reason", Text, nullable=False),
        Column("since", Text, nullable=False),
    )
    op.create_table(
        "notices",
        Column("id", Integer, primary_key=True),
        *(Column(name, Text, nullable=False) for name in ("fleet", "at", "name", "level", "detail")),
        *(Column(name, Text, nullable=False) for name in ("kind", "code", "server", "revision", "fields")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "health",
        Column("id", Integer, primary_key=True),
        *(Column(name, Text, nullable=False) for name in ("fleet", "server", "at", "status")),
        Column("online", Boolean, nullable=False),
        *(Column(name, Text, nullable=False) for name in ("why", "version")),
        Column("latency_ms", Float),
        Column("databases", Integer),
        Column("free_percent", Float),
        Column("master_password_accepted", Boolean),
        Column("certificate_expires_at", Text),
        *(Column(name, Integer, nullable=False) for name in ("failures_in_a_row", "successes_in_a_row")),
        Column("since", Text),
        sqlite_autoincrement=True,
    )
    op.add_column("outcomes", Column("fleet", Text, nullable=False, server_default=""))
    op.add_column("outcomes", Column("changes", Text))
    op.execute("UPDATE outcomes SET fleet = (SELECT passes.fleet FROM passes WHERE passes.id = outcomes.pass_id)")
    for name in ("outcomes_of_document", "outcomes_of_pass"):
        op.drop_index(name, "outcomes")
    op.create_index("outcomes_of_pass", "outcomes", ["pass_id", "fleet", "at", "id"])
    for table, name, columns in _WAYS_TO_ASK:
        op.create_index(f"{table}_of_{name}", table, ["fleet", *columns, "at", "id"])
