"""Version 4: who ran a pass, and the signs of a server's health by their names. Of older passes it is not known who ran them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from alembic import op
from sqlalchemy import Boolean, Column, Integer, Row, Text, bindparam, column, insert, select, table

revision = "0004"
down_revision: str | None = "0003"

_KEPT = ("fleet", "server", "at", "status", "online", "why", "failures_in_a_row", "successes_in_a_row", "since")
_SIGNS = {
    "version": "version",
    "latency_ms": "latency_ms",
    "databases": "databases",
    "free_percent": "available_capacity",
}
_INDEXES = {"health_of_fleet": (), "health_of_server": ("server",)}
_AT_ONCE = 1000


def upgrade() -> None:
    """Give passes the account and the machine that ran them, and looks at health one column for all signs."""
    op.add_column("passes", Column("ran_by", Text))
    for name in _INDEXES:
        op.drop_index(name, "health")
    op.rename_table("health", "health_3")
    op.create_table(
        "health",
        Column("id", Integer, primary_key=True),
        *(Column(name, Text, nullable=False) for name in ("fleet", "server", "at", "status")),
        Column("online", Boolean, nullable=False),
        *(Column(name, Text, nullable=False) for name in ("why", "signs")),
        *(Column(name, Integer, nullable=False) for name in ("failures_in_a_row", "successes_in_a_row")),
        Column("since", Text),
        sqlite_autoincrement=True,
    )
    _move_looks()
    op.drop_table("health_3")
    for name, columns in _INDEXES.items():
        op.create_index(name, "health", ["fleet", *columns, "at", "id"])


def _move_looks() -> None:
    names = ("id", *_KEPT, *_SIGNS, "master_password_accepted", "certificate_expires_at")
    former = table("health_3", *map(column, names))
    latter = table("health", *map(column, (*_KEPT, "signs")))
    connection = op.get_bind()
    next_ones = select(former).where(former.c.id > bindparam("last")).order_by(former.c.id).limit(_AT_ONCE)
    rows: Sequence[Row[Any]] = connection.execute(next_ones, {"last": 0}).all()
    while rows:
        looks = [row._asdict() for row in rows]
        kept = [{**{name: look[name] for name in _KEPT}, "signs": json.dumps(_signs(look))} for look in looks]
        connection.execute(insert(latter), kept)
        rows = connection.execute(next_ones, {"last": looks[-1]["id"]}).all()


def _signs(row: Mapping[str, Any]) -> dict[str, Any]:
    accepted, until = row["master_password_accepted"], row["certificate_expires_at"]
    signs = {
        **{sign: row[name] for name, sign in _SIGNS.items()},
        "master_password_accepted": None if accepted is None else bool(accepted),
        "certificate_expires_at": None if until is None else {"at": until},
    }
    return {name: value for name, value in signs.items() if value not in (None, "")}
