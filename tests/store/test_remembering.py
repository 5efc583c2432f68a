"""What only a store does: it remembers beyond the run, and keeps fleets apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import Engine, event

from reconciler.core.model.inventory import NOTHING_REMEMBERED
from reconciler.store.sql_store import Store
from tests.store.backends import Backend, opened
from tests.store.examples import NOW, look, notice, outcome


def test_the_next_run_knows_what_this_one_remembered(backend: Backend) -> None:
    backend.make_ready()
    with opened(backend) as store:
        store.verified("instance", "acme", "prod-1", "acme", "d1", NOW)
        store.server_state("prod-1", "active")
        store.listing("prod-1", ["acme"], NOW)
        store.pause("instance", "acme", "a migration", NOW)
        before = store.inventory()
    with opened(backend) as store:
        assert store.inventory() == before
        assert store.pauses() == before.pauses


def test_another_process_sees_a_write_at_once(backend: Backend, store: Store) -> None:
    with opened(backend) as other:
        store.verified("instance", "acme", "prod-1", "acme", "d1", NOW)
        assert other.inventory() == store.inventory() != NOTHING_REMEMBERED


def test_two_fleets_in_one_store_neither_see_nor_touch_each_other(backend: Backend, store: Store) -> None:
    with opened(backend, "other") as other:
        for fleet, digest in ((store, "mine"), (other, "theirs")):
            fleet.verified("instance", "acme", "prod-1", "acme", digest, NOW)
            fleet.server_state("prod-1", digest)
            fleet.listing("prod-1", [digest], NOW)
            fleet.record_outcome(fleet.begin_pass("apply", NOW, "1.0", digest), outcome(detail=digest), NOW)
            fleet.pause("instance", "acme", digest, NOW)
            fleet.record_notice(notice(digest), NOW)
            fleet.record_health(look(why=digest))
        store.clear("instance", "acme", "prod-1")
        assert store.resume("instance", "acme")
        store.forget_history(NOW + timedelta(days=1))

        assert other.inventory().of("instance", "acme")[0].digest == "theirs"
        assert other.inventory().server_states == {"prod-1": "theirs"}
        assert other.inventory().listings == {"prod-1": ("theirs",)}
        assert [p.fleet_digest for p in other.passes()] == ["theirs"]
        assert [o.detail for o in other.outcomes()] == ["theirs"]
        assert other.pauses()["instance", "acme"].reason == "theirs"
        assert [n.detail for n in other.notices()] == ["theirs"]
        assert [h.why for h in other.health_history()] == ["theirs"]
        assert other.latest_health()["prod-1"].why == "theirs"


def test_a_moment_is_the_same_moment_whatever_zone_it_was_given_in(store: Store) -> None:
    brussels = NOW.astimezone(timezone(timedelta(hours=1)))
    store.verified("instance", "acme", "prod-1", "acme", "d1", brussels)
    (entry,) = store.inventory().of("instance", "acme")
    assert entry.verified_at == NOW
    assert entry.verified_at.utcoffset() == timedelta(0)


def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="time zone"):
        store.verified("instance", "acme", "prod-1", "acme", "d1", datetime(2026, 11, 24))  # noqa: DTZ001 -- the point
    assert store.inventory() == NOTHING_REMEMBERED


def test_a_closed_store_opens_again_when_it_is_used(store: Store) -> None:
    store.server_state("prod-1", "active")
    store.close()
    assert store.inventory().server_states == {"prod-1": "active"}


@contextmanager
def before_reading(table: str, store: Store) -> Iterator[None]:
    """Write with the store just before the first statement that reads the table."""

    def write(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if f"FROM {table}" in statement and not done:
            done.append(statement)
            store.verified("instance", "beta", "prod-1", "beta", "d1", NOW)
            store.pause("instance", "beta", "", NOW)

    done: list[str] = []
    event.listen(Engine, "before_cursor_execute", write)
    yield
    event.remove(Engine, "before_cursor_execute", write)
    assert done


def test_an_inventory_is_of_one_moment_whatever_is_written_while_it_is_read(backend: Backend, store: Store) -> None:
    store.verified("instance", "acme", "prod-1", "acme", "d1", NOW)
    before = store.inventory()
    with opened(backend) as other, before_reading("server_states", other):
        assert store.inventory() == before
    assert store.inventory() != before
