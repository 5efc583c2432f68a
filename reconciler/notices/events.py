"""What happens in a pass, as frozen data: progress lines, logs and metrics are made from these and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.core.model.actions import Action
from reconciler.core.model.addressed import Addressed
from reconciler.core.model.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class HostObserved:
    """A host answered the shallow look, or did not."""

    server: str
    online: bool
    problem: str
    databases: int
    seconds: float


@dataclass(frozen=True, slots=True)
class DatabaseObserved:
    """A database was looked at deeply."""

    server: str
    database: str
    access: str
    problem: str
    seconds: float


@dataclass(frozen=True, slots=True)
class ActionStarted:
    """An action began."""

    action: Action


@dataclass(frozen=True, slots=True)
class ActionStep:
    """An action goes on to its next step, in words for a progress line."""

    action: Action
    step: str


@dataclass(frozen=True, slots=True)
class ActionEnded:
    """An action ended, or was skipped."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class MemoryFailed:
    """Something could not be written down; the next pass looks again at what it was about."""

    problem: str


@dataclass(frozen=True, slots=True)
class BackupEnded(Addressed):
    """A backup of a database was made or proven, or that failed. `work` is `backup` or `proof`."""

    kind: str
    code: str
    server: str
    work: str
    seconds: float
    backup: str = ""
    problem: str = ""


Event = MemoryFailed | HostObserved | DatabaseObserved | ActionStarted | ActionStep | ActionEnded | BackupEnded


@dataclass(frozen=True, slots=True)
class CallEvent:
    """One request and how it ended, for logs and metrics. It holds no argument and no answer.

    `operation` is `db.rename`, or `res.users.write` for a method of a model; `error` the class of the failure, or nothing.
    """

    server: str
    service: str
    method: str
    operation: str
    database: str
    changes: bool
    seconds: float
    error: str = ""

    @property
    def ok(self) -> bool:
        """Tell whether Odoo answered with a value."""
        return not self.error
