"""Times, actions, outcomes, notices and looks to remember, and ways to open a store."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from reconciler.core.model import verbs
from reconciler.core.model.actions import Action, FieldChange, Reason
from reconciler.core.model.outcomes import Outcome, Result
from reconciler.health.signs import HealthStatus
from reconciler.health.verdicts import HealthRecord
from reconciler.notices.notices import Level, Notice, NoticeName
from reconciler.store.opening import open_store
from reconciler.store.sql_store import Store

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def open_at(where: str, fleet: str = "demo") -> Store:
    store = open_store(where, fleet)
    assert isinstance(store, Store)
    return store


def open_file(path: Path, fleet: str = "demo") -> Store:
    return open_at(url(path), fleet)


def outcome(
    code: str = "acme",
    result: Result = Result.DONE,
    detail: str = "",
    kind: str = "instance",
    *,
    server: str = "prod-1",
    reason: Reason = Reason.DECLARED,
    changes: tuple[FieldChange, ...] = (),
) -> Outcome:
    action = Action(verbs.CLONE, kind, code, server, reason, database="template", becomes=code, changes=changes)
    return Outcome(action, result, detail, seconds=1.5)


def notice(
    detail: str = "it is away",
    name: NoticeName = NoticeName.HOST_OFFLINE,
    *,
    kind: str = "server",
    code: str = "prod-1",
    server: str = "prod-1",
    fields: tuple[str, ...] = (),
) -> Notice:
    return Notice(name, Level.ERROR, detail, kind, code, server, revision="abc123", fields=fields)


def look(server: str = "prod-1", at: datetime = NOW, why: str = "") -> HealthRecord:
    return HealthRecord(server, at, HealthStatus.HEALTHY, online=True, why=why)


@contextlib.contextmanager
def no_file_grows_beyond(size: int) -> Iterator[None]:
    """Limit the files that this process writes: its writes then fail, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
