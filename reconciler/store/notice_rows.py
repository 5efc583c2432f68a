"""Notices as rows: what operators were told, of one fleet. Statements only, no transactions."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from reconciler.notices.notices import Notice
from reconciler.notices.records import NoticeRecord
from reconciler.store.tables import notices

_COLUMNS = [notices.c[f.name] for f in fields(NoticeRecord)]


def add(connection: Connection, fleet: str, notice: Notice, at: datetime) -> None:
    """Write a notice down."""
    values = {**asdict(notice), "fields": json.dumps(notice.fields)}
    connection.execute(insert(notices), {"fleet": fleet, "at": at, **values})


def read(
    connection: Connection, fleet: str, wanted: dict[str, str | None], *, since: datetime | None, limit: int
) -> tuple[NoticeRecord, ...]:
    """Read the last notices, newest first; all, or those whose columns are as wanted (None: whatever they are)."""
    query = select(*_COLUMNS).where(notices.c.fleet == fleet)
    query = query.where(*(notices.c[name] == value for name, value in wanted.items() if value is not None))
    if since is not None:
        query = query.where(notices.c.at >= since)
    rows = connection.execute(query.order_by(notices.c.at.desc(), notices.c.id.desc()).limit(limit))
    return tuple(NoticeRecord(**{**row, "fields": tuple(json.loads(row["fields"]))}) for row in rows.mappings())


def forget(connection: Connection, fleet: str, before: datetime, count: int) -> int:
    """Delete at most so many older notices; return how many."""
    old = select(notices.c.id).where(notices.c.fleet == fleet, notices.c.at < before).limit(count)
    return connection.execute(delete(notices).where(notices.c.id.in_(old))).rowcount
