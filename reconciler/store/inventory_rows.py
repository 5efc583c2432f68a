"""The inventory as rows: what `reconciler.core.inventory` describes, of one fleet. Statements only, no transactions."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Table, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from reconciler.core.inventory import Entry, Inventory
from reconciler.store.tables import entries, listings, server_states

_Upsert = sqlite.Insert | postgresql.Insert

_THIS_ENTRY = (
    (entries.c.fleet == bindparam("of_fleet"))
    & (entries.c.kind == bindparam("of_kind"))
    & (entries.c.code == bindparam("of_code"))
    & (entries.c.server == bindparam("of_server"))
)
_CLEAR = update(entries).where(_THIS_ENTRY).values(digest="")


def read(connection: Connection, fleet: str) -> Inventory:
    """Read all that is remembered of a fleet."""
    rows = connection.execute(select(entries).where(entries.c.fleet == fleet))
    found = [Entry(r.kind, r.code, r.server, r.target, r.digest, r.verified_at) for r in rows]
    states = connection.execute(select(server_states).where(server_states.c.fleet == fleet))
    lists = connection.execute(select(listings).where(listings.c.fleet == fleet))
    return Inventory(
        {(e.kind, e.code, e.server): e for e in found},
        {r.server: r.state for r in states},
        {r.server: tuple(json.loads(r.names)) for r in lists},
    )


def clear(connection: Connection, fleet: str, kind: str, code: str, server: str) -> None:
    """Empty the digest of an entry; where there is none, nothing counts as verified anyway."""
    connection.execute(_CLEAR, _key(fleet, kind, code, server))


def put(connection: Connection, fleet: str, entry: Entry) -> None:
    """Write an entry, new or not."""
    values = {name: getattr(entry, name) for name in ("kind", "code", "server", "target", "digest", "verified_at")}
    connection.execute(_upsert(entries, connection.dialect.name), {"fleet": fleet, **values})


def put_server_state(connection: Connection, fleet: str, server: str, state: str) -> None:
    """Write the state in force of a server."""
    values = {"fleet": fleet, "server": server, "state": state}
    connection.execute(_upsert(server_states, connection.dialect.name), values)


def put_listing(connection: Connection, fleet: str, server: str, names: Sequence[str], at: datetime) -> None:
    """Write what a server listed."""
    values = {"fleet": fleet, "server": server, "names": json.dumps(list(names)), "at": at}
    connection.execute(_upsert(listings, connection.dialect.name), values)


def _key(fleet: str, kind: str, code: str, server: str) -> dict[str, str]:
    return {"of_fleet": fleet, "of_kind": kind, "of_code": code, "of_server": server}


@functools.cache
def _upsert(table: Table, dialect: str) -> _Upsert:
    statement = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    keys = [c.name for c in table.primary_key]
    changed = {c.name: statement.excluded[c.name] for c in table.c if c.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=changed)
