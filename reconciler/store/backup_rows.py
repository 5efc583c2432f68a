"""What is known of backups as rows, of one fleet. Statements only, no transactions."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, select, update

from reconciler.core.policies.backup_times import BackupRecord, Work
from reconciler.core.policies.due_backups import Key
from reconciler.store.inventory_rows import upsert
from reconciler.store.tables import backups

_COLUMNS = [backups.c[f.name] for f in fields(BackupRecord)]


def read(connection: Connection, fleet: str) -> dict[Key, BackupRecord]:
    """Read all."""
    rows = connection.execute(select(*_COLUMNS).where(backups.c.fleet == fleet)).mappings()
    found = (BackupRecord(**{**row, "work": Work(row["work"])}) for row in rows)
    return {record.key: record for record in found}


def put(connection: Connection, fleet: str, record: BackupRecord) -> None:
    """Write one, new or not."""
    connection.execute(upsert(backups, connection.dialect.name), _values(fleet, record))


def claim(connection: Connection, fleet: str, record: BackupRecord, at: datetime) -> bool:
    """Write down that a try begins, if what is written of tries is what `record` says; tell whether it was."""
    blank = {**_values(fleet, record), "tried_at": None, "heard_at": None, "tries": 0, "problem": ""}
    connection.execute(upsert(backups, connection.dialect.name, ()), blank)
    unchanged = and_(backups.c.tries == record.tries, backups.c.tried_at.is_not_distinct_from(record.tried_at))
    begun = update(backups).where(_this(fleet, record), unchanged)
    return connection.execute(begun.values(tried_at=at, heard_at=at, tries=record.tries + 1)).rowcount == 1


def forget(connection: Connection, fleet: str, kind: str, code: str) -> None:
    """Forget what is known of a document's, or of those on a server."""
    this = backups.c.server == code if kind == "server" else and_(backups.c.kind == kind, backups.c.code == code)
    connection.execute(delete(backups).where(backups.c.fleet == fleet, this))


def _this(fleet: str, record: BackupRecord) -> ColumnElement[bool]:
    wanted = {
        "fleet": fleet,
        "kind": record.kind,
        "code": record.code,
        "server": record.server,
        "work": record.work.value,
    }
    return and_(*(backups.c[name] == value for name, value in wanted.items()))


def _values(fleet: str, record: BackupRecord) -> dict[str, object]:
    return {"fleet": fleet, **asdict(record), "work": record.work.value}
