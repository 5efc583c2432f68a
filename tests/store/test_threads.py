"""A store that another process holds keeps nobody waiting but those who need its answer."""

import asyncio
import sqlite3
import threading
from functools import partial
from pathlib import Path

import pytest

from reconciler.core.model.failures import MemoryFailure
from reconciler.core.model.inventory import Entry
from reconciler.notices.events import Event, MemoryFailed
from reconciler.store import connections
from reconciler.store.sql_store import Store
from reconciler.store.threads import OneThread
from reconciler.wiring import Reach, open_world
from tests.harness.universe import read
from tests.store.examples import NOW, open_file

TEXT = """
kind: fleet
format: 1
code: demo
secret_key: {env: KEY}
"""
ACME = ("instance", "acme", "one")
TURNS = 50


def hold(path: Path) -> sqlite3.Connection:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other


async def let_go_after_turns(other: sqlite3.Connection) -> None:
    """Only a loop that goes on turning meanwhile lets the store go before the other's patience ends."""
    for _ in range(TURNS):
        await asyncio.sleep(0.001)
    other.rollback()


def test_what_waits_for_the_store_waits_beside_the_loop(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"

    async def main(store: Store) -> None:
        store.verified(*ACME, "acme", "digest", NOW)
        async with open_world(read(TEXT), Reach(tmp_path, {}), store, lambda _event: None) as world:
            released = asyncio.create_task(let_go_after_turns(hold(path)))
            await world.distrust(*ACME)
            assert released.done()
            inventory = await world.inventory()
        assert inventory.entries[ACME].digest == ""

    with open_file(path) as store:
        asyncio.run(main(store))


def test_what_is_noted_meanwhile_is_there_for_who_reads_after_it_and_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"

    async def main(store: Store) -> None:
        async with open_world(read(TEXT), Reach(tmp_path, {}), store, lambda _event: None) as world:
            released = asyncio.create_task(let_go_after_turns(hold(path)))
            world.note(lambda: store.verified(*ACME, "acme", "first", NOW))
            world.note(lambda: store.verified(*ACME, "acme", "second", NOW))
            assert not released.done()
            assert (await world.inventory()).entries[ACME].digest == "second"
            world.note(lambda: store.verified(*ACME, "acme", "third", NOW))

    with open_file(path) as store:
        asyncio.run(main(store))
        assert store.inventory().entries == {ACME: Entry(*ACME, "acme", "third", NOW)}


def test_a_note_that_fails_is_said_on_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "PATIENCE", 0.05)
    path = tmp_path / "state.sqlite"
    said: list[tuple[Event, bool]] = []

    async def main(store: Store) -> None:
        loop = threading.current_thread()

        def emit(event: Event) -> None:
            said.append((event, threading.current_thread() is loop))

        async with open_world(read(TEXT), Reach(tmp_path, {}), store, emit) as world:
            other = hold(path)
            world.note(lambda: store.server_state("one", "active"))
            with pytest.raises(MemoryFailure):
                await world.distrust(*ACME)
            other.rollback()

    with open_file(path) as store:
        asyncio.run(main(store))
    ((event, on_the_loop),) = said
    assert isinstance(event, MemoryFailed)
    assert "another process has held it for too long" in event.problem
    assert on_the_loop


def test_the_end_does_not_wait_for_each_of_many_notes_that_fail() -> None:
    tried: list[int] = []
    failures: list[MemoryFailure] = []
    begun = threading.Event()

    def fail() -> None:
        begun.wait()
        tried.append(1)
        raise MemoryFailure("the disk is full")

    async def main() -> None:
        aside = OneThread()
        for _ in range(100):
            aside.tell(fail, failures.append)
        closing = asyncio.create_task(aside.aclose())
        await asyncio.sleep(0)
        begun.set()
        await closing

    asyncio.run(main())
    assert tried == [1]
    assert len(failures) == 100


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.store.threads.MOST_WAITING", 3)
    done: list[int] = []
    failures: list[MemoryFailure] = []
    go_on = threading.Event()

    async def main() -> None:
        aside = OneThread()
        aside.tell(go_on.wait, failures.append)
        for number in range(5):
            aside.tell(partial(done.append, number), failures.append)
        go_on.set()
        await aside.aclose()

    asyncio.run(main())
    assert done == [0, 1]
    assert [str(failure) for failure in failures] == [
        "the store does not keep up: what was to be written down is lost"
    ] * 3
