"""Who may send the next request: decides the interleaving of two processes, one request at a time."""

import asyncio
from collections.abc import Sequence


class Turns:
    """Grants requests by a schedule of (process, how many): then that process waits until the others had theirs.

    What is left when the schedule ends runs in the order of the processes. A process that ended gives up its turns.
    """

    def __init__(self, schedule: Sequence[tuple[int, int]], processes: int = 2) -> None:
        self._left = [[who, count] for who, count in schedule] + [[who, 10**9] for who in range(processes)]
        self._changed = asyncio.Condition()
        self._ended: set[int] = set()

    async def take(self, who: int) -> None:
        """Wait for the turn of a process and use it up."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._holder() == who)
            self._left[0][1] -= 1
            self._changed.notify_all()

    async def end(self, who: int) -> None:
        """Note that a process sends nothing more."""
        async with self._changed:
            self._ended.add(who)
            self._changed.notify_all()

    def _holder(self) -> int:
        while self._left[0][1] <= 0 or self._left[0][0] in self._ended:
            self._left.pop(0)
        return self._left[0][0]
