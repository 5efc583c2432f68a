"""How one call is made: put on the wire, sent, limited in time, decoded, named when it fails, and reported.

The line that this module draws: a changing call whose answer is not Odoo's own is `UnknownOutcome`, however it was lost;
only what certainly never left is a plain failure. Reading calls are tried again, changing calls never. No event and no
failure holds an argument, and failures are raised without the exceptions under them, which may.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, BinaryIO, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt
from tenacity.stop import stop_base

from reconciler.core.model.failures import (
    ConnectionCut,
    CutOff,
    DatabaseServerDown,
    HostError,
    HostTimeout,
    PassingError,
    UnknownOutcome,
)
from reconciler.fleet.secrets import SecretUnavailable
from reconciler.notices.events import CallEvent
from reconciler.odoo import errors, versions
from reconciler.odoo.cleaning import one_line
from reconciler.odoo.protocol import (
    LOOK,
    Answer,
    Call,
    Door,
    Fault,
    NoAnswer,
    Request,
    Timeout,
    Transport,
    decode,
    encode,
)
from reconciler.odoo.versions import Version
from schemas.secrets import Secret

_T = TypeVar("_T")
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 8.0


@dataclass(slots=True)
class _Known:
    """What may be struck out of an answer: all that this host was sent, and its master password before it was sent."""

    master_password: Callable[[], Secret]
    sent: set[str] = field(default_factory=set)

    def __iter__(self) -> Iterator[str]:
        yield from self.sent
        with contextlib.suppress(SecretUnavailable):  # where it is not known, it cannot be told either
            yield self.master_password().reveal()


class Exchange:
    """Makes calls to one host. `series` chooses the door and may be corrected at any time; `clock` is what the host last said.

    A host may say in one answer what another call told it, so all that it knows is struck out of whatever it says.
    """

    def __init__(
        self,
        *,
        server: str,
        url: str,
        series: Version | None,
        transport: Transport,
        master_password: Callable[[], Secret],
        connect_timeout: float,
        sleep: Callable[[float], Awaitable[None]],
        jitter: Callable[[], float],
        on_call: Callable[[CallEvent], None] | None,
    ) -> None:
        self.server = server
        self.url = url.rstrip("/")
        self.series = series
        self.clock: datetime | None = None
        self._transport = transport
        self._connect_timeout = connect_timeout
        self._sleep = sleep
        self._jitter = jitter
        self._on_call = on_call
        self._known = _Known(master_password)
        self._numbers = itertools.count(1)

    async def read(self, call: Call, *, limit: float, attempts: int) -> Any:
        """Make a call that changes nothing; what may pass is tried again, with growing and scattered pauses.

        After a silence that lasted the whole limit once at most: a host that hangs goes on with that for longer than we wait.
        """
        patience = AsyncRetrying(
            retry=retry_if_exception_type(PassingError),
            stop=stop_after_attempt(attempts) | _SilentAgain(),
            wait=self._pause,
            sleep=self._sleep,
            reraise=True,
        )
        return await patience(self._read_once, call, limit)

    async def change(self, call: Call, *, limit: float) -> Any:
        """Make a call that changes something: once, on a connection of its own."""
        try:
            return await self._reported(call, limit, changes=True)
        except (ConnectionCut, DatabaseServerDown) as cut:
            # Odoo's own word, but the loss may have come after the commit: the registry signals its changes then, over the
            # same PostgreSQL (19, service/model.py `retrying`).
            raise self._failed(call, UnknownOutcome, cut.what, LOOK) from None

    async def fetch(
        self, call: Call, request: Request, *, into: BinaryIO | None, limit: float, changes: bool = False
    ) -> Answer:
        """Send a request of another form than a call's, once.

        Args:
            call: what it is, for reports and messages.
            request: what is sent.
            into: takes the whole body of the answer, which has the beginning of it then.
            limit: seconds until all of it must be there.
            changes: whether it changes something, so that a lost answer is `UnknownOutcome`.
        """
        return await self._told(call, lambda: self._sent(call, request, limit, into), changes=changes)

    async def fetch_value(self, call: Call, *, into: BinaryIO, limit: float) -> None:
        """Make a call that changes nothing, once, and write its answer into a file; raises as `read` where it is none."""
        door, number = versions.door(self.series), next(self._numbers)

        async def fetch() -> None:
            request = encode(call, door, base=self.url, number=number, fresh=True)
            answer = await self._sent(call, request, limit, into)
            if into.tell() <= len(answer.body):  # so short that it may be anything, an error above all
                decode(answer, door, number=number, secrets=self._known)

        await self._told(call, fetch, changes=False)

    async def _sent(self, call: Call, request: Request, limit: float, into: BinaryIO | None) -> Answer:
        self._known.sent.update(call.secrets)
        try:
            async with asyncio.timeout(limit):
                return await self._transport.send(request, timeout=Timeout(self._connect_timeout, limit), into=into)
        except TimeoutError:
            raise NoAnswer(HostTimeout, f"no whole answer within {limit:g} s") from None

    def clean(self, text: str) -> str:
        """Make one printable line of what the host says, without the secrets that it knows."""
        return one_line(text, self._known)

    async def _read_once(self, call: Call, limit: float) -> object:
        return await self._reported(call, limit, changes=False)

    async def _reported(self, call: Call, limit: float, *, changes: bool) -> object:
        return await self._told(call, lambda: self._answer(call, limit, fresh=changes), changes=changes)

    async def _told(self, call: Call, attempt: Callable[[], Awaitable[_T]], *, changes: bool) -> _T:
        """Make one attempt and tell `on_call` how it ended, also when it is cancelled."""
        clock = asyncio.get_running_loop().time
        start, error = clock(), ""
        try:
            return await self._attempt(call, attempt, changes=changes)
        except BaseException as problem:
            error = type(problem).__name__
            raise
        finally:
            if self._on_call is not None:
                seconds = clock() - start
                place = (call.service, call.method, call.operation, call.database)
                self._on_call(CallEvent(self.server, *place, changes=changes, seconds=seconds, error=error))

    async def _attempt(self, call: Call, attempt: Callable[[], Awaitable[_T]], *, changes: bool) -> _T:
        try:
            return await attempt()
        except Fault as fault:
            raise errors.failure(fault, call, server=self.server) from None
        except NoAnswer as lost:
            what = f"{call.operation}: {lost.what}"
            if changes and lost.sent:
                raise self._failed(call, CutOff if lost.cut else UnknownOutcome, what, LOOK) from None
            raise self._failed(call, lost.failure, what, lost.advice) from None

    async def _answer(self, call: Call, limit: float, *, fresh: bool) -> object:
        number = next(self._numbers)
        door = Door.JSON if call.service == "web" else versions.door(self.series)
        request = encode(call, door, base=self.url, number=number, fresh=fresh)
        answer = await self._sent(call, request, limit, None)
        self.clock = _clock_of(answer)
        return decode(answer, door, number=number, secrets=self._known)

    def _failed(self, call: Call, kind: type[HostError], what: str, advice: str) -> HostError:
        return kind(what, server=self.server, database=call.database, advice=advice)

    def _pause(self, state: RetryCallState) -> float:
        """Double the pause each time, and scatter it so that hosts which failed together are not asked together."""
        pause: float = min(_FIRST_PAUSE * 2 ** (state.attempt_number - 1), _LONGEST_PAUSE)
        return pause * (0.5 + self._jitter())


def _clock_of(answer: Answer) -> datetime | None:
    """Read when an answer was sent, by the clock of whoever sent it."""
    try:
        said = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return None
    return said if said.tzinfo is not None else said.replace(tzinfo=UTC)


class _SilentAgain(stop_base):
    """Stops after the second silence."""

    def __call__(self, retry_state: RetryCallState) -> bool:
        is_silent = retry_state.outcome is not None and isinstance(retry_state.outcome.exception(), HostTimeout)
        return is_silent and retry_state.attempt_number > 1
