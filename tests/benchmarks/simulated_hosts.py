"""Many simulated hosts in one process, as `python -m tests.benchmarks.simulated_hosts HOSTS INSTANCES`.

Each has the template and its instances. The ports are printed as JSON once all hosts listen; they are served until the
process is ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator

from reconciler.simulator import HostSpec, SimulatedHost
from reconciler.simulator.server import listen

TEMPLATE = "template_base"


def host_code(host: int) -> str:
    """Name a host."""
    return f"host-{host:04}"


def instance_code(host: int, number: int) -> str:
    """Name an instance of a host, and its database."""
    return f"customer-{host:04}-{number}"


@contextlib.contextmanager
def running(hosts: int, instances: int) -> Iterator[list[int]]:
    """Serve so many hosts with so many instances each; give their ports."""
    command = [sys.executable, "-m", __name__, str(hosts), str(instances)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


async def _serve(hosts: int, instances: int) -> None:
    listeners = []
    for number in range(hosts):
        host = SimulatedHost(HostSpec(code=host_code(number)))
        for name in (TEMPLATE, *(instance_code(number, instance) for instance in range(instances))):
            host.add_database(name, watched=False)
        listeners.append(await listen(host, "127.0.0.1", 0))
    print(json.dumps([listener.port for listener in listeners]), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2])))
