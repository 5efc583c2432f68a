"""A real PostgreSQL server of the session's own: started, shut down, killed and asked past the store."""

from __future__ import annotations

import functools
import itertools
from pathlib import Path

import psycopg

from tests.hosts.postgres import Cluster
from tests.store.examples import open_at

_WITH_PASSWORD = "host all locked 127.0.0.1/32 scram-sha-256\n"


class PostgreSQL:
    """One server with two roles: `fleet` is let in as it is, `locked` with its password only.

    Names in databases are sorted as for people, not by their bytes: what stores rely on must not rest on the order of bytes.
    """

    password = "hunter2-of-the-store"

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._numbers = itertools.count(1)

    def start(self) -> None:
        """Make it and wait until it answers."""
        access: Path = self.cluster.make() / "pg_hba.conf"
        access.write_text(_WITH_PASSWORD + access.read_text())
        self.cluster.run()
        self.sql("postgres", "CREATE ROLE fleet LOGIN")
        self.sql("postgres", f"CREATE ROLE locked LOGIN PASSWORD '{self.password}'")

    def new_name(self) -> str:
        """Return a name that no database of this session had before."""
        return f"store_{next(self._numbers)}"

    def url(self, database: str, user: str = "fleet") -> str:
        """Return what a user writes after `--store`."""
        return f"postgresql://{user}@127.0.0.1:{self.cluster.port}/{database}"

    @functools.cached_property
    def ready(self) -> str:
        """Name a database with an empty store of the newest version, made once."""
        self.create("ready")
        open_at(self.url("ready")).close()
        return "ready"

    def create(self, name: str, template: str = "template0") -> None:
        """Make a database, as an administrator does."""
        sorting = "LOCALE_PROVIDER icu ICU_LOCALE 'en-US'" if template == "template0" else ""
        self.sql("postgres", f"CREATE DATABASE {name} OWNER fleet TEMPLATE {template} {sorting}")

    def drop(self, name: str) -> None:
        """Drop a database, whoever is connected."""
        self.sql("postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def disconnect(self, database: str) -> None:
        """Cut the connections to a database."""
        query = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
        self.sql("postgres", query, (database,))

    def sql(
        self, database: str, statement: str, parameters: tuple[object, ...] = (), user: str = "postgres"
    ) -> list[tuple[object, ...]]:
        """Run a statement, or several without parameters, and return the rows of the last."""
        with self.connect(database, user) as connection:
            found = connection.execute(statement.encode(), parameters or None)
            return found.fetchall() if found.description else []

    def connect(self, database: str, user: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        """Connect past the store; every statement is a transaction."""
        return psycopg.connect(self.url(database, user), autocommit=True)
