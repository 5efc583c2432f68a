"""Passes and outcomes: what happened, newest first."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.core.outcomes import Result
from reconciler.store.forgetful import NoMemory
from reconciler.store.records import OutcomeRecord, PassRecord
from reconciler.store.sql_store import Store
from tests.store.examples import NOW, open_file, outcome


def test_a_pass_is_read_as_it_was_written_and_counts_its_outcomes(store: Store) -> None:
    number = store.begin_pass("apply", NOW, "1.0", "digest", revision="abc123")
    for result, times in ((Result.DONE, 4), (Result.FAILED, 3), (Result.UNKNOWN, 2), (Result.SKIPPED, 1)):
        for _ in range(times):
            store.record_outcome(number, outcome(result=result), NOW)
    end = NOW + timedelta(seconds=9)
    store.end_pass(number, end)
    expected = PassRecord(number, NOW, end, "apply", "1.0", "digest", "abc123", done=4, failed=3, unknown=2, skipped=1)
    assert store.passes() == (expected,)


def test_a_pass_that_never_ended_has_no_end_and_right_counts(path: Path) -> None:
    with open_file(path) as store:
        store.record_outcome(store.begin_pass("apply", NOW, "1.0", "digest"), outcome(), NOW)
    with open_file(path) as store:
        (seen,) = store.passes()
        assert (seen.ended_at, seen.revision, seen.done) == (None, None, 1)


def test_an_outcome_is_read_as_it_was_written(store: Store) -> None:
    number = store.begin_pass("apply", NOW, "1.0", "digest")
    store.record_outcome(number, outcome(result=Result.FAILED, detail="no disk"), NOW)
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
    assert [o.code for o in store.outcomes(pass_id=first)] == ["beta", "acme"]
    assert [o.detail for o in store.outcomes(limit=1)] == ["a template"]


def test_passes_come_newest_first_and_as_many_as_asked(store: Store) -> None:
    numbers = [store.begin_pass("plan", NOW, "1.0", "d") for _ in range(5)]
    assert [p.id for p in store.passes(limit=3)] == numbers[:1:-1]


def test_text_that_no_database_holds_is_written_as_an_escape(store: Store) -> None:
    number = store.begin_pass("apply", NOW, "1.0", "digest")
    store.record_outcome(number, outcome(detail="nul\x00 lone\ud800 é"), NOW)
    assert store.outcomes()[0].detail == "nul\\x00 lone\\ud800 é"


def test_an_outcome_of_no_pass_is_refused(store: Store) -> None:
    with pytest.raises(Exception, match="FOREIGN KEY"):
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
