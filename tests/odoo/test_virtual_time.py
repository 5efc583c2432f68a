"""The client takes its time from the loop alone, so that a simulated day of it passes in no time."""

import asyncio
import time
from typing import Any

from reconciler.core.model.failures import HostTimeout, UnknownOutcome
from reconciler.odoo.connection import HostConnection
from tests.odoo.scripted import MASTER, TIMEOUTS, ScriptedHost, scripted


class VirtualLoop(asyncio.SelectorEventLoop):
    """Jumps to the next timer whenever nothing else is left to run."""

    _now = 0.0

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        inside: Any = self
        if not inside._ready and inside._scheduled:
            self._now = max(self._now, inside._scheduled[0].when())
        inside_run: Any = super()
        inside_run._run_once()


def _connection(host: ScriptedHost) -> HostConnection:
    return HostConnection(
        server="eu1",
        url="http://odoo.example.com",
        declared_version="19.0",
        master_password=lambda: MASTER,
        transport=host,
        timeouts=TIMEOUTS,
        sleep=asyncio.sleep,
        jitter=lambda: 0.5,
        on_call=host.events.append,
    )


def test_hours_of_waiting_and_retrying_are_exact() -> None:
    host = scripted(asyncio.Event())

    async def work() -> tuple[list[object], float]:
        connection = _connection(host)
        outcomes: list[object] = await asyncio.gather(
            connection.read("db", "list", timeout=3600),
            connection.change("db", "drop", MASTER, "acme", timeout=7200),
            return_exceptions=True,
        )
        return outcomes, asyncio.get_running_loop().time()

    began = time.monotonic()
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        outcomes, ended = runner.run(work())
    assert [type(outcome) for outcome in outcomes] == [HostTimeout, UnknownOutcome]
    assert ended == 2 * 3600 + 0.5
    assert sorted(event.seconds for event in host.events) == [3600, 3600, 7200]
    assert time.monotonic() - began < 5
