"""Each way to ask for history has an index that ends in the order of the answer: none reads or sorts what it does not return.

Asked of SQLite's own planner, on an empty store: it plans by the indexes there are, and not by how much there is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from reconciler.store.sql_store import Store
from tests.store.examples import NOW

WAYS: dict[str, Callable[[Store], object]] = {
    "outcomes": lambda s: s.outcomes(),
    "outcomes of a kind": lambda s: s.outcomes("instance"),
    "outcomes of a document": lambda s: s.outcomes("instance", "acme"),
    "outcomes of a document since": lambda s: s.outcomes("instance", "acme", since=NOW),
    "outcomes of a server": lambda s: s.outcomes(server="prod-1"),
    "outcomes by result": lambda s: s.outcomes(result="failed"),
    "outcomes by result since": lambda s: s.outcomes(result="failed", since=NOW),
    "outcomes by reason": lambda s: s.outcomes(reason="drifted"),
    "drift repaired since": lambda s: s.outcomes(reason="drifted", result="done", since=NOW),
    "outcomes since": lambda s: s.outcomes(since=NOW),
    "passes": lambda s: s.passes(),
    "notices": lambda s: s.notices(),
    "notices of a document": lambda s: s.notices("instance", "acme"),
    "notices of a document since": lambda s: s.notices("instance", "acme", since=NOW),
    "notices of a server": lambda s: s.notices(server="prod-1"),
    "notices by name": lambda s: s.notices(names=["host-offline"]),
    "notices of some names": lambda s: s.notices(names=["host-offline", "host-online"]),
    "notices of a level": lambda s: s.notices(but_levels=["info"]),
    "notices since": lambda s: s.notices(since=NOW),
    "health": lambda s: s.health_history(),
    "health of a server": lambda s: s.health_history("prod-1"),
    "latest health": lambda s: s.latest_health(),
    "forgetting": lambda s: s.forget_history(NOW),
    "a number": lambda s: s.end_pass(1, NOW),
}


def plan_of(path: Path, store: Store, call: Callable[[Store], object]) -> list[str]:
    """Return the steps that SQLite would take for the statements of a call."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_rest: object) -> None:
        if statement.split(maxsplit=1)[0] in {"SELECT", "UPDATE", "DELETE", "WITH"}:
            asked.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    call(store)
    event.remove(Engine, "before_cursor_execute", note)
    with closing(sqlite3.connect(path)) as plain:
        return [row[3] for statement, given in asked for row in plain.execute(f"EXPLAIN QUERY PLAN {statement}", given)]


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_read_from_one_end_to_the_other_and_nothing_is_sorted(
    file_store: Store, path: Path, way: str
) -> None:
    steps = plan_of(path, file_store, WAYS[way])
    assert any(step.startswith("SEARCH") for step in steps)
    tables = ("outcomes", "notices", "health", "passes")
    assert [s for s in steps if "B-TREE" in s or any(s.startswith(f"SCAN {table}") for table in tables)] == []
