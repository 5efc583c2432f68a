"""Stores of the tests' own. A test that asks for `store` or `backend` runs on a file and, marked so, on a real PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.store.sql_store import Store
from tests.hosts import debian
from tests.hosts.debian import OdooUnavailable
from tests.hosts.fixtures import DID_NOT_RUN
from tests.hosts.postgres import Cluster
from tests.hosts.programs import Session
from tests.hosts.surroundings import Surroundings
from tests.store.backends import Backend, DatabaseBackend, FileBackend, opened
from tests.store.examples import open_file
from tests.store.servers import PostgreSQL

ON_POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.postgresql)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a file once: to migrate takes longer than all else that a test does."""
    made = tmp_path_factory.mktemp("made") / "state.sqlite"
    open_file(made).close()
    return made


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """Run a server: Debian's, which root installs where it is missing; nobody else needs root."""
    try:
        debian.require_programs({"initdb": "postgresql"})
    except OdooUnavailable as reason:
        pytest.skip(f"POSTGRESQL {DID_NOT_RUN}: {reason}")
    session = Session()
    cluster = Cluster(Surroundings(), session.directory / "store-postgres")
    try:
        server = PostgreSQL(cluster)
        server.start()
        yield server
    finally:
        cluster.stop()
        session.close()


@pytest.fixture
def database(postgresql: PostgreSQL) -> Iterator[DatabaseBackend]:
    """Have a database's name of one's own on the server."""
    own = DatabaseBackend(postgresql, postgresql.new_name())
    yield own
    postgresql.drop(own.name)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".odoo-fleet" / "state.sqlite"


@pytest.fixture
def file_store(path: Path, empty_store: Path) -> Iterator[Store]:
    path.parent.mkdir()
    shutil.copy(empty_store, path)
    with open_file(path) as store:
        yield store


@pytest.fixture(params=["file", ON_POSTGRESQL])
def backend(request: pytest.FixtureRequest, path: Path, empty_store: Path) -> Backend:
    if request.param == "file":
        return FileBackend(path, empty_store)
    backend: DatabaseBackend = request.getfixturevalue("database")
    return backend


@pytest.fixture
def store(backend: Backend) -> Iterator[Store]:
    backend.make_ready()
    with opened(backend) as store:
        yield store
