"""Attempts to get in, limited by the address that they come from."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from reconciler.web.problem_details import RequestRefused

MOST_FAILURES = 10
"""How many wrong tokens an address may show within `WINDOW_SECONDS`."""

WINDOW_SECONDS = 60.0
_MOST_ADDRESSES = 1000


@dataclass
class Attempts:
    """Counts the wrong ones.

    Args:
        limited: told of an address that has to wait, and after how many.
        what: what they are of, in the plural.
    """

    limited: Callable[[str, int], None]
    what: str = "tokens"
    _failures: OrderedDict[str, list[float]] = field(default_factory=OrderedDict, repr=False)
    _told_at: float = -WINDOW_SECONDS

    def check(self, address: str) -> None:
        """Let an address try.

        Raises:
            Refused: it has to wait.
        """
        now = asyncio.get_running_loop().time()
        recent = [at for at in self._failures.get(address, ()) if now - at < WINDOW_SECONDS]
        if len(recent) >= MOST_FAILURES:
            seconds = max(1, round(WINDOW_SECONDS - (now - recent[0])))
            why = f"too many wrong {self.what} from {address}: wait {seconds} s"
            raise RequestRefused(429, why, {"Retry-After": str(seconds)})

    def failed(self, address: str) -> None:
        """Count a wrong one."""
        now = asyncio.get_running_loop().time()
        recent = [at for at in self._failures.pop(address, ()) if now - at < WINDOW_SECONDS]
        self._failures[address] = [*recent, now]
        while len(self._failures) > _MOST_ADDRESSES:
            self._failures.popitem(last=False)
        if len(recent) + 1 == MOST_FAILURES and now - self._told_at >= WINDOW_SECONDS:
            self._told_at = now
            self.limited(address, MOST_FAILURES)
