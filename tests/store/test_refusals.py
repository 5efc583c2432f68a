"""Everything that can be wrong with a store is said as what, where and what to do; and what is not ours is left as it is."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.store.failures import StoreError
from reconciler.store.opening import open_store
from reconciler.store.sql_store import Store
from reconciler.store.sqlite_file import SqliteFile
from tests.store.examples import NOW, no_file_grows_beyond, open_file, outcome

_NOBODY = 65534


def refusal(call: Callable[[], object]) -> StoreError:
    with pytest.raises(StoreError) as caught:
        call()
    return caught.value


def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database\n" * 100)
    error = refusal(lambda: open_file(path))
    assert str(error).startswith(f"store {path}: it is not a store of odoo-fleet, or is damaged (")
    assert path.read_text() == "not a database\n" * 100


@pytest.mark.parametrize("table", ["songs", "alembic_version"])
def test_the_database_of_another_program_is_left_as_it_is(tmp_path: Path, table: str) -> None:
    path = tmp_path / "music.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as theirs:
        theirs.execute(f"CREATE TABLE {table} (version_num)")
        theirs.commit()
    before = path.read_bytes()
    assert "belongs to another program" in str(refusal(lambda: open_file(path)))
    assert path.read_bytes() == before


def filled(path: Path) -> Path:
    with open_file(path) as store:
        number = store.begin_pass("apply", NOW, "1.0", "digest")
        for i in range(200):
            store.record_outcome(number, outcome(f"c{i}", detail="x" * 200), NOW)
            store.verified("instance", f"c{i}", "prod-1", f"c{i}", "d", NOW)
    return path


def use_all(path: Path) -> None:
    with open_file(path) as store:
        store.inventory()
        store.outcomes(limit=1000)
        store.verified("instance", "c1", "prod-1", "c1", "d2", NOW)


@pytest.mark.parametrize("where", ["first page", "middle", "everything after the header", "truncated"])
def test_a_damaged_file_is_said_to_be_damaged(path: Path, where: str) -> None:
    whole = bytearray(filled(path).read_bytes())
    first, last = {"first page": (100, 4096), "middle": (4096, 60_000)}.get(where, (100, len(whole)))
    whole[first:last] = b"\xff" * (last - first)
    path.write_bytes(whole if where != "truncated" else path.read_bytes()[:9000])
    error = refusal(lambda: use_all(path))
    assert "damaged" in error.what
    assert "it may be deleted: that loses history, pauses" in error.advice


@pytest.mark.parametrize(
    "damage",
    ["UPDATE entries SET verified_at = 'yesterday'", "UPDATE listings SET names = 'null'", "DROP TABLE entries"],
)
def test_contents_that_we_never_wrote_are_refused_when_they_are_read(
    file_store: Store, path: Path, damage: str
) -> None:
    file_store.verified("instance", "acme", "prod-1", "acme", "d1", NOW)
    file_store.listing("prod-1", ["acme"], NOW)
    with contextlib.closing(sqlite3.connect(path)) as plain:
        plain.execute(damage)
        plain.commit()
    assert "it may be deleted: that loses history, pauses" in refusal(file_store.inventory).advice


@pytest.mark.parametrize("damage", [b"", b"rubbish" * 2000])
def test_a_file_overwritten_while_it_is_open_gives_no_other_error(file_store: Store, path: Path, damage: bytes) -> None:
    file_store.verified("instance", "acme", "prod-1", "acme", "d1", NOW)
    path.write_bytes(damage)
    for call in (file_store.inventory, lambda: file_store.clear("instance", "acme", "prod-1"), file_store.passes):
        with contextlib.suppress(StoreError):
            call()


def test_a_directory_a_pipe_and_a_dangling_link_are_no_stores(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere" / "state.sqlite")
    assert "not a file" in str(refusal(lambda: open_file(tmp_path)))
    assert "not a file" in str(refusal(lambda: open_file(tmp_path / "pipe")))
    assert "No such file" in str(refusal(lambda: open_file(tmp_path / "link")))


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """Be somebody to whom permissions apply, with a directory of one's own: `tmp_path` is root's where root runs the tests."""
    # What opening and refusing load is loaded while it can be: Python may lie where only root may look.
    open_file(tmp_path / "first.sqlite").close()
    refusal(functools.partial(open_file, tmp_path))
    own = Path(tempfile.mkdtemp())
    try:
        if os.geteuid() == 0:
            os.chown(own, _NOBODY, -1)
            os.seteuid(_NOBODY)
        yield own
    finally:
        os.seteuid(os.getuid())
        own.chmod(0o700)
        shutil.rmtree(own)


def test_what_cannot_be_written_is_said_before_a_pass_begins(directory: Path) -> None:
    path = directory / "state.sqlite"
    open_file(path).close()
    path.chmod(0o400)
    assert "cannot be written" in str(refusal(lambda: open_file(path)))
    directory.chmod(0o500)
    for place in (path, directory / "new.sqlite", directory / "below" / "new.sqlite"):
        error = refusal(functools.partial(open_file, place))
        assert "--store none" in error.advice
        assert str(directory) in str(error)


def test_a_full_disk_is_said_and_what_was_there_stays(file_store: Store) -> None:
    file_store.verified("instance", "acme", "prod-1", "acme", "d1", NOW)
    before = file_store.inventory()
    with no_file_grows_beyond(1):
        error = refusal(lambda: file_store.verified("instance", "acme", "prod-1", "acme", "d2", NOW))
    assert "disk" in error.what
    assert "INSERT" not in str(error)
    assert file_store.inventory() == before


def test_a_store_works_again_once_the_disk_has_room(file_store: Store) -> None:
    with no_file_grows_beyond(1):
        refusal(lambda: file_store.server_state("prod-1", "active"))
    file_store.server_state("prod-1", "active")
    assert file_store.inventory().server_states == {"prod-1": "active"}


def test_sqlite_saying_full_means_a_full_disk(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "small.sqlite")) as small:
        small.execute("PRAGMA max_page_count = 2")
        small.execute("CREATE TABLE t (x)")
        with pytest.raises(sqlite3.OperationalError) as full:
            small.execute("INSERT INTO t VALUES (zeroblob(100000))")
    assert SqliteFile(tmp_path / "small.sqlite").explain(full.value).what == "the disk is full"


@pytest.mark.parametrize(
    "bad", ["mysql://root:hunter2@db/x", "sqlite://", "sqlite:///", "sqlite:///:memory:", "", "state.sqlite"]
)
def test_an_address_of_no_store_is_refused_with_the_forms_there_are(bad: str) -> None:
    error = refusal(lambda: open_store(bad, "demo"))
    assert "sqlite:///PATH" in str(error)
    assert "hunter2" not in str(error)


def test_without_its_driver_postgresql_says_what_to_install_and_shows_no_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    error = refusal(lambda: open_store("postgresql://fleet:hunter2@db.example.com/fleet", "demo"))
    assert "odoo-fleet[postgresql]" in str(error)
    assert "db.example.com" in str(error)
    assert "hunter2" not in str(error)


def test_an_address_with_signs_that_urls_escape_is_the_path_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "100% sure?#&é" / "state.sqlite"
    with open_file(path) as store:
        store.server_state("prod-1", "active")
    assert path.stat().st_size > 0
    assert [found.name for found in tmp_path.iterdir()] == [path.parent.name]
