"""From what a user writes after `--store` to an opened store. Imports SQLAlchemy only when there is one to open."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from reconciler.store.failures import StoreError
from reconciler.store.forgetful import NoMemory

if TYPE_CHECKING:
    from reconciler.store.sql_store import Store

AnyStore: TypeAlias = "Store | NoMemory"
_SQLITE = "sqlite:///"
_FORMS = "use sqlite:///PATH, postgresql://USER@HOST/DATABASE or none"


def default_url(fleet_dir: Path) -> str:
    """Return where a fleet's store is unless told otherwise: beside its directory, whatever link led there."""
    # Not `resolve`: behind a link to the current checkout, the store would be left behind with each new one.
    absolute = Path(os.path.normpath(fleet_dir.absolute()))
    return f"{_SQLITE}{absolute.parent / '.odoo-fleet' / 'state.sqlite'}"


def open_store(url: str, fleet: str) -> AnyStore:
    """Open a store, making it where it is not there yet.

    Args:
        url: `sqlite:///PATH` (all that follows is the path, as it is), a PostgreSQL address, or `none`.
        fleet: the fleet's code.

    Raises:
        StoreError: it cannot be used; says what to do.
    """
    if url == "none":
        return NoMemory()
    if url.startswith(_SQLITE):
        return _open_file(Path(url.removeprefix(_SQLITE)), fleet)
    if url.startswith(("postgresql://", "postgresql+psycopg://")):
        return _open_server(url, fleet)
    # Not shown: what is misspelt may hold a password all the same.
    raise StoreError("there is no such kind of store", where="--store", advice=_FORMS)


def _open_file(path: Path, fleet: str) -> Store:
    from reconciler.store.sql_store import Store  # noqa: PLC0415 -- SQLAlchemy costs what `--version` may not
    from reconciler.store.sqlite_file import SqliteFile  # noqa: PLC0415 -- see above

    if path.name in {"", ":memory:"}:
        raise StoreError("there is no file in this address", where="--store", advice=_FORMS)
    return Store(SqliteFile(path.absolute()), fleet)


def _open_server(url: str, fleet: str) -> Store:
    from sqlalchemy import make_url  # noqa: PLC0415 -- see `_open_file`
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415 -- see `_open_file`

    from reconciler.store.server_database import ServerDatabase  # noqa: PLC0415 -- see `_open_file`
    from reconciler.store.sql_store import Store  # noqa: PLC0415 -- see `_open_file`

    try:
        address = make_url(url).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):
        raise StoreError("the address cannot be read", where="--store", advice=_FORMS) from None
    return Store(ServerDatabase(address), fleet)
