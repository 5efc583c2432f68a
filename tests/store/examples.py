"""Times, actions and outcomes to remember."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from reconciler.core.actions import Action, Reason, Verb
from reconciler.core.outcomes import Outcome, Result
from reconciler.store.opening import open_store
from reconciler.store.sql_store import Store

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def open_file(path: Path, fleet: str = "demo") -> Store:
    store = open_store(url(path), fleet)
    assert isinstance(store, Store)
    return store


def outcome(code: str = "acme", result: Result = Result.DONE, detail: str = "", kind: str = "instance") -> Outcome:
    action = Action(Verb.CLONE, kind, code, "prod-1", Reason.DECLARED, database="template", becomes=code)
    return Outcome(action, result, detail, seconds=1.5)


@contextlib.contextmanager
def no_file_grows_beyond(size: int) -> Iterator[None]:
    """Limit the files that this process writes: its writes then fail, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
