"""Where the same tests keep their stores: a file of the test's own, or a database of its own on a real PostgreSQL."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Protocol

from reconciler.store.sql_store import Store
from tests.store.examples import open_at, url
from tests.store.servers import PostgreSQL

HERE = Path(__file__).parent


class Backend(Protocol):
    """Where one test's store is. Nothing is there until one of `make_…` is called; a file may also be opened at once."""

    kind: str
    url: str

    def make_ready(self) -> None:
        """Put an empty store of the newest version there: to migrate takes longer than all else that a test does."""
        ...

    def make_empty(self) -> None:
        """Put a place there that holds nothing yet."""
        ...

    def make_version(self, version: int) -> None:
        """Put what that version of the tool left there, from `version_*.sql`."""
        ...

    def sql(self, statement: str, parameters: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        """Run a statement past the store."""
        ...


def opened(backend: Backend, fleet: str = "demo") -> Store:
    return open_at(backend.url, fleet)


class FileBackend:
    """A file, where users have it."""

    kind = "file"

    def __init__(self, path: Path, ready: Path) -> None:
        self.url = url(path)
        self._path = path
        self._ready = ready

    def make_ready(self) -> None:
        self._path.parent.mkdir()
        shutil.copy(self._ready, self._path)

    def make_empty(self) -> None:
        self._path.parent.mkdir()
        self._path.touch()

    def make_version(self, version: int) -> None:
        self._path.parent.mkdir()
        with closing(sqlite3.connect(self._path)) as connection:
            connection.executescript((HERE / f"version_{version}.sql").read_text())
            connection.commit()

    def sql(self, statement: str, parameters: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self._path)) as connection:
            rows = connection.execute(statement, parameters).fetchall()
            connection.commit()
            return rows


class DatabaseBackend:
    """A database, on a server of this session."""

    kind = "postgresql"
    _VERSIONS: Mapping[int, str] = {1: "version_1.sql", 2: "version_2_postgresql.sql"}

    def __init__(self, server: PostgreSQL, name: str) -> None:
        self.url = server.url(name)
        self.server = server
        self.name = name

    def make_ready(self) -> None:
        self.server.create(self.name, template=self.server.ready)

    def make_empty(self) -> None:
        self.server.create(self.name)

    def make_version(self, version: int) -> None:
        self.server.create(self.name)
        self.server.sql(self.name, (HERE / self._VERSIONS[version]).read_text(), user="fleet")

    def sql(self, statement: str, parameters: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        return self.server.sql(self.name, statement.replace("?", "%s"), parameters, user="fleet")
