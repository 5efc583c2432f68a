"""Looking whether an operation was done whose answer was lost: it goes on on the host whoever gave up waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from reconciler.core.model.failures import (
    CutOff,
    HalfMadeDatabase,
    NoSuchDatabase,
    PassingError,
    PasswordRefused,
    ProofFailed,
    UnknownOutcome,
)
from reconciler.engine.ports import Clock, Database, Host

_POLL_SECONDS = 2.0
_NO_TRACE_POLLS = 15
_SECONDS_AFTER_A_CUT = 60.0
_WORKERS_REACHED = 8


async def wait_until_done(
    host: Host, clock: Clock, name: str, lost: UnknownOutcome, limit: float, done: Callable[[], Awaitable[bool]]
) -> None:
    """Look until what makes a database has ended.

    Args:
        host: where it is made.
        clock: waits between looks.
        name: the database that is made.
        lost: what became of the answer; where the host seems to be gone, it is not waited for as long as where it may be slow.
        limit: seconds that it may take.
        done: tells whether it is whole, once the host lists it.

    Raises:
        ProofFailed: the host shows no trace of it.
        UnknownOutcome: it did not end within its limit.
    """
    deadline = clock.monotonic() + (min(limit, _SECONDS_AFTER_A_CUT) if isinstance(lost, CutOff) else limit)
    no_trace = 0
    while clock.monotonic() < deadline:
        await clock.sleep(_POLL_SECONDS)
        try:
            no_trace = 0 if name in await host.listed() else no_trace + 1
            if no_trace >= _NO_TRACE_POLLS:
                what = "no answer came, and the host shows no trace of it"
                raise ProofFailed(what, server=host.server, database=name)
            if not no_trace and await done():
                return
        except (PassingError, NoSuchDatabase, HalfMadeDatabase, PasswordRefused):
            continue
    what = "no answer came, and it was not complete within its limit"
    raise UnknownOutcome(what, server=host.server, database=name)


async def refresh_workers(database: Database) -> None:
    """Let workers drop the half-made models that they have in memory from being asked while a database was made.

    Such a worker logs nobody in (19) until a call to a model makes it look again; several at once reach them all.
    """
    await asyncio.gather(*(database.identity() for _ in range(_WORKERS_REACHED)), return_exceptions=True)
