"""One shallow pass over many hosts, against a bare httpx loop that makes the same two calls to each, all at once.

The hosts are simulated, all in one other process. A pass is what `plan --shallow` does once the fleet is loaded: open
connections, ask, compare with the text, close. The bare loop is what one would write by hand: one client, a task a host. httpx
looks through all connections of a client at each request, so that a client for each host is quicker: the second row.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import ssl
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx

from reconciler.core.deciding import Limits
from reconciler.core.depths import Depth
from reconciler.core.model.specs import instance_spec, template_spec
from reconciler.engine.reconcile import plan
from reconciler.fleet.desired import Desired
from reconciler.loading.fleet_directory import load_fleet
from reconciler.store.forgetful import NoMemory
from reconciler.wiring import Reach, open_world
from tests.benchmarks.rows import Row, render
from tests.benchmarks.sides import SIDE, Run, in_turns, median_ratio, print_timed
from tests.benchmarks.simulated_hosts import TEMPLATE, host_code, instance_code, running

NAME = "pass"
HOSTS = 1000
INSTANCES = 10
AIM = 1.15
ROUNDS = 5
ENVIRON = {"KEY": "k" * 40, "MASTER": "admin"}

FLEET = """\
kind: fleet
format: 1
code: bench
secret_key: {{env: KEY}}
---
kind: plan
code: starter
---
kind: template
code: base
template_db: {template}
servers: [{servers}]
"""

SERVER = """\
kind: server
code: {code}
server_url: http://127.0.0.1:{port}
odoo_version: "19.0"
domain: {code}.example.com
master_password: {{env: MASTER}}
state: active
"""

INSTANCE = """\
---
kind: instance
code: {code}
template: base
plan: starter
server: {server}
"""


def write_fleet(root: Path, ports: list[int], instances: int) -> None:
    """Write a fleet of all hosts, a file a server with its instances."""
    servers = ", ".join(host_code(host) for host in range(len(ports)))
    (root / "fleet.yaml").write_text(FLEET.format(template=TEMPLATE, servers=servers))
    for host, port in enumerate(ports):
        server = host_code(host)
        documents = [SERVER.format(code=server, port=port)]
        documents += [INSTANCE.format(code=instance_code(host, n), server=server) for n in range(instances)]
        (root / f"{server}.yaml").write_text("".join(documents))
    (root / "ports.json").write_text(json.dumps(ports))


def shallow_pass(root: Path) -> Callable[[], None]:
    """Prepare a pass that finds nothing to do: everything was verified before."""
    desired = load_fleet(root).desired
    assert desired is not None
    memory = _all_verified(desired)

    async def look() -> None:
        async with open_world(desired, Reach(root, ENVIRON), memory, lambda _event: None) as world:
            planned = await plan(desired, world, Limits(depth=Depth(shallow=True)))
        assert all(host.online for host in planned.observed.hosts.values())
        assert planned.changeset.is_converged, (planned.changeset.actions[:3], planned.changeset.blocked[:3])

    return lambda: asyncio.run(look())


def bare_loop(root: Path) -> Callable[[], None]:
    """Prepare the same calls by one client of httpx."""
    ports = json.loads((root / "ports.json").read_text())

    async def loop() -> None:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(limits=limits, timeout=60) as client, asyncio.TaskGroup() as group:
            for port in ports:
                group.create_task(_ask(client, port))

    return lambda: asyncio.run(loop())


def bare_loop_of_clients(root: Path) -> Callable[[], None]:
    """Prepare the same calls by a client for each host, which share what is dear to make."""
    ports = json.loads((root / "ports.json").read_text())

    async def ask(context: ssl.SSLContext, port: int) -> None:
        async with httpx.AsyncClient(verify=context, timeout=60) as client:
            await _ask(client, port)

    async def loop() -> None:
        context = ssl.create_default_context()
        async with asyncio.TaskGroup() as group:
            for port in ports:
                group.create_task(ask(context, port))

    return lambda: asyncio.run(loop())


async def _ask(client: httpx.AsyncClient, port: int) -> None:
    for number, (service, method) in enumerate([("common", "version"), ("db", "list")], 1):
        params = {"service": service, "method": method, "args": []}
        call = {"jsonrpc": "2.0", "method": "call", "id": number, "params": params}
        answer = await client.post(f"http://127.0.0.1:{port}/jsonrpc", json=call)
        assert answer.json()["result"]


SIDES = {"one client": bare_loop, "a client a host": bare_loop_of_clients, "ours": shallow_pass}


def measure(hosts: int = HOSTS, instances: int = INSTANCES, rounds: int = ROUNDS) -> Iterator[Row]:
    """Compare the two."""
    with tempfile.TemporaryDirectory() as directory, running(hosts, instances) as ports:
        write_fleet(Path(directory), ports, instances)
        runs = in_turns("tests.benchmarks.bench_passing", list(SIDES), rounds, directory)
    for side in ("one client", "a client a host"):
        yield _row(f"shallow pass, {hosts:,} hosts, {hosts * instances:,} instances", runs["ours"], runs[side], side)


def _row(name: str, ours: list[Run], bare: list[Run], what: str) -> Row:
    seconds = [statistics.median(run.seconds for run in side) for side in (ours, bare)]
    cpu = [statistics.median(run.cpu for run in side) for side in (ours, bare)]
    return Row(
        name,
        f"{seconds[0]:.2f} s ({cpu[0]:.2f} s CPU)",
        f"{seconds[1]:.2f} s ({cpu[1]:.2f} s CPU, {what})",
        f"{median_ratio([run.seconds for run in ours], [run.seconds for run in bare]):.2f}",
        f"<= {AIM:g}",
        f"{max(run.megabytes for run in ours):.0f} / {max(run.megabytes for run in bare):.0f} MB",
    )


def _all_verified(desired: Desired) -> NoMemory:
    memory, now = NoMemory(), datetime.now(UTC)
    for spec in itertools.chain(
        (template_spec(desired, t, desired.servers[s]) for t in desired.templates.values() for s in t.server_codes),
        (instance_spec(desired, i, desired.servers[i.server]) for i in desired.instances.values() if i.server),
    ):
        memory.verified(spec.kind, spec.code, spec.server, spec.target, spec.digest(), now)
    return memory


def main(arguments: list[str]) -> None:
    """Run one side for `sides.in_child`, or print this benchmark alone: [HOSTS [INSTANCES [ROUNDS]]]."""
    if arguments[:1] == [SIDE]:
        print_timed(SIDES[arguments[1]](Path(arguments[2])))
    else:
        print(render(measure(*map(int, arguments))))


if __name__ == "__main__":
    main(sys.argv[1:])
