"""A store in one SQLite file: made for its owner's eyes only, written by several processes at once, deletable at any time.

What is committed survives the death of any process. A power cut may take the last commits, in their order, but for those
asked to be `durable`, which are on the disk before they return, and with them all that went before. WAL needs shared memory,
so the file must be on a local disk.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from reconciler.store.failures import DELETABLE, StoreError
from reconciler.store.migrating import is_anothers

DIRECTORY = ".odoo-fleet"
"""Where a fleet's store is by default: beside the fleet's own directory."""

_ELSEWHERE = "make it writable, or choose another place with --store URL, or none with --store none"


class SqliteFile:
    """One file, and which one it was when it was opened: a path may come to mean another."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.where = str(path)
        self._identity: tuple[int, int] | None = None

    def engine(self, patience: float) -> Engine:
        """Make the engine; nothing is opened yet."""
        # One connection, kept: closing the last one copies the whole log into the file and syncs, which takes long.
        engine = create_engine(
            URL.create("sqlite", database=str(self.path)),
            poolclass=QueuePool,
            pool_size=1,
            max_overflow=0,
            hide_parameters=True,
            connect_args={"timeout": patience},
        )
        event.listen(engine, "connect", self._on_connect)
        event.listen(engine, "begin", _on_begin)
        return engine

    def prepare(self) -> None:
        """Make directory and file where they are missing, and note which file it is."""
        try:
            _make_directory(self.path.parent)
            _create(self.path)
            found = self.path.stat()
        except OSError as error:
            what = f"cannot be made or opened: {error.strerror}"
            raise StoreError(what, where=self.where, advice=_ELSEWHERE) from None
        if not stat.S_ISREG(found.st_mode):
            raise StoreError("it is not a file", where=self.where, advice="name a file with --store sqlite:///PATH")
        # SQLite would open it for reading and fail at the first write, in the middle of a pass. Asked, not tried: to close
        # a file of one's own drops the locks that SQLite holds on it for another store in this process.
        if not os.access(self.path, os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            raise StoreError("it cannot be written", where=self.where, advice=_ELSEWHERE)
        self._identity = (found.st_dev, found.st_ino)

    def is_in_place(self) -> bool:
        """Tell whether the path still means the file that was opened: one system call, before every use."""
        try:
            found = self.path.stat()
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._identity

    def is_busy(self, error: BaseException | None) -> bool:
        """Tell whether another process was in the way: SQLite reports it at once where several make a store together."""
        return isinstance(error, sqlite3.Error) and _code(error).startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))

    def is_gone(self, error: BaseException | None) -> bool:
        """Tell that it is not: a file that was deleted is noticed before it is used, see `is_in_place`."""
        del error
        return False

    def explain(self, error: BaseException | None) -> StoreError:
        """Say what SQLite's error means and what to do about it."""
        code = _code(error) if isinstance(error, sqlite3.Error) else ""
        for prefix, what, advice in _MEANINGS:
            if code.startswith(prefix):
                return StoreError(what.format(error=error), where=self.where, advice=advice)
        return StoreError(f"SQLite says: {error}", where=self.where, advice=DELETABLE)

    def _on_connect(self, connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # transactions begin where we say, see `_on_begin`
        connection.execute("PRAGMA foreign_keys = ON")
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        if is_anothers([name for (name,) in tables]):
            return  # `migrating` refuses it; until then not even its mode is changed
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            advice = "put it on a local disk with --store sqlite:///PATH"
            raise StoreError("the file system does not bear SQLite's write-ahead log", where=self.where, advice=advice)


def _make_directory(directory: Path) -> None:
    """Make the store's directory; the one beside a fleet is ignored by git, whatever the repository around it says."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    ignoring = directory / ".gitignore"
    if directory.name == DIRECTORY and not ignoring.exists():
        with contextlib.suppress(OSError):
            ignoring.touch(mode=0o600)
            ignoring.write_text("*\n", encoding="utf-8")


def _on_begin(connection: Connection) -> None:
    """Begin as the engine's options say; `BEGIN IMMEDIATE` waits at its start and never has to give up in the middle."""
    options = connection.get_execution_options()
    if options.get("writes"):
        connection.exec_driver_sql(f"PRAGMA synchronous = {'FULL' if options.get('durable') else 'NORMAL'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writes") else "BEGIN")


def _create(path: Path) -> None:
    """Make the file empty and closed to others; SQLite gives its log files the same rights."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return


def _code(error: sqlite3.Error) -> str:
    return str(getattr(error, "sqlite_errorname", ""))


_MEANINGS = (
    ("SQLITE_FULL", "the disk is full", f"make room and try again; {DELETABLE}"),
    ("SQLITE_NOTADB", "it is not a store of odoo-fleet, or is damaged", f"if it was one, {DELETABLE}; or --store URL"),
    ("SQLITE_CORRUPT", "it is damaged", DELETABLE),
    ("SQLITE_READONLY", "it cannot be written", _ELSEWHERE),
    ("SQLITE_CANTOPEN", "it cannot be opened", _ELSEWHERE),
    ("SQLITE_PERM", "it cannot be opened", _ELSEWHERE),
    ("SQLITE_BUSY", "another process has held it for too long", "see what holds it, then try again"),
    ("SQLITE_LOCKED", "another process has held it for too long", "see what holds it, then try again"),
    ("SQLITE_IOERR", "the disk refuses ({error})", f"see whether it is full or failing; {DELETABLE}"),
)
