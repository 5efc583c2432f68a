"""What the engine may rely on, whether a store remembers or nothing does beyond the run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.access.roles import Role
from reconciler.access.tokens import Token
from reconciler.core.model.inventory import NOTHING_REMEMBERED, Entry
from reconciler.core.model.pauses import Pause
from reconciler.engine.ports import Memory
from reconciler.store.forgetful import NoMemory
from reconciler.store.opening import open_store
from reconciler.store.sql_store import Store
from tests.store.backends import DatabaseBackend
from tests.store.conftest import ON_POSTGRESQL
from tests.store.examples import NOW, look, notice, outcome, url


@pytest.fixture(params=["file", "none", ON_POSTGRESQL])
def memory(request: pytest.FixtureRequest, path: Path) -> Iterator[Store | NoMemory]:
    where = {"none": "none", "file": url(path)}.get(request.param)
    if where is None:
        database: DatabaseBackend = request.getfixturevalue("database")
        database.make_ready()
        where = database.url
    with open_store(where, "demo") as opened:
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


def test_a_pause_lasts_until_it_is_ended(memory: Store | NoMemory) -> None:
    memory.pause("instance", "acme", "a migration", NOW)
    memory.pause("server", "acme", "", NOW)
    assert memory.inventory().pauses == memory.pauses()
    assert memory.pauses() == {
        ("instance", "acme"): Pause("instance", "acme", "a migration", NOW),
        ("server", "acme"): Pause("server", "acme", "", NOW),
    }
    assert memory.resume("instance", "acme")
    assert not memory.resume("instance", "acme")
    assert list(memory.pauses()) == [("server", "acme")]


def test_pausing_again_goes_on_since_it_began_with_the_last_reason_given(memory: Store | NoMemory) -> None:
    def again(reason: str, hours: int) -> Pause:
        memory.pause("fleet", "demo", reason, NOW + timedelta(hours=hours))
        return memory.pauses()["fleet", "demo"]

    assert again("", 0) == Pause("fleet", "demo", "", NOW)
    assert again("a migration", 1) == Pause("fleet", "demo", "a migration", NOW)
    assert again("", 2) == Pause("fleet", "demo", "a migration", NOW)
    assert again("an audit", 3) == Pause("fleet", "demo", "an audit", NOW)
    memory.resume("fleet", "demo")
    assert again("", 4) == Pause("fleet", "demo", "", NOW + timedelta(hours=4))


def test_forgetting_history_forgets_nothing_of_what_a_pass_has_to_know(memory: Store | NoMemory) -> None:
    remember(memory, entry("acme"))
    memory.server_state("prod-1", "active")
    memory.listing("prod-1", ["acme"], NOW)
    memory.pause("instance", "acme", "a migration", NOW)
    before = memory.inventory()
    number = memory.begin_pass("apply", NOW, "1.0", "digest")
    memory.record_outcome(number, outcome(), NOW)
    memory.record_notice(notice(), NOW)
    memory.record_health(look())
    memory.end_pass(number, NOW)
    memory.forget_history(NOW + timedelta(days=400))
    assert memory.inventory() == before
    assert (memory.passes(), memory.outcomes(), memory.notices()) == ((), (), ())


def test_an_inventory_that_was_read_does_not_change_afterwards(memory: Store | NoMemory) -> None:
    remember(memory, entry("acme"))
    before = memory.inventory()
    memory.clear("instance", "acme", "prod-1")
    memory.server_state("prod-1", "active")
    memory.pause("instance", "acme", "", NOW)
    assert before.pauses == {}
    assert before.of("instance", "acme") == (entry("acme"),)
    assert before.server_states == {}


def test_what_is_forgotten_is_that_document_or_all_on_that_server(memory: Store | NoMemory) -> None:
    remember(memory, entry("acme"), entry("acme", server="prod-2"), entry("beta"), entry("gamma", server="prod-2"))
    memory.server_state("prod-1", "active")
    memory.listing("prod-1", ["beta"], NOW)
    assert memory.forget("instance", "acme") == (entry("acme"), entry("acme", server="prod-2"))
    assert memory.forget("instance", "acme") == memory.forget("template", "beta") == ()
    assert memory.inventory().listed("prod-1") == frozenset({"beta"})
    assert memory.forget("server", "prod-1") == (entry("beta"),)
    left = memory.inventory()
    assert (left.server_states, left.listings) == ({}, {})
    assert [*left.entries.values()] == [entry("gamma", server="prod-2")]


def test_a_token_is_kept_until_it_is_revoked(memory: Store | NoMemory) -> None:
    anna = Token("a" * 64, Role.ADMIN, "anna", NOW, "root@here")
    ben = Token("b" * 64, Role.USER, "", NOW + timedelta(hours=1), "root@here", NOW + timedelta(days=1))
    memory.add_token(anna)
    memory.add_token(ben)
    assert memory.tokens() == (anna, ben)
    assert memory.revoke_token(anna.hash)
    assert not memory.revoke_token(anna.hash)
    assert memory.tokens() == (ben,)
    memory.forget_history(NOW + timedelta(days=400))
    assert memory.tokens() == (ben,)
