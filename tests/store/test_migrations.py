"""From any version that was ever released to the newest, all or nothing, and alembic only where there is a way to go."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from reconciler.core.inventory import Entry, Inventory
from reconciler.store import versions
from reconciler.store.failures import StoreError
from reconciler.store.tables import metadata
from tests.store.examples import NOW, no_file_grows_beyond, open_file, outcome, url

VERSION_1 = Path(__file__).with_name("version_1.sql").read_text()
REMEMBERED_IN_IT = Inventory(
    {("instance", "acme", "prod-1"): Entry("instance", "acme", "prod-1", "acme", "d1", NOW)},
    {"prod-1": "active"},
    {"prod-1": ("acme",)},
)


@pytest.fixture
def version_1(tmp_path: Path) -> Path:
    path = tmp_path / "version_1.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(VERSION_1)
        connection.commit()
    return path


def version_of(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("SELECT version_num FROM odoo_fleet_version").fetchone()[0])


def test_an_empty_file_becomes_a_store_of_the_newest_version(tmp_path: Path) -> None:
    path = tmp_path / "empty.sqlite"
    path.touch()
    open_file(path).close()
    assert version_of(path) == versions.NEWEST


def test_a_store_of_version_1_keeps_what_it_remembers_and_gets_a_journal(version_1: Path) -> None:
    with open_file(version_1) as store:
        assert store.inventory() == REMEMBERED_IN_IT
        store.record_outcome(store.begin_pass("apply", NOW, "1.0", "digest"), outcome(), NOW)
        assert len(store.outcomes()) == 1
    assert version_of(version_1) == versions.NEWEST


def test_a_migration_that_fails_leaves_the_store_at_its_version(version_1: Path) -> None:
    with no_file_grows_beyond(8192), pytest.raises(StoreError, match="disk"):
        open_file(version_1)
    assert version_of(version_1) == "0001"
    with open_file(version_1) as store:
        assert store.inventory() == REMEMBERED_IN_IT


@pytest.mark.parametrize("start", ["empty", "version 1"])
def test_the_steps_lead_to_the_tables_that_the_code_uses(tmp_path: Path, version_1: Path, start: str) -> None:
    path = version_1 if start == "version 1" else tmp_path / "new.sqlite"
    open_file(path).close()
    engine = create_engine(url(path))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": versions.VERSION_TABLE})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_newest_version_is_the_last_step() -> None:
    steps = ScriptDirectory(str(Path(versions.__file__).parent / "migrations"))
    assert steps.get_heads() == [versions.NEWEST]


@pytest.mark.parametrize(("version", "reason"), [("0003", "newer odoo-fleet"), ("ae1027a6acf", "never was")])
def test_a_version_that_this_tool_does_not_know_is_refused_and_left_as_it_is(
    version_1: Path, version: str, reason: str
) -> None:
    with closing(sqlite3.connect(version_1)) as connection:
        connection.execute("UPDATE odoo_fleet_version SET version_num = ?", (version,))
        connection.commit()
    with pytest.raises(StoreError, match=reason) as refused:
        open_file(version_1)
    assert str(version_1) in str(refused.value)
    assert "deleted at any time" in str(refused.value)
    with closing(sqlite3.connect(version_1)) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'passes'").fetchone() == (0,)


IMPORTED = """
import sys
from reconciler.store.opening import open_store
open_store({url!r}, "demo").close()
print([name for name in ("sqlalchemy", "alembic") if name in sys.modules])
"""


@pytest.mark.parametrize(("state", "imported"), [("none", []), ("newest", ["sqlalchemy"])])
def test_what_is_not_needed_is_not_imported(path: Path, state: str, imported: list[str]) -> None:
    if state == "newest":
        open_file(path).close()
    code = IMPORTED.format(url="none" if state == "none" else url(path))
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == str(imported)
