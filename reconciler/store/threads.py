"""A thread of its own for a store, so that the event loop goes on while the disk syncs or another process hangs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from reconciler.core.model.failures import MemoryFailure

T = TypeVar("T")

MOST_WAITING = 10_000
"""Writes that may wait for a store that hangs: what comes after them is lost, and said to be."""


class OneThread:
    """Makes calls that block in one thread, in the order in which they come (the engine's port `Aside`)."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._waiting = 0
        self._is_failing = self._is_closing = False

    async def ask(self, call: Callable[[], T]) -> T:
        """Make a call and give what it gives."""
        return await asyncio.wrap_future(self._executor.submit(self._make, call))

    def tell(
        self, call: Callable[[], T], failed: Callable[[MemoryFailure], None], then: Callable[[T], None] = lambda _: None
    ) -> None:
        """Make a call without waiting for it; on the event loop `then` is told what it gave, or `failed` why it gave nothing."""
        if self._waiting >= MOST_WAITING:
            failed(MemoryFailure("the store does not keep up: what was to be written down is lost"))
            return
        loop = asyncio.get_running_loop()
        self._waiting += 1

        def over(future: Future[T]) -> None:
            self._waiting -= 1
            try:
                value = future.result()
            except MemoryFailure as failure:
                failed(failure)
            else:
                then(value)

        def ended(future: Future[T]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and with it whoever would be told
                loop.call_soon_threadsafe(over, future)

        self._executor.submit(self._make, call).add_done_callback(ended)

    async def aclose(self) -> None:
        """Wait until all calls are made; from the first one that fails on, the others are not."""
        self._is_closing = True
        with contextlib.suppress(MemoryFailure):
            await self.ask(lambda: None)
        self._executor.shutdown()

    def _make(self, call: Callable[[], T]) -> T:
        if self._is_closing and self._is_failing:
            raise MemoryFailure("the store does not answer, and there is no time left to wait for it")
        try:
            value = call()
        except MemoryFailure:
            self._is_failing = True
            raise
        self._is_failing = False
        return value
