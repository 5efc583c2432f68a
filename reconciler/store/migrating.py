"""Which version a store is of, and what follows from it: use it, bring it up to date, or refuse it.

The usual case costs one query. Alembic is imported only where there is something to migrate. The version stands in a table
with a name of our own, so that another program's database is never taken for a store, whatever it migrates with.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from reconciler.store.failures import DELETABLE, StoreError

NEWEST = "0007"
VERSION_TABLE = "odoo_fleet_version"
_MIGRATIONS = Path(__file__).parent / "migrations"


def bring_up_to_date(connection: Connection, where: str) -> None:
    """Migrate to the newest version, in the caller's transaction: another process sees all of it or nothing."""
    found = _version(connection, where)
    if found == NEWEST:
        return
    if found is not None and found not in _known():
        raise _stranger(found, where)
    _migrate(connection)


def is_anothers(tables: Collection[str]) -> bool:
    """Tell whether a database with these tables belongs to another program: it has some, and not ours."""
    return bool(tables) and VERSION_TABLE not in tables


def _version(connection: Connection, where: str) -> str | None:
    """Return the version, or None where nothing is there yet."""
    tables = inspect(connection).get_table_names()
    if is_anothers(tables):
        advice = "give the store a file or a database of its own with --store"
        raise StoreError("it belongs to another program", where=where, advice=advice)
    if not tables:
        return None
    return str(connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}")))  # noqa: S608 -- our own constant


def _known() -> frozenset[str]:
    return frozenset(f"{number:04}" for number in range(1, int(NEWEST) + 1))


def _stranger(found: str, where: str) -> StoreError:
    if found.isdecimal() and found > NEWEST:
        what = f"it was written by a newer odoo-fleet (version {found} of the store, this one knows {NEWEST})"
        return StoreError(what, where=where, advice=f"use that odoo-fleet, or another --store; {DELETABLE}")
    return StoreError(f"it says to be of version '{found}', which never was", where=where, advice=DELETABLE)


def _migrate(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 -- slow to import, and seldom needed
    from alembic.config import Config  # noqa: PLC0415 -- see above

    config = Config(attributes={"connection": connection, "version_table": VERSION_TABLE})
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    command.upgrade(config, NEWEST)
