"""The tables of the newest version. `migrations` says how a store gets there; a test holds the two against each other.

Every row belongs to a fleet, directly or by its pass, so that several fleets can share one store.
"""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, MetaData, Table

from reconciler.store.columns import Moment, PlainText

metadata = MetaData()

entries = Table(
    "entries",
    metadata,
    Column("fleet", PlainText, primary_key=True),
    Column("kind", PlainText, primary_key=True),
    Column("code", PlainText, primary_key=True),
    Column("server", PlainText, primary_key=True),
    Column("target", PlainText, nullable=False),
    Column("digest", PlainText, nullable=False),
    Column("verified_at", Moment, nullable=False),
)

server_states = Table(
    "server_states",
    metadata,
    Column("fleet", PlainText, primary_key=True),
    Column("server", PlainText, primary_key=True),
    Column("state", PlainText, nullable=False),
)

listings = Table(
    "listings",
    metadata,
    Column("fleet", PlainText, primary_key=True),
    Column("server", PlainText, primary_key=True),
    Column("names", PlainText, nullable=False),  # JSON, ASCII only: names come from hosts and may hold anything
    Column("at", Moment, nullable=False),
)

passes = Table(
    "passes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("fleet", PlainText, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("command", PlainText, nullable=False),
    Column("tool_version", PlainText, nullable=False),
    Column("fleet_digest", PlainText, nullable=False),
    Column("revision", PlainText),
    Column("done", Integer, nullable=False, default=0),
    Column("failed", Integer, nullable=False, default=0),
    Column("unknown", Integer, nullable=False, default=0),
    Column("skipped", Integer, nullable=False, default=0),
    Index("passes_of_fleet", "fleet", "id"),
    sqlite_autoincrement=True,  # a number is never given twice, or old outcomes could become those of a new pass
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("pass_id", Integer, ForeignKey("passes.id", ondelete="CASCADE"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("action_id", PlainText, nullable=False),
    Column("verb", PlainText, nullable=False),
    Column("kind", PlainText, nullable=False),
    Column("code", PlainText, nullable=False),
    Column("server", PlainText, nullable=False),
    Column("database", PlainText, nullable=False),
    Column("becomes", PlainText, nullable=False),
    Column("reason", PlainText, nullable=False),
    Column("result", PlainText, nullable=False),
    Column("detail", PlainText, nullable=False),
    Column("seconds", Float, nullable=False),
    Index("outcomes_of_pass", "pass_id"),
    Index("outcomes_of_document", "kind", "code", "id"),
)
