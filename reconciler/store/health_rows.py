"""The health of servers as rows: every look at them, of one fleet. Statements only, no transactions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, CursorResult, Select, bindparam, delete, func, insert, select

from reconciler.health.signs import HealthStatus
from reconciler.health.verdicts import HealthRecord
from reconciler.store.tables import health

_COLUMNS = [health.c[f.name] for f in fields(HealthRecord)]
_NEWEST_FIRST = (health.c.at.desc(), health.c.id.desc())
_OF_FLEET = health.c.fleet == bindparam("of_fleet")


def _latest() -> Select[tuple[int]]:
    """Find the last look at each server by going from one server to the next in the index, past all other looks."""
    # Nested, since a statement that begins with `WITH` does not tell Python's sqlite3 how many rows it deleted.
    first = select(func.min(health.c.server).label("server")).where(_OF_FLEET)
    one = first.cte("servers", recursive=True, nesting=True)
    following = select(func.min(health.c.server)).where(_OF_FLEET, health.c.server > one.c.server).scalar_subquery()
    servers = one.union_all(select(following).where(one.c.server.is_not(None)))
    newest = select(health.c.id).where(_OF_FLEET, health.c.server == servers.c.server).order_by(*_NEWEST_FIRST).limit(1)
    return select(newest.scalar_subquery()).where(servers.c.server.is_not(None))


_LATEST = select(*_COLUMNS).where(health.c.id.in_(_latest()))
_OLD = (
    select(health.c.id)
    .where(_OF_FLEET, health.c.at < bindparam("before"), health.c.id.not_in(_latest()))
    .limit(bindparam("count"))
)
_FORGET = delete(health).where(health.c.id.in_(_OLD))


def add(connection: Connection, fleet: str, record: HealthRecord) -> None:
    """Write a look down."""
    connection.execute(insert(health), {"fleet": fleet, **asdict(record)})


def read(connection: Connection, fleet: str, *, server: str | None, limit: int) -> tuple[HealthRecord, ...]:
    """Read the last looks, newest first; at all servers or one."""
    query = select(*_COLUMNS).where(health.c.fleet == fleet)
    if server is not None:
        query = query.where(health.c.server == server)
    return tuple(_records(connection.execute(query.order_by(*_NEWEST_FIRST).limit(limit))))


def read_latest(connection: Connection, fleet: str) -> dict[str, HealthRecord]:
    """Read the last look at each server, by server."""
    return {r.server: r for r in _records(connection.execute(_LATEST, {"of_fleet": fleet}))}


def forget(connection: Connection, fleet: str, before: datetime, count: int) -> int:
    """Delete at most so many older looks, never a server's last; return how many."""
    return connection.execute(_FORGET, {"of_fleet": fleet, "before": before, "count": count}).rowcount


def _records(rows: CursorResult[Any]) -> Iterator[HealthRecord]:
    return (HealthRecord(**{**row, "status": HealthStatus(row["status"])}) for row in rows.mappings())
