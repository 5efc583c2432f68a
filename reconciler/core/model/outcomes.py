"""What became of each action. Unknown is a result of its own: neither done nor failed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reconciler.core.model.actions import Action


class Result(StrEnum):
    """How an action ended."""

    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one action.

    `detail` says why it failed, is unknown or was skipped, and of one that was done what is to be known beside what it shows;
    `seconds` is its own time. `failed_hooks` says of each hook after it that failed why; `detail` says it as well.
    """

    action: Action
    result: Result
    detail: str = ""
    seconds: float = 0.0
    failed_hooks: tuple[str, ...] = ()
