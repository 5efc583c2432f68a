"""What is known of backups: kept over restarts, and begun by one of many."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from reconciler.core.policies.backup_times import BackupRecord, Work
from reconciler.store.forgetful import NoMemory
from reconciler.store.sql_store import Store
from tests.store.examples import NOW

KNOWN = BackupRecord("instance", "acme", "prod-1", Work.BACKUP, NOW, NOW, NOW, 2, "the target is full")
NEW = BackupRecord("instance", "acme", "prod-1", Work.PROOF)


def test_what_is_known_is_read_as_it_was_written(store: Store) -> None:
    for record in (KNOWN, NEW, replace(KNOWN, tries=0, problem="", tried_at=None, heard_at=None)):
        store.put_backup(record)
        assert store.backup_records()[record.key] == record
    assert set(store.backup_records()) == {KNOWN.key, NEW.key}


def begins_once(store: Store | NoMemory) -> None:
    """Whoever goes by what it read before another began begins nothing."""
    for read in (NEW, KNOWN):
        if read is KNOWN:
            store.put_backup(KNOWN)
        later = NOW + timedelta(hours=1)
        assert store.claim_backup(read, later)
        assert not store.claim_backup(read, later)
        begun = store.backup_records()[read.key]
        assert begun == replace(read, tried_at=later, heard_at=later, tries=read.tries + 1)
        assert store.claim_backup(begun, later + timedelta(hours=1))


def test_of_several_that_are_about_to_begin_one_does(store: Store) -> None:
    begins_once(store)


def test_and_so_it_is_without_a_store() -> None:
    begins_once(NoMemory())


def test_what_is_forgotten_is_forgotten_with_its_backups(store: Store) -> None:
    other = replace(KNOWN, code="beta", server="prod-2")
    for memory in (store, NoMemory()):
        memory.put_backup(KNOWN)
        memory.put_backup(other)
        memory.forget("instance", "acme")
        assert set(memory.backup_records()) == {other.key}
        memory.forget("server", "prod-2")
        assert memory.backup_records() == {}
