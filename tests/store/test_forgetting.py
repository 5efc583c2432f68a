"""History ends somewhere; what is younger, running, or the last that is known stays."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from reconciler.store import sql_store
from reconciler.store.sql_store import Store
from tests.store.backends import Backend, opened
from tests.store.examples import NOW, look, notice, outcome

DAY = timedelta(days=1)
LIMIT = NOW - 30 * DAY
OLD = LIMIT - timedelta(microseconds=1)


def pass_of(store: Store, began: datetime, ended: datetime | None, *outcomes_at: datetime) -> int:
    number = store.begin_pass("daemon", began, "1.0", "digest")
    for at in outcomes_at:
        store.record_outcome(number, outcome(), at)
    if ended is not None:
        store.end_pass(number, ended)
    return number


def numbers(store: Store) -> set[int]:
    return {p.id for p in store.passes()}


def test_older_passes_go_with_their_outcomes_and_are_counted(store: Store) -> None:
    pass_of(store, OLD, OLD, OLD, OLD)
    young = pass_of(store, NOW, NOW, NOW)
    assert store.forget_history(LIMIT) == 3
    assert numbers(store) == {young}
    assert [o.pass_id for o in store.outcomes()] == [young]
    assert store.forget_history(LIMIT) == 0


def test_a_pass_is_as_old_as_its_end(store: Store) -> None:
    long = pass_of(store, OLD - DAY, LIMIT, OLD)
    store.forget_history(LIMIT)
    assert numbers(store) == {long}
    assert len(store.outcomes()) == 1


def test_a_pass_of_another_process_that_never_ended_is_as_old_as_its_last_outcome(
    backend: Backend, store: Store
) -> None:
    with opened(backend) as other:
        pass_of(other, OLD, None)
        pass_of(other, OLD, None, OLD)
        at_work = pass_of(other, OLD, None, OLD, NOW)
        young = pass_of(other, NOW, None)
        store.forget_history(LIMIT)
        assert numbers(store) == {at_work, young}
        other.record_outcome(at_work, outcome("goes on"), NOW)
    assert [o.code for o in store.outcomes(limit=1)] == ["goes on"]


def test_a_pass_that_this_process_runs_stays_whatever_its_age(store: Store) -> None:
    running = pass_of(store, OLD, None, OLD)
    store.forget_history(LIMIT)
    store.record_outcome(running, outcome(), NOW)
    store.end_pass(running, NOW)
    assert [(p.id, p.done) for p in store.passes()] == [(running, 2)]


def test_older_notices_go(store: Store) -> None:
    store.record_notice(notice("old"), OLD)
    store.record_notice(notice("young"), LIMIT)
    assert store.forget_history(LIMIT) == 1
    assert [n.detail for n in store.notices()] == ["young"]


def test_older_looks_go_but_for_the_last_at_each_server(store: Store) -> None:
    kept = [look("gone", OLD - DAY), look("prod-1", LIMIT), look("prod-1", NOW)]
    for each in (look("gone", OLD - 2 * DAY), look("prod-1", OLD), *kept):
        store.record_health(each)
    assert store.forget_history(LIMIT) == 2
    assert store.health_history() == tuple(reversed(kept))
    assert store.latest_health() == {"gone": kept[0], "prod-1": kept[2]}


def test_numbers_of_what_was_forgotten_are_not_given_again(store: Store) -> None:
    last = pass_of(store, OLD, OLD, OLD)
    store.record_notice(notice(), OLD)
    (told,) = store.notices()
    store.forget_history(NOW)
    store.record_notice(notice(), NOW)
    assert store.begin_pass("daemon", NOW, "1.0", "digest") > last
    assert store.notices()[0].id > told.id


def test_what_is_forgotten_in_many_steps_is_forgotten_whole(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_store, "_AT_A_TIME", 2)
    for _ in range(3):
        pass_of(store, OLD, OLD, OLD, OLD, OLD)
        store.record_notice(notice(), OLD)
        store.record_health(look(at=OLD))
    young = pass_of(store, NOW, NOW, NOW, NOW, NOW)
    assert store.forget_history(LIMIT) == 3 * 4 + 3 + 2
    assert numbers(store) == {young}
    assert len(store.outcomes()) == 3


def test_a_time_without_a_zone_forgets_nothing(store: Store) -> None:
    pass_of(store, OLD, OLD)
    with pytest.raises(ValueError, match="time zone"):
        store.forget_history(datetime(2027, 1, 1))  # noqa: DTZ001 -- the point
    assert len(store.passes()) == 1
