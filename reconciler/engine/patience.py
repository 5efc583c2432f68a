"""Doing a step again until it is done: only steps that look before they act, so that nothing is sent blindly twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import tenacity

from reconciler.core.model.failures import PassingError, UnknownOutcome
from reconciler.engine.ports import Clock

_ATTEMPTS = 8
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 15.0

Result = TypeVar("Result")


LOOKS_FIRST = (PassingError, UnknownOutcome)
"""Repeat after these a step that looks before it acts, so that what was done unheard is not done again."""

NOTHING_SENT = (PassingError,)
"""Repeat after these a step that sends one changing call: the host refused it, or it never left."""


async def insist(
    step: Callable[[], Awaitable[Result]], clock: Clock, after: tuple[type[Exception], ...] = LOOKS_FIRST
) -> Result:
    """Run a step, again after what may pass (about 70 s in all).

    Args:
        step: by default one that reads what is there and changes only what differs.
        clock: waits between attempts.
        after: the failures after which the step may be repeated.

    Raises:
        HostError: the last failure, or the first that will not pass by itself.
    """
    attempts = tenacity.AsyncRetrying(
        sleep=clock.sleep,
        wait=tenacity.wait_exponential(multiplier=_FIRST_WAIT, max=_LONGEST_WAIT),
        stop=tenacity.stop_after_attempt(_ATTEMPTS),
        retry=tenacity.retry_if_exception_type(after),
        reraise=True,
    )

    async def attempt() -> Result:
        return await step()  # tenacity awaits only what is declared async, which a lambda is not

    return await attempts(attempt)
