"""What only a store does: it remembers beyond the run, and keeps fleets apart."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from reconciler.core.inventory import NOTHING_REMEMBERED
from reconciler.store.sql_store import Store
from tests.store.examples import NOW, open_file, outcome


def test_the_next_run_knows_what_this_one_remembered(path: Path) -> None:
    with open_file(path) as store:
        store.verified("instance", "acme", "prod-1", "acme", "d1", NOW)
        store.server_state("prod-1", "active")
        store.listing("prod-1", ["acme"], NOW)
        before = store.inventory()
    with open_file(path) as store:
        assert store.inventory() == before


def test_another_process_sees_a_write_at_once(path: Path, store: Store) -> None:
    with open_file(path) as other:
        store.verified("instance", "acme", "prod-1", "acme", "d1", NOW)
        assert other.inventory() == store.inventory() != NOTHING_REMEMBERED


def test_two_fleets_in_one_file_neither_see_nor_touch_each_other(path: Path, store: Store) -> None:
    with open_file(path, "other") as other:
        for fleet, digest in ((store, "mine"), (other, "theirs")):
            fleet.verified("instance", "acme", "prod-1", "acme", digest, NOW)
            fleet.server_state("prod-1", digest)
            fleet.listing("prod-1", [digest], NOW)
            fleet.record_outcome(fleet.begin_pass("apply", NOW, "1.0", digest), outcome(detail=digest), NOW)
        store.clear("instance", "acme", "prod-1")

        assert other.inventory().of("instance", "acme")[0].digest == "theirs"
        assert other.inventory().server_states == {"prod-1": "theirs"}
        assert other.inventory().listings == {"prod-1": ("theirs",)}
        assert [p.fleet_digest for p in other.passes()] == ["theirs"]
        assert [o.detail for o in other.outcomes()] == ["theirs"]


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
