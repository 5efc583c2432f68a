"""Passes and outcomes: what happened, newest first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from reconciler.core.model.actions import FieldChange, Reason
from reconciler.core.model.outcomes import Result
from reconciler.notices.records import OutcomeRecord, PassRecord
from reconciler.store.failures import StoreError
from reconciler.store.forgetful import NoMemory
from reconciler.store.sql_store import Store
from tests.store.backends import Backend, opened
from tests.store.examples import NOW, look, notice, outcome


def test_a_pass_is_read_as_it_was_written_and_counts_its_outcomes(store: Store) -> None:
    number = store.begin_pass("apply", NOW, "1.0", "digest", revision="abc123", ran_by="ann@laptop")
    for result, times in ((Result.DONE, 4), (Result.FAILED, 3), (Result.UNKNOWN, 2), (Result.SKIPPED, 1)):
        for _ in range(times):
            store.record_outcome(number, outcome(result=result), NOW)
    end = NOW + timedelta(seconds=9)
    store.end_pass(number, end)
    written = ("apply", "1.0", "digest", "abc123", "ann@laptop")
    expected = PassRecord(number, NOW, end, *written, done=4, failed=3, unknown=2, skipped=1)
    assert store.passes() == (expected,)


def test_a_pass_that_never_ended_has_no_end_and_right_counts(backend: Backend) -> None:
    backend.make_ready()
    with opened(backend) as store:
        store.record_outcome(store.begin_pass("apply", NOW, "1.0", "digest"), outcome(), NOW)
    with opened(backend) as store:
        (seen,) = store.passes()
        assert (seen.ended_at, seen.revision, seen.done) == (None, None, 1)


def test_an_outcome_is_read_as_it_was_written(store: Store) -> None:
    number = store.begin_pass("apply", NOW, "1.0", "digest", revision="abc123")
    changes = (FieldChange("lang", "en_US", "fr_BE"), FieldChange("company", "", 'é "A" \x00\ud800'))
    store.record_outcome(number, outcome(result=Result.FAILED, detail="no disk", changes=changes), NOW)
    expected = OutcomeRecord(
        pass_id=number,
        at=NOW,
        action_id="clone instance/acme on prod-1",
        verb="clone",
        kind="instance",
        code="acme",
        server="prod-1",
        database="template",
        becomes="acme",
        reason="declared",
        result="failed",
        detail="no disk",
        seconds=1.5,
        changes=(("lang", "en_US", "fr_BE"), ("company", "", 'é "A" \x00\ud800')),
        revision="abc123",
        command="apply",
        ran_by=None,
    )
    assert store.outcomes() == (expected,)


def test_outcomes_are_found_by_kind_code_and_pass_newest_first(store: Store) -> None:
    first = store.begin_pass("apply", NOW, "1.0", "d1")
    for code in ("acme", "beta"):
        store.record_outcome(first, outcome(code, detail="first"), NOW)
    second = store.begin_pass("apply", NOW, "1.0", "d2")
    store.record_outcome(second, outcome("acme", detail="second"), NOW)
    store.record_outcome(second, outcome("acme", detail="a template", kind="template"), NOW)

    assert [o.detail for o in store.outcomes("instance", "acme")] == ["second", "first"]
    assert [o.detail for o in store.outcomes("template")] == ["a template"]
    assert [o.code for o in store.outcomes() if o.pass_id == first] == ["beta", "acme"]
    assert [o.detail for o in store.outcomes(limit=1)] == ["a template"]


def test_outcomes_are_found_by_server_reason_result_and_time(store: Store) -> None:
    number = store.begin_pass("apply", NOW, "1.0", "d")
    minute = timedelta(minutes=1)
    store.record_outcome(number, outcome("a", server="prod-2"), NOW)
    store.record_outcome(number, outcome("b", Result.FAILED, reason=Reason.DRIFTED), NOW + minute)
    store.record_outcome(number, outcome("c", reason=Reason.DRIFTED), NOW + 2 * minute)

    def codes(**wanted: Any) -> list[str]:
        return [o.code for o in store.outcomes(**wanted)]

    assert codes(server="prod-1") == ["c", "b"]
    assert codes(reason="drifted") == ["c", "b"]
    assert codes(result="failed") == ["b"]
    assert codes(since=NOW + minute) == ["c", "b"], "what happened at that very moment counts"
    assert codes(reason="drifted", result="done", since=NOW) == ["c"]
    assert codes(kind="instance", code="a", server="prod-2", limit=1) == ["a"]
    assert codes(server="prod-3") == []


def test_what_two_processes_tell_comes_in_the_order_of_time_and_not_of_writing(store: Store) -> None:
    number = store.begin_pass("apply", NOW, "1.0", "d")
    for code, hours in (("late", 2), ("early", 0), ("between", 1)):
        store.record_outcome(number, outcome(code), NOW + timedelta(hours=hours))
    assert [o.code for o in store.outcomes()] == ["late", "between", "early"]


def test_passes_come_newest_first_and_as_many_as_asked(store: Store) -> None:
    numbers = [store.begin_pass("plan", NOW, "1.0", "d") for _ in range(5)]
    assert [p.id for p in store.passes(limit=3)] == numbers[:1:-1]


def test_text_that_no_database_holds_is_written_as_an_escape(store: Store) -> None:
    number = store.begin_pass("apply", NOW, "1.0", "digest")
    store.record_outcome(number, outcome(detail="nul\x00 lone\ud800 é"), NOW)
    assert store.outcomes()[0].detail == "nul\\x00 lone\\ud800 é"


def test_an_outcome_of_no_pass_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match=r"(?i)foreign key"):
        store.record_outcome(99, outcome(), NOW)
    assert store.outcomes() == ()


def test_without_a_store_passes_have_numbers_and_no_history() -> None:
    memory = NoMemory()
    numbers = [memory.begin_pass("apply", NOW, "1.0", "digest") for _ in range(2)]
    memory.record_outcome(numbers[0], outcome(), NOW)
    memory.end_pass(numbers[0], NOW)
    assert numbers == [1, 2]
    assert memory.passes() == ()
    assert memory.outcomes() == ()
    memory.record_notice(notice(), NOW)
    memory.record_health(look())
    assert (memory.notices(), memory.health_history(), memory.latest_health()) == ((), (), {})
    assert memory.forget_history(NOW) == 0
