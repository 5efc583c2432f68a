"""What the engine may rely on, whether a store remembers or nothing does beyond the run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.core.inventory import NOTHING_REMEMBERED, Entry
from reconciler.engine.ports import Memory
from reconciler.store.opening import open_store
from tests.store.examples import NOW, url


@pytest.fixture(params=["file", "none"])
def memory(request: pytest.FixtureRequest, path: Path) -> Iterator[Memory]:
    with open_store("none" if request.param == "none" else url(path), "demo") as opened:
        yield opened


def entry(code: str, server: str = "prod-1", digest: str = "d1") -> Entry:
    return Entry("instance", code, server, code, digest, NOW)


def remember(memory: Memory, *entries: Entry) -> None:
    for e in entries:
        memory.verified(e.kind, e.code, e.server, e.target, e.digest, e.verified_at)


def test_a_new_memory_is_empty(memory: Memory) -> None:
    assert memory.inventory() == NOTHING_REMEMBERED


def test_what_was_verified_is_remembered_by_kind_code_and_server(memory: Memory) -> None:
    remember(memory, entry("acme"), entry("acme", server="prod-2"), entry("beta"))
    assert memory.inventory().of("instance", "acme") == (entry("acme"), entry("acme", server="prod-2"))
    assert memory.inventory().entries["instance", "beta", "prod-1"] == entry("beta")


def test_a_later_verification_replaces_the_earlier_one(memory: Memory) -> None:
    later = NOW + timedelta(hours=1, microseconds=7)
    remember(memory, entry("acme"))
    memory.verified("instance", "acme", "prod-1", "acme2", "d2", later)
    assert memory.inventory().of("instance", "acme") == (Entry("instance", "acme", "prod-1", "acme2", "d2", later),)


def test_clearing_empties_the_digest_and_keeps_where_the_database_is(memory: Memory) -> None:
    remember(memory, entry("acme"), entry("beta"))
    memory.clear("instance", "acme", "prod-1")
    assert memory.inventory().of("instance", "acme") == (entry("acme", digest=""),)
    assert memory.inventory().of("instance", "beta") == (entry("beta"),)


def test_clearing_what_was_never_verified_makes_no_entry(memory: Memory) -> None:
    memory.clear("instance", "acme", "prod-1")
    assert memory.inventory().entries == {}


def test_the_last_state_of_a_server_counts(memory: Memory) -> None:
    memory.server_state("prod-1", "active")
    memory.server_state("prod-2", "active")
    memory.server_state("prod-1", "maintenance")
    assert memory.inventory().server_states == {"prod-1": "maintenance", "prod-2": "active"}


def test_the_last_listing_of_a_server_counts_in_the_order_given(memory: Memory) -> None:
    memory.listing("prod-1", ["b", "a"], NOW)
    memory.listing("prod-2", ["x"], NOW)
    memory.listing("prod-2", [], NOW)
    assert memory.inventory().listings == {"prod-1": ("b", "a"), "prod-2": ()}


def test_any_name_that_a_host_can_send_is_remembered_as_it_is(memory: Memory) -> None:
    names = ("é", "nul\x00", "\ud800", "a'b\"c", "\u202e", "")
    memory.listing("prod-1", names, NOW)
    assert memory.inventory().listings["prod-1"] == names


def test_an_inventory_that_was_read_does_not_change_afterwards(memory: Memory) -> None:
    remember(memory, entry("acme"))
    before = memory.inventory()
    memory.clear("instance", "acme", "prod-1")
    memory.server_state("prod-1", "active")
    assert before.of("instance", "acme") == (entry("acme"),)
    assert before.server_states == {}
