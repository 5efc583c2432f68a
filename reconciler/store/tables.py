"""The tables of the newest version. `migrations` says how a store gets there; a test holds the two against each other.

Every row belongs to a fleet, so that several fleets can share one store. What grows without end has an index for each way
in which it is asked, which ends in the order of the answer: newest first, so that the first hundred of a million cost as much
as the first hundred of a thousand.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, MetaData, Table

from reconciler.store.columns import Moment, PlainText, Values

metadata = MetaData()


def _keys(*names: str) -> list[Column[str]]:
    return [Column(name, PlainText, primary_key=True) for name in names]


def _texts(*names: str) -> list[Column[str]]:
    return [Column(name, PlainText, nullable=False) for name in names]


def _by_time(table: str, name: str, *columns: str) -> Index:
    return Index(f"{table}_of_{name}", "fleet", *columns, "at", "id")


entries = Table(
    "entries",
    metadata,
    *_keys("fleet", "kind", "code", "server"),
    *_texts("target", "digest"),
    Column("verified_at", Moment, nullable=False),
)

server_states = Table("server_states", metadata, *_keys("fleet", "server"), Column("state", PlainText, nullable=False))

listings = Table(
    "listings",
    metadata,
    *_keys("fleet", "server"),
    Column("names", PlainText, nullable=False),  # JSON, ASCII only: names come from hosts and may hold anything
    Column("at", Moment, nullable=False),
)

pauses = Table(
    "pauses",
    metadata,
    *_keys("fleet", "kind", "code"),
    Column("reason", PlainText, nullable=False),
    Column("since", Moment, nullable=False),
)

backups = Table(
    "backups",
    metadata,
    *_keys("fleet", "kind", "code", "server", "work"),
    Column("good_at", Moment),
    Column("tried_at", Moment),
    Column("heard_at", Moment),
    Column("tries", Integer, nullable=False),
    Column("problem", PlainText, nullable=False),
)

usage = Table(
    "usage",
    metadata,
    *_keys("fleet", "code"),
    Column("users", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("at", Moment, nullable=False),
    Column("over_since", Moment),
)

passes = Table(
    "passes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("fleet", PlainText, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    *_texts("command", "tool_version", "fleet_digest"),
    Column("revision", PlainText),
    Column("ran_by", PlainText),
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
    *_texts("action_id", "verb", "kind", "code", "server", "database", "becomes", "reason", "result", "detail"),
    Column("seconds", Float, nullable=False),
    Column("fleet", PlainText, nullable=False, server_default=""),  # its pass's; the default is for the migration
    Column("changes", PlainText),  # JSON: lists of field, observed, desired; nothing where no field is changed
    Index("outcomes_of_pass", "pass_id", "fleet", "at", "id"),
    _by_time("outcomes", "fleet"),
    _by_time("outcomes", "document", "kind", "code"),
    _by_time("outcomes", "server", "server"),
    _by_time("outcomes", "result", "result"),
    _by_time("outcomes", "reason", "reason"),
)

notices = Table(
    "notices",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("fleet", PlainText, nullable=False),
    Column("at", Moment, nullable=False),
    *_texts("name", "level", "detail", "kind", "code", "server", "revision"),
    Column("fields", PlainText, nullable=False),  # JSON
    _by_time("notices", "fleet"),
    _by_time("notices", "document", "kind", "code"),
    _by_time("notices", "server", "server"),
    _by_time("notices", "name", "name"),
    sqlite_autoincrement=True,  # see `passes`: people write numbers down
)

health = Table(
    "health",
    metadata,
    Column("id", Integer, primary_key=True),
    *_texts("fleet", "server"),
    Column("at", Moment, nullable=False),
    Column("status", PlainText, nullable=False),
    Column("online", Boolean, nullable=False),
    Column("why", PlainText, nullable=False),
    Column("signs", Values, nullable=False),
    Column("failures_in_a_row", Integer, nullable=False),
    Column("successes_in_a_row", Integer, nullable=False),
    Column("since", Moment),
    _by_time("health", "fleet"),
    _by_time("health", "server", "server"),
    sqlite_autoincrement=True,
)

tokens = Table(
    "tokens",
    metadata,
    *_keys("fleet", "hash"),
    *_texts("role", "name"),
    Column("made_at", Moment, nullable=False),
    Column("made_by", PlainText, nullable=False),
    Column("expires_at", Moment),
)
