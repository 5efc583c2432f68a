"""The inventory as rows: what `reconciler.core.model.inventory` describes, of one fleet. Statements only, no transactions."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Table, and_, delete, select, update
from sqlalchemy.dialects import sqlite

from reconciler.core.model.inventory import Entry, Inventory, Usage
from reconciler.core.model.pauses import Pause
from reconciler.store.tables import entries, listings, pauses, server_states, usage

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql


def read(connection: Connection, fleet: str) -> Inventory:
    """Read all that is remembered of a fleet."""
    rows = connection.execute(select(entries).where(entries.c.fleet == fleet))
    found = [Entry(r.kind, r.code, r.server, r.target, r.digest, r.verified_at) for r in rows]
    states = connection.execute(select(server_states).where(server_states.c.fleet == fleet))
    measured = connection.execute(select(usage).where(usage.c.fleet == fleet))
    lists = connection.execute(select(listings).where(listings.c.fleet == fleet))
    return Inventory(
        {(e.kind, e.code, e.server): e for e in found},
        {r.server: r.state for r in states},
        {r.server: tuple(json.loads(r.names)) for r in lists},
        read_pauses(connection, fleet),
        {r.code: Usage(r.users, r.bytes, r.at, r.over_since) for r in measured},
    )


def read_pauses(connection: Connection, fleet: str) -> dict[tuple[str, str], Pause]:
    """Read what is paused by a command."""
    rows = connection.execute(select(pauses).where(pauses.c.fleet == fleet))
    return {(r.kind, r.code): Pause(r.kind, r.code, r.reason, r.since) for r in rows}


def clear(connection: Connection, fleet: str, kind: str, code: str, server: str) -> None:
    """Empty the digest of an entry; where there is none, nothing counts as verified anyway."""
    this = (
        (entries.c.fleet == fleet) & (entries.c.kind == kind) & (entries.c.code == code) & (entries.c.server == server)
    )
    connection.execute(update(entries).where(this).values(digest=""))


def put(connection: Connection, fleet: str, entry: Entry) -> None:
    """Write an entry, new or not."""
    values = {name: getattr(entry, name) for name in ("kind", "code", "server", "target", "digest", "verified_at")}
    connection.execute(upsert(entries, connection.dialect.name), {"fleet": fleet, **values})


def forget(connection: Connection, fleet: str, kind: str, code: str) -> tuple[Entry, ...]:
    """Remove the entries of a document, or all that is on a server with what is known of that; return the entries."""
    this = entries.c.server == code if kind == "server" else and_(entries.c.kind == kind, entries.c.code == code)
    if kind == "server":
        for table in (server_states, listings):
            connection.execute(delete(table).where((table.c.fleet == fleet) & (table.c.server == code)))
    rows = connection.execute(
        select(entries).where(entries.c.fleet == fleet, this).order_by(entries.c.server, entries.c.target)
    )
    found = tuple(Entry(r.kind, r.code, r.server, r.target, r.digest, r.verified_at) for r in rows)
    if kind == "instance":
        connection.execute(delete(usage).where((usage.c.fleet == fleet) & (usage.c.code == code)))
    connection.execute(delete(entries).where(entries.c.fleet == fleet, this))
    return found


def put_usage(connection: Connection, fleet: str, code: str, used: Usage) -> None:
    """Write what an instance uses."""
    connection.execute(upsert(usage, connection.dialect.name), {"fleet": fleet, "code": code, **asdict(used)})


def put_server_state(connection: Connection, fleet: str, server: str, state: str) -> None:
    """Write the state in force of a server."""
    values = {"fleet": fleet, "server": server, "state": state}
    connection.execute(upsert(server_states, connection.dialect.name), values)


def put_listing(connection: Connection, fleet: str, server: str, names: Sequence[str], at: datetime) -> None:
    """Write what a server listed."""
    values = {"fleet": fleet, "server": server, "names": json.dumps(list(names)), "at": at}
    connection.execute(upsert(listings, connection.dialect.name), values)


def put_pause(connection: Connection, fleet: str, pause: Pause) -> None:
    """Write a pause; where there is one it goes on, with the new reason if there is one."""
    values = {"fleet": fleet, "kind": pause.kind, "code": pause.code, "reason": pause.reason, "since": pause.since}
    changed = ("reason",) if pause.reason else ()
    connection.execute(upsert(pauses, connection.dialect.name, changed), values)


def drop_pause(connection: Connection, fleet: str, kind: str, code: str) -> bool:
    """Remove a pause; tell whether there was one."""
    this = (pauses.c.fleet == fleet) & (pauses.c.kind == kind) & (pauses.c.code == code)
    return connection.execute(delete(pauses).where(this)).rowcount > 0


def _insert_in_postgresql(table: Table) -> postgresql.Insert:
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 -- a tenth of a command with a file as its store

    return postgresql.insert(table)


@functools.cache
def upsert(table: Table, dialect: str, changed: tuple[str, ...] | None = None) -> sqlite.Insert | postgresql.Insert:
    """Return what inserts a row; one with its key gets the new values, all or those named."""
    statement = _insert_in_postgresql(table) if dialect == "postgresql" else sqlite.insert(table)
    keys = [c.name for c in table.primary_key]
    names = [c.name for c in table.c if c.name not in keys] if changed is None else changed
    if not names:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(index_elements=keys, set_={n: statement.excluded[n] for n in names})
