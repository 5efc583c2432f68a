"""Simulated hosts on real sockets: an event loop in a thread of its own, and a host for each that is asked for.

The contract's client comes in by the socket like everybody. Only what lies under a host (a left-over folder, another
role's database) is put there through the simulator's objects, in its own thread.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TypeVar

from reconciler.simulator import Code, HostSpec, SimulatedHost, serve
from tests.hosts.programs import free_port

_T = TypeVar("_T")
_START_PATIENCE = 10.0


class SimulatedHosts:
    """The simulated hosts of a session."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="simulated hosts", daemon=True)
        self._thread.start()
        self._serving: list[Future[None]] = []

    def start(self, spec: HostSpec) -> "ServedHost":
        """Serve a host until the session ends."""
        ready: Future[Sequence[SimulatedHost]] = Future()
        port = free_port()
        serving = serve([(spec, "127.0.0.1", port)], ready=ready.set_result)
        self._serving.append(asyncio.run_coroutine_threadsafe(serving, self._loop))
        (host,) = ready.result(_START_PATIENCE)
        return ServedHost(self, host, f"http://127.0.0.1:{port}")

    def within(self, work: Callable[[], _T]) -> _T:
        """Do something in the thread of the hosts, between two of their steps."""

        async def step() -> _T:
            return work()

        return asyncio.run_coroutine_threadsafe(step(), self._loop).result(_START_PATIENCE)

    def close(self) -> None:
        """End all of them."""
        for serving in self._serving:
            serving.cancel()
        asyncio.run_coroutine_threadsafe(_settle(), self._loop).result(_START_PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_START_PATIENCE)
        self._loop.close()


class ServedHost:
    """One of them, and the ground that it stands on."""

    def __init__(self, hosts: SimulatedHosts, host: SimulatedHost, url: str) -> None:
        self._hosts = hosts
        self._host = host
        self.url = url

    def make_stale_filestore(self, database: str) -> None:
        """Leave a folder with one file in it under a name that no database bears."""
        self._hosts.within(lambda: self._host.filestore.update({database: {"left-over": 1}}))

    def make_foreign_database(self, database: str) -> None:
        """Make a database that belongs to another role."""
        self._hosts.within(lambda: self._host.add_database(database, owner="somebody-else"))

    def give_second_factor(self, database: str) -> None:
        """Have its admin account log in with a second factor."""
        self._hosts.within(lambda: self._host.databases[database].update("res.users", 2, {"totp_enabled": True}))

    def give_key(self, database: str, key: str) -> None:
        """Give its admin account an API key."""
        row = {"name": "given", "user_id": 2, "key": key}
        self._hosts.within(lambda: self._host.databases[database].insert("res.users.apikeys", row))

    def drop(self, database: str) -> None:
        """Remove the database and its files, if there are any."""
        self._hosts.within(lambda: self._host.databases.pop(database, None))
        self._hosts.within(lambda: self._host.filestore.pop(database, None))

    def deploy_field(self, module: str, version: str, column: str = "", failure: str = "") -> None:
        """Let it run code of a module of this version, which has a column, and a script that fails with these words."""
        self._hosts.within(lambda: self._host.deploy(module, Code(version, column, failure)))
        self.kill()
        self.start()

    def remove_module(self, module: str) -> None:
        """Take the code of a module from its disk."""
        self._hosts.within(lambda: self._host.deployed.pop(module, None))
        self.kill()
        self.start()

    def kill(self) -> None:
        """End the host in the middle of whatever it does."""
        self._hosts.within(self._host.kill)

    def start(self) -> None:
        """Let it serve again."""
        self._hosts.within(self._host.start)


async def _settle() -> None:
    """Wait until everything that was cancelled has ended."""
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
