"""Several processes, and processes that die: nothing that the store has returned from is lost."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from reconciler.store import connections
from reconciler.store.failures import StoreError
from reconciler.store.sql_store import Store
from tests.store.backends import Backend, opened
from tests.store.examples import NOW, open_file
from tests.store.processes import start_endless_writer, write_at_once

SEED = 20261124
ROUNDS = 12


def test_nothing_that_was_written_is_lost_when_its_writer_is_killed_at_any_moment(backend: Backend) -> None:
    backend.make_empty()
    chance = random.Random(SEED)
    last: dict[str, str] = {}
    for round_number in range(ROUNDS):
        writer, reports = start_endless_writer(backend.url, round_number)
        for _ in range(1 + round_number % 2):
            last |= dict([swap(reports.recv())])
        time.sleep(chance.uniform(0, 0.03))
        writer.kill()
        writer.join()
        last |= dict(swap(report) for report in drain(reports))
        assert_kept(backend, last, round_number)
    assert len(last) > ROUNDS


def swap(report: tuple[str, str]) -> tuple[str, str]:
    step, code = report
    return code, step


def drain(reports: Connection) -> list[tuple[str, str]]:
    found = []
    try:
        while True:
            found.append(reports.recv())
    except EOFError:
        reports.close()
        return found


def assert_kept(backend: Backend, last: dict[str, str], rounds: int) -> None:
    with opened(backend) as store:
        entries = store.inventory().entries
        recorded = {o.code for o in store.outcomes(limit=1_000_000)}
        assert sum(p.done for p in store.passes(limit=1000)) == len(recorded)
        assert len(store.passes(limit=1000)) == rounds + 1
    for code, step in last.items():
        entry = entries["instance", code, "prod-1"]
        # The step after the one reported may have been done as well, but not reported any more.
        assert entry.digest == "" if step == "cleared" else entry.digest in {"", "digest"}
        assert code in recorded or step == "verified"
    if backend.kind == "file":
        assert backend.sql("PRAGMA integrity_check") == [("ok",)]


def test_four_processes_that_make_and_fill_a_store_together_lose_nothing(backend: Backend) -> None:
    backend.make_empty()
    assert write_at_once(backend.url, writers=4, count=60) == [0, 0, 0, 0]
    with opened(backend) as store:
        assert set(store.inventory().entries) == {
            ("instance", f"w{w}-{i}", "prod-1") for w in range(4) for i in range(60)
        }
        assert [(p.done, p.ended_at) for p in store.passes()] == [(60, NOW)] * 4


def test_a_process_that_holds_the_store_for_too_long_is_named_as_the_reason(
    file_store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "PATIENCE", 0.1)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="another process has held it"):
        open_file(path)
    assert file_store.inventory().entries == {}, "who only reads waits for nobody"
    holder.execute("ROLLBACK")
    holder.close()
    open_file(path).close()


def test_opening_waits_for_another_process_that_is_making_the_store(path: Path) -> None:
    """SQLite does not wait by itself here: to turn the write-ahead log on, it reports busy at once (seen on 3.40)."""
    path.parent.mkdir()
    maker = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    maker.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.2, maker.execute, ["ROLLBACK"])
    release.start()
    open_file(path).close()
    release.join()
    maker.close()
