"""The daemon in git mode over a simulated host; the same story is told to a real Odoo 19 in tests/e2e."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.simulator import HostSpec, SimulatedHost
from reconciler.simulator.server import Listener, listen
from tests.daemon.git_story import tell
from tests.harness.universe import ENVIRON, FLEET, MASTER, PLAN, SERVER, TEMPLATE, instance


@pytest.fixture
def host() -> Iterator[tuple[SimulatedHost, int]]:
    """A host that is served from a thread."""
    simulated = SimulatedHost(HostSpec("one", "19.0", MASTER, dbfilter="^%d$"))
    loop = asyncio.new_event_loop()
    listener: Listener = loop.run_until_complete(listen(simulated, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield simulated, listener.port
    loop.call_soon_threadsafe(listener.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


def test_a_push_a_revert_rubbish_and_a_restart(tmp_path: Path, host: tuple[SimulatedHost, int]) -> None:
    simulated, port = host
    server = SERVER.format(code="one", version="19.0").replace("http://one.invalid", f"http://127.0.0.1:{port}")
    fleet = FLEET.replace("code: demo", "code: tests")
    head = "---\n".join([fleet, server.replace("domain: example.com\n", ""), TEMPLATE.format(servers="one"), PLAN])
    documents = {"acme": instance("acme"), "beta": instance("beta")}
    tell(tmp_path, head, documents, ENVIRON, lambda: set(simulated.databases))
