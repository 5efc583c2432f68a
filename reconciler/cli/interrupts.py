"""Ctrl-C and SIGTERM while a command talks to hosts: a command that changes something is ended gently, others at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar

import click

T = TypeVar("T")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(click.Abort):
    """The run was cut off before its end; the command ends with exit code 130."""


class Ending(Protocol):
    """How a run is brought to an end by itself, in two steps."""

    @property
    def grace(self) -> float:
        """How many seconds there are between both."""
        ...

    def stop(self) -> None:
        """Begin nothing new. At the first signal."""
        ...

    def abandon(self) -> None:
        """Wait no longer for what is under way. At the second signal, or `grace` after the first."""
        ...


def run(main: Coroutine[Any, Any, T], ending: Ending | None = None) -> T:
    """Run to the end, or to where signals bring it.

    Args:
        main: what to run.
        ending: the gentle steps; without them, and at the third signal, `main` is cancelled.

    Raises:
        Interrupted: it was cancelled by a signal.
    """
    return asyncio.run(_supervise(main, ending))


async def _supervise(main: Coroutine[Any, Any, T], ending: Ending | None) -> T:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(main)
    received = False
    steps = iter([ending.stop, ending.abandon] if ending else [])

    def receive() -> None:
        nonlocal received
        if ending is not None and not received:
            loop.call_later(ending.grace, ending.abandon)
        received = True
        next(steps, task.cancel)()

    for number in _SIGNALS:
        loop.add_signal_handler(number, receive)
    try:
        return await task
    except asyncio.CancelledError:
        if received:
            raise Interrupted from None
        raise
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
