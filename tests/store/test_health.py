"""The health of servers over time."""

from __future__ import annotations

from datetime import timedelta

from reconciler.health.signs import HealthStatus
from reconciler.health.verdicts import HealthRecord
from reconciler.store.sql_store import Store
from tests.store.examples import NOW, look

HOUR = timedelta(hours=1)
ALL_KNOWN = HealthRecord(
    server="prod-1",
    at=NOW,
    status=HealthStatus.CRITICAL,
    online=True,
    why="the disk is nearly full",
    signs={
        "version": "19.0",
        "latency_ms": 12.5,
        "databases": 7,
        "available_capacity": 2.25,
        "master_password_accepted": False,
        "certificate_expires_at": NOW + timedelta(days=3),
    },
    failures_in_a_row=2,
    successes_in_a_row=0,
    since=NOW - HOUR,
)
NOTHING_KNOWN = HealthRecord("prod-1", NOW + HOUR, HealthStatus.UNKNOWN, online=False)


def test_a_look_is_read_as_it_was_written_with_all_and_with_nothing_known(store: Store) -> None:
    store.record_health(ALL_KNOWN)
    store.record_health(NOTHING_KNOWN)
    assert store.health_history() == (NOTHING_KNOWN, ALL_KNOWN)
    assert isinstance(store.health_history()[0].status, HealthStatus)
    assert store.health_history()[1].signs["master_password_accepted"] is False


def test_looks_are_found_by_server_newest_first(store: Store) -> None:
    looks = [look(server, NOW + i * HOUR) for i in range(3) for server in ("prod-1", "prod-2")]
    for each in looks:
        store.record_health(each)
    assert store.health_history() == tuple(reversed(looks))
    assert store.health_history("prod-2") == (looks[5], looks[3], looks[1])
    assert store.health_history(limit=2) == (looks[5], looks[4])
    assert store.health_history("prod-9") == ()


def test_the_last_look_at_each_server_is_known_however_long_ago_it_was(store: Store) -> None:
    assert store.latest_health() == {}
    old, older = look("prod-1", NOW - 9000 * HOUR), look("prod-1", NOW - 9001 * HOUR)
    new = look("prod-2", NOW)
    same_moment = look("prod-2", NOW, why="looked again")
    for each in (old, older, new, same_moment):
        store.record_health(each)
    assert store.latest_health() == {"prod-1": old, "prod-2": same_moment}
