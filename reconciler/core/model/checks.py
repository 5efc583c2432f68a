"""The tests of a server's activation and their answers, as data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class CheckResult(StrEnum):
    """How a test of a server ended."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"  # the host gives no answer to this question; not a reason against activation
    SKIPPED = "skipped"  # an earlier test failed


@dataclass(frozen=True, slots=True)
class Check:
    """One test: its name, how it ended, what was seen, what to do when it failed, and whether that holds up activation."""

    name: str
    answer: CheckResult
    seen: str = ""
    advice: str = ""
    for_activation: bool = True


def failures(checks: Iterable[Check]) -> tuple[Check, ...]:
    """Return the tests that speak against activation."""
    return tuple(c for c in checks if c.answer is CheckResult.FAILED and c.for_activation)
