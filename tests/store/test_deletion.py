"""A store may be deleted at any time, also under a running pass: the next call makes a new one and the pass goes on."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from reconciler.core.model.inventory import NOTHING_REMEMBERED
from reconciler.store.failures import StoreError
from reconciler.store.sql_store import Store
from tests.store.examples import NOW, no_file_grows_beyond, open_file, outcome


def delete_directory(path: Path) -> None:
    shutil.rmtree(path.parent)


def delete_files(path: Path) -> None:
    for file in path.parent.iterdir():
        file.unlink()


def delete_main_file(path: Path) -> None:
    path.unlink()


Deletion = Callable[[Path], None]
deletions = pytest.mark.parametrize("delete", [delete_directory, delete_files, delete_main_file])


@deletions
def test_after_a_deletion_nothing_is_remembered_and_all_works(file_store: Store, path: Path, delete: Deletion) -> None:
    file_store.verified("instance", "acme", "prod-1", "acme", "d1", NOW)
    delete(path)
    assert file_store.inventory() == NOTHING_REMEMBERED
    delete(path)
    file_store.clear("instance", "acme", "prod-1")
    assert file_store.inventory() == NOTHING_REMEMBERED
    delete(path)
    file_store.verified("instance", "beta", "prod-1", "beta", "d1", NOW)
    assert [e.code for e in file_store.inventory().entries.values()] == ["beta"]


@deletions
def test_a_running_pass_is_carried_over_and_records_what_is_still_to_come(
    file_store: Store, path: Path, delete: Deletion
) -> None:
    number = file_store.begin_pass("apply", NOW, "1.0", "digest")
    file_store.record_outcome(number, outcome("before"), NOW)
    delete(path)
    file_store.record_outcome(number, outcome("after"), NOW)
    file_store.end_pass(number, NOW)
    assert [o.code for o in file_store.outcomes() if o.pass_id == number] == ["after"]
    assert [(p.id, p.done, p.ended_at) for p in file_store.passes()] == [(number, 1, NOW)]


@deletions
def test_two_processes_that_had_it_open_meet_again_in_the_new_one(
    file_store: Store, path: Path, delete: Deletion
) -> None:
    with open_file(path) as other:
        first, second = (s.begin_pass("apply", NOW, "1.0", "digest") for s in (file_store, other))
        delete(path)
        file_store.record_outcome(first, outcome("mine"), NOW)
        other.record_outcome(second, outcome("theirs"), NOW)
        assert {o.pass_id: o.code for o in file_store.outcomes()} == {first: "mine", second: "theirs"}
    file_store.close()
    with closing(sqlite3.connect(path)) as plain:
        assert plain.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_outcomes_are_never_given_to_a_pass_that_took_the_same_number(file_store: Store, path: Path) -> None:
    number = file_store.begin_pass("apply", NOW, "1.0", "mine")
    path.unlink()
    with open_file(path) as other:
        assert other.begin_pass("apply", NOW, "1.0", "theirs") == number
    file_store.record_outcome(number, outcome(), NOW)
    file_store.end_pass(number, NOW)
    assert file_store.outcomes() == ()
    assert [(p.fleet_digest, p.ended_at) for p in file_store.passes()] == [("theirs", None)]
    assert file_store.begin_pass("apply", NOW, "1.0", "next") != number


def test_a_store_put_in_its_place_is_the_store_from_then_on(file_store: Store, path: Path, tmp_path: Path) -> None:
    with open_file(tmp_path / "other" / "state.sqlite") as other:
        other.server_state("prod-1", "active")
    shutil.rmtree(path.parent)
    (tmp_path / "other").rename(path.parent)
    assert file_store.inventory().server_states == {"prod-1": "active"}


def test_where_it_cannot_be_made_again_the_reason_is_said(file_store: Store, path: Path) -> None:
    shutil.rmtree(path.parent)
    path.parent.touch()
    with pytest.raises(StoreError, match="cannot be made"):
        file_store.clear("instance", "acme", "prod-1")


def test_what_could_not_be_made_again_is_made_once_it_can(file_store: Store, path: Path) -> None:
    number = file_store.begin_pass("apply", NOW, "1.0", "digest")
    path.unlink()
    with no_file_grows_beyond(8192), pytest.raises(StoreError, match="disk"):
        file_store.record_outcome(number, outcome(), NOW)
    file_store.record_outcome(number, outcome(), NOW)
    assert [p.done for p in file_store.passes()] == [1]
