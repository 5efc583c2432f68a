"""From any version that was ever released to the newest, all or nothing, and alembic only where there is a way to go."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from reconciler.core.model.inventory import Entry, Inventory
from reconciler.store import migrating
from reconciler.store.failures import StoreError
from reconciler.store.tables import metadata
from tests.store.backends import Backend, FileBackend, opened
from tests.store.examples import NOW, look, no_file_grows_beyond, notice, open_file, outcome, url
from tests.store.processes import die_while_migrating, write_at_once

OLD_VERSIONS = [1, 2]
REMEMBERED = Inventory(
    {("instance", "acme", "prod-1"): Entry("instance", "acme", "prod-1", "acme", "d1", NOW)},
    {"prod-1": "active"},
    {"prod-1": ("acme",)},
)
"""What stores of all versions in `version_*.sql` hold."""


def version_of(backend: Backend) -> object:
    return backend.sql("SELECT version_num FROM odoo_fleet_version")[0][0]


def test_where_nothing_is_yet_a_store_of_the_newest_version_is_made(backend: Backend) -> None:
    backend.make_empty()
    opened(backend).close()
    assert version_of(backend) == migrating.NEWEST


@pytest.mark.parametrize("version", OLD_VERSIONS)
def test_an_old_store_keeps_what_it_remembers_and_can_all_that_a_new_one_can(backend: Backend, version: int) -> None:
    backend.make_version(version)
    with opened(backend) as store:
        assert store.inventory() == REMEMBERED
        store.pause("instance", "acme", "", NOW)
        store.record_notice(notice(), NOW)
        store.record_health(look())
        store.record_outcome(store.begin_pass("apply", NOW, "1.0", "digest"), outcome("new"), NOW)
        assert [o.code for o in store.outcomes(code="new")] == ["new"]
        assert len(store.pauses()) == len(store.notices()) == len(store.health_history()) == 1
    assert version_of(backend) == migrating.NEWEST


def test_a_store_of_version_2_keeps_its_history_as_that_of_its_fleets(backend: Backend) -> None:
    backend.make_version(2)
    with opened(backend) as store, opened(backend, "other") as other:
        failed, done = store.outcomes("instance", "acme")
        assert (failed.detail, failed.changes, failed.revision, failed.command) == ("no disk", (), "abc123", "apply")
        assert (done.pass_id, done.result, done.seconds, done.changes) == (3, "done", 1.5, ())
        assert [p.id for p in store.passes()] == [7, 3]
        assert [(o.detail, o.revision) for o in other.outcomes()] == [("of the other fleet", None)]
        assert store.begin_pass("apply", NOW, "1.0", "digest") > 7


def test_a_store_of_version_3_keeps_its_looks_at_health(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    backend.make_version(2)
    with monkeypatch.context() as former:
        former.setattr(migrating, "NEWEST", "0003")
        opened(backend).close()
    assert version_of(backend) == "0003"
    columns = (
        "fleet, server, at, status, online, why, version, latency_ms, databases, free_percent, master_password_accepted,"
        " certificate_expires_at, failures_in_a_row, successes_in_a_row, since"
    )
    at, until = "2026-11-24T12:00:00.000000+00:00", "2026-12-24T00:00:00.000000+00:00"
    known = ("demo", "prod-1", at, "warning", True, "slow", "19.0", 1500.5, 7, 93.0, True, until, 0, 3, at)
    unknown = ("demo", "prod-2", at, "unknown", False, "no answer", "", None, None, None, None, None, 2, 0, None)
    for row in (known, unknown):
        backend.sql(f"INSERT INTO health ({columns}) VALUES ({', '.join('?' * len(row))})", row)
    with opened(backend) as store:
        looks = store.latest_health()
        store.record_health(look())
    assert looks["prod-2"].signs == {}
    assert looks["prod-1"].signs == {
        "version": "19.0",
        "latency_ms": 1500.5,
        "databases": 7,
        "available_capacity": 93.0,
        "master_password_accepted": True,
        "certificate_expires_at": datetime.fromisoformat(until),
    }
    assert (looks["prod-1"].status, looks["prod-1"].why, looks["prod-1"].since) == ("warning", "slow", NOW)


def test_a_migration_that_fails_leaves_the_store_at_its_version(path: Path, empty_store: Path) -> None:
    backend = FileBackend(path, empty_store)
    backend.make_version(1)
    with no_file_grows_beyond(8192), pytest.raises(StoreError, match="disk"):
        opened(backend)
    assert version_of(backend) == "0001"
    with opened(backend) as store:
        assert store.inventory() == REMEMBERED


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE health", "UPDATE outcomes", "INDEX health_of_server", "UPDATE odoo_fleet"]
)
def test_a_killed_migration_leaves_the_store_at_its_version_and_is_made_up_for(
    backend: Backend, statement: str
) -> None:
    backend.make_version(2)
    assert die_while_migrating(backend.url, statement) == -9
    assert version_of(backend) == "0002"
    with opened(backend) as store:
        assert store.inventory() == REMEMBERED
        assert len(store.outcomes()) == 2
    assert version_of(backend) == migrating.NEWEST


@pytest.mark.parametrize("statement", ["CREATE TABLE entries", "CREATE TABLE outcomes"])
def test_a_store_whose_maker_was_killed_is_made_by_the_next(backend: Backend, statement: str) -> None:
    backend.make_empty()
    assert die_while_migrating(backend.url, statement) == -9
    with opened(backend) as store:
        store.record_notice(notice(), NOW)
    assert version_of(backend) == migrating.NEWEST


@pytest.mark.parametrize("version", OLD_VERSIONS)
def test_of_several_processes_that_find_an_old_store_one_migrates_it(backend: Backend, version: int) -> None:
    backend.make_version(version)
    assert write_at_once(backend.url, writers=4, count=3) == [0, 0, 0, 0]
    with opened(backend) as store:
        assert len(store.inventory().entries) == 1 + 4 * 3
        assert [p.done for p in store.passes(limit=4)] == [3] * 4


@pytest.mark.parametrize("start", [0, *OLD_VERSIONS])
def test_the_steps_lead_to_the_tables_that_the_code_uses(backend: Backend, start: int) -> None:
    if start:
        backend.make_version(start)
    else:
        backend.make_empty()
    opened(backend).close()
    engine = create_engine(backend.url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": migrating.VERSION_TABLE})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_newest_version_is_the_last_step() -> None:
    steps = ScriptDirectory(str(Path(migrating.__file__).parent / "migrations"))
    assert steps.get_heads() == [migrating.NEWEST]


@pytest.mark.parametrize(
    ("version", "reason"), [(f"{int(migrating.NEWEST) + 1:04}", "newer odoo-fleet"), ("ae1027a6acf", "never was")]
)
def test_a_version_that_this_tool_does_not_know_is_refused_and_left_as_it_is(
    backend: Backend, version: str, reason: str
) -> None:
    backend.make_version(1)
    backend.sql("UPDATE odoo_fleet_version SET version_num = ?", (version,))
    with pytest.raises(StoreError, match=reason) as refused:
        opened(backend)
    assert backend.url.removeprefix("sqlite:///") in str(refused.value)
    assert "it may be deleted: that loses history, pauses" in str(refused.value)
    assert version_of(backend) == version
    with pytest.raises(Exception, match="passes"):
        backend.sql("SELECT * FROM passes")


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
