"""What is said of each event: its name, its level and its fields, as data. Pure; what writes it down is elsewhere.

What goes well is `info`, single steps and calls are `debug`, what does not go well is `warning`: whether it is an error is
for the end of the pass to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, assert_never

from reconciler.core.model.actions import Action
from reconciler.core.model.outcomes import Outcome, Result
from reconciler.notices.events import (
    ActionEnded,
    ActionStarted,
    ActionStep,
    BackupEnded,
    CallEvent,
    DatabaseObserved,
    Event,
    HostObserved,
    MemoryFailed,
)
from reconciler.notices.notices import Notice
from reconciler.notices.recurrence import drifted_fields


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line to be."""

    level: Literal["debug", "info", "warning", "error"]
    event: str
    fields: Mapping[str, object]


def of_event(event: Event) -> LogEntry:
    """Say what is logged of an event of a pass."""
    match event:
        case MemoryFailed(problem):
            return LogEntry("warning", "store-failed", {"problem": problem})
        case HostObserved():
            return _host(event)
        case DatabaseObserved():
            return _database(event)
        case ActionStarted(action):
            return LogEntry("info", "action-started", {**_action(action), "reason": action.reason.value})
        case ActionStep(action, step):
            return LogEntry("debug", "action-step", {**_action(action), "step": step})
        case ActionEnded(outcome):
            return _outcome(outcome)
        case BackupEnded():
            return _backup(event)
        case _:
            assert_never(event)


def of_notice(notice: Notice) -> LogEntry:
    """Say what is logged of a notice: all of it, under its own name."""
    subject = f"{notice.kind}/{notice.code}" if notice.kind else ""
    fields = {
        "detail": notice.detail,
        **_given(about=subject, server=notice.server, revision=notice.revision),
        **({"fields": list(notice.fields)} if notice.fields else {}),
    }
    return LogEntry(notice.level.value, notice.name.value, fields)


def of_call(call: CallEvent) -> LogEntry:
    """Say what is logged of a call."""
    fields = {
        "server": call.server,
        "operation": call.operation,
        **_given(database=call.database),
        "changes": call.changes,
        "seconds": round(call.seconds, 3),
        **_given(error=call.error),
    }
    # Also one that failed: it may be asked again, or be meant to be refused. What it means for a host or an action has a line.
    return LogEntry("debug", "call", fields)


def _host(event: HostObserved) -> LogEntry:
    fields = {
        "server": event.server,
        "online": event.online,
        "databases": event.databases,
        "seconds": round(event.seconds, 3),
        **_given(problem=event.problem),
    }
    well = event.online and not event.problem
    return LogEntry("info" if well else "warning", "host-observed", fields)


def _database(event: DatabaseObserved) -> LogEntry:
    fields = {
        "server": event.server,
        "database": event.database,
        "access": event.access,
        "seconds": round(event.seconds, 3),
        **_given(problem=event.problem),
    }
    return LogEntry("warning" if event.problem else "debug", "database-observed", fields)


def _outcome(outcome: Outcome) -> LogEntry:
    changed = drifted_fields(change.field for change in outcome.action.changes)
    fields = {
        **_action(outcome.action),
        "result": outcome.result.value,
        "seconds": round(outcome.seconds, 3),
        **_given(detail=outcome.detail),
        **({"fields": list(changed)} if changed else {}),
    }
    # Skipped is not a failure of its own: what it was skipped for has its line already.
    went_wrong = outcome.result in {Result.FAILED, Result.UNKNOWN}
    return LogEntry("warning" if went_wrong else "info", "action-ended", fields)


def _backup(event: BackupEnded) -> LogEntry:
    fields = {
        "about": event.address,
        "server": event.server,
        "seconds": round(event.seconds, 3),
        **_given(backup=event.backup, problem=event.problem),
    }
    return LogEntry("warning" if event.problem else "info", f"{event.work}-ended", fields)


def _action(action: Action) -> dict[str, object]:
    return {"action": action.id, "server": action.server, **_given(database=action.database, becomes=action.becomes)}


def _given(**texts: str) -> dict[str, object]:
    return {name: text for name, text in texts.items() if text}
