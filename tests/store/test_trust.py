"""What a store must never do: keep a secret, or let a power cut give back the trust that was taken away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, cast, get_type_hints

import pytest
from sqlalchemy import Engine, event

from reconciler.core.model.actions import Action, FieldChange
from reconciler.core.model.inventory import Entry
from reconciler.core.model.outcomes import Outcome
from reconciler.core.model.pauses import Pause
from reconciler.health.verdicts import HealthRecord
from reconciler.notices.notices import Notice
from reconciler.store.sql_store import Store
from schemas.secrets import Secret
from tests.store.examples import NOW, look, notice, outcome

SECRET = cast("Any", Secret("hunter2-in-the-store"))

ATTEMPTS: dict[str, Callable[[Store], object]] = {
    "kind": lambda s: s.verified(SECRET, "acme", "prod-1", "acme", "d", NOW),
    "digest": lambda s: s.verified("instance", "acme", "prod-1", "acme", SECRET, NOW),
    "state": lambda s: s.server_state("prod-1", SECRET),
    "listing": lambda s: s.listing("prod-1", ["acme", SECRET], NOW),
    "command": lambda s: s.begin_pass(SECRET, NOW, "1.0", "digest"),
    "reason": lambda s: s.pause("instance", "acme", SECRET, NOW),
    "notice": lambda s: s.record_notice(notice(SECRET), NOW),
    "field": lambda s: s.record_notice(notice(fields=("password", SECRET)), NOW),
    "health": lambda s: s.record_health(look(why=SECRET)),
    "change": lambda s: s.record_outcome(
        s.begin_pass("apply", NOW, "1.0", "digest"), outcome(changes=(FieldChange("password", "", SECRET),)), NOW
    ),
    "detail": lambda s: s.record_outcome(s.begin_pass("apply", NOW, "1.0", "digest"), outcome(detail=SECRET), NOW),
}


@pytest.mark.parametrize("place", ATTEMPTS)
def test_a_secret_is_refused_wherever_it_is_put(file_store: Store, path: Path, place: str) -> None:
    with pytest.raises(TypeError) as refused:
        ATTEMPTS[place](file_store)
    assert "hunter2" not in str(refused.value)
    assert all(b"hunter2" not in file.read_bytes() for file in path.parent.iterdir())


@pytest.mark.parametrize("given", [Entry, Outcome, Action, FieldChange, Pause, Notice, HealthRecord])
def test_what_is_given_to_the_store_has_no_place_for_a_secret(given: type) -> None:
    hints = get_type_hints(given)
    assert all("Secret" not in str(hints[f.name]) for f in fields(given))


@pytest.fixture
def statements() -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(" ".join(statement.split()[:5]))

    event.listen(Engine, "before_cursor_execute", note)
    yield seen
    event.remove(Engine, "before_cursor_execute", note)


@pytest.mark.parametrize(
    ("call", "synchronous"),
    [
        (lambda s: s.clear("instance", "acme", "prod-1"), "FULL"),
        (lambda s: s.pause("instance", "acme", "", NOW), "FULL"),
        (lambda s: s.resume("instance", "acme"), "FULL"),
        (lambda s: s.verified("instance", "acme", "prod-1", "acme", "d", NOW), "NORMAL"),
        (lambda s: s.begin_pass("apply", NOW, "1.0", "digest"), "NORMAL"),
    ],
    ids=["clear", "pause", "resume", "verified", "begin_pass"],
)
def test_what_takes_trust_away_or_was_asked_for_is_on_the_disk_before_it_returns(
    file_store: Store, statements: list[str], call: Callable[[Store], object], synchronous: str
) -> None:
    """A power cut cannot be had in a test: SQLite promises the disk for FULL, so the test is that it is asked for."""
    call(file_store)
    assert statements[:2] == [f"PRAGMA synchronous = {synchronous}", "BEGIN IMMEDIATE"]
