"""Serving many hosts from one process, until cancelled or told to stop by SIGTERM or SIGINT.

Nothing that is printed or logged here holds a password.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING

from .host import SimulatedHost
from .host_specs import HostSpec
from .server import listen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .faults import FaultSpec


class CannotServe(Exception):
    """The machine does not let a host be served."""


@contextlib.contextmanager
def _saying(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # asyncio puts much else into the message.
        raise CannotServe(f"{what}: {os.strerror(error.errno).lower() if error.errno else error}") from error


async def serve(
    hosts: Sequence[tuple[HostSpec, str, int]],
    *,
    ready: Callable[[Sequence[SimulatedHost]], None] = lambda _hosts: None,
    faults: Sequence[FaultSpec] = (),
) -> None:
    """Serve hosts at their addresses.

    Args:
        hosts: what each host is, the address and the port at which it listens.
        ready: called once all of them listen.
        faults: ordered on every host whose code they name.

    Raises:
        CannotServe: one of them cannot keep its databases or listen; the message says which and why.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
        # What a shell runs in the background ignores Ctrl-C: that ends what runs before it, which may still need the hosts.
        heeded = (each for each in (signal.SIGTERM, signal.SIGINT) if signal.getsignal(each) is not signal.SIG_IGN)
        for number in heeded:
            loop.add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        running = []
        for spec, address, port in hosts:
            with _saying(f"the databases of {spec.code} cannot be kept in {spec.data_dir}"):
                host = SimulatedHost(spec)
            for fault in faults:
                host.faults.add(fault)
            with _saying(f"{spec.code} cannot be served at {address}:{port}"):
                server = await listen(host, address, port)
            stack.callback(server.close)
            running.append(host)
        ready(running)
        await stop.wait()
