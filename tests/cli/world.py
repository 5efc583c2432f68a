"""A small fleet on simulated hosts at loopback addresses, and a way to run commands on it as a shell would."""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reconciler.__main__ import main
from reconciler.simulator import HostSpec, SimulatedHost
from reconciler.simulator.server import Listener, listen

KEY = "0123456789abcdef0123456789abcdef"
MASTER = "the-master-password"
ENVIRONMENT = {"ODOO_FLEET_KEY": KEY, "MASTER_PASSWORD": MASTER, "COLUMNS": "80"}

FLEET = """\
kind: fleet
format: 1
code: test
secret_key: {env: ODOO_FLEET_KEY}
---
kind: plan
code: starter
name: Starter
max_users: 5
---
kind: template
code: restaurant
servers: [prod-1, prod-2]
country_code: BE
"""
SERVER = """\
kind: server
code: {code}
name: Server {number}
server_url: http://127.0.0.1:{port}
odoo_version: "19.0"
domain: example.com
master_password: {{env: MASTER_PASSWORD}}
max_instances: 10
state: active
"""
INSTANCES = """\
kind: instance
code: acme
template: restaurant
plan: starter
server: prod-1
company: Acme SA
labels: {tier: gold}
---
kind: instance
code: bistro
template: restaurant
plan: starter
---
kind: instance
code: cafe
template: restaurant
plan: starter
server: prod-2
state: suspended
"""


MATCHES = "No changes. 3 instances, 1 template on 2 servers match; 5 databases verified 0 s ago at most.\n"
"""What a plan of the converged fleet says, without times."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that ended."""

    code: int
    out: str
    err: str


@dataclass(slots=True)
class World:
    """A fleet's directory and its hosts."""

    root: Path
    hosts: dict[str, SimulatedHost]
    store: str = "none"

    @property
    def fleet(self) -> Path:
        return self.root / "fleet"

    def write(self, file: str, text: str) -> None:
        (self.fleet / file).write_text(text)

    def replace(self, file: str, old: str, new: str) -> None:
        text = (self.fleet / file).read_text()
        assert old in text
        self.write(file, text.replace(old, new))

    def run(self, *words: str) -> Ran:
        """Run a command on the fleet; with the world's store where it takes one."""
        with_store = {
            "backup",
            "plan",
            "apply",
            "status",
            "check",
            "place",
            "drain",
            "rebalance",
            "pause",
            "resume",
            "events",
            "history",
            "forget",
            "import",
            "render",
            "token",
            "support",
            "first-password",
        }
        store = ["--store", self.store] if words[0] in with_store and "--store" not in words else []
        return run(*words, "--fleet", str(self.fleet), *store)


def run(*words: str) -> Ran:
    """Run a command in this process, as far as possible as a shell would."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    return Ran(code, out.getvalue(), err.getvalue())


def without_times(text: str) -> str:
    """Replace what differs from run to run: durations, times of day, the nonces of building names."""
    text = re.sub(r"\d+\.\d s", "0.0 s", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "(time)", text)
    text = re.sub(r"verified\s+\d+\s+(s|min)\s+ago\s+at\s+most", "verified 0 s ago at most", text)
    return re.sub(r"building-\d{12}[a-z0-9]{5}", "building-(nonce)", text)


@contextlib.contextmanager
def serving(root: Path, codes: tuple[str, ...] = ("prod-1", "prod-2")) -> Iterator[World]:
    """Write the fleet and serve its hosts from a thread."""
    hosts = {code: SimulatedHost(HostSpec(code, master_password=MASTER, dbfilter="^%d$")) for code in codes}
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def listen_all() -> list[Listener]:
        return [await listen(host, "127.0.0.1", 0) for host in hosts.values()]

    async def close(listeners: list[Listener]) -> None:
        for listener, host in zip(listeners, hosts.values(), strict=True):
            listener.close()
            host.kill()  # what hangs there ends with it
        if others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others, timeout=2)

    servers = asyncio.run_coroutine_threadsafe(listen_all(), loop).result()
    try:
        world = World(root, hosts)
        world.fleet.mkdir()
        world.write("fleet.yaml", FLEET)
        world.write("instances.yaml", INSTANCES)
        for number, (code, server) in enumerate(zip(codes, servers, strict=True), start=1):
            port = server.port
            world.write(f"{code}.yaml", SERVER.format(code=code, number=number, port=port))
        yield world
    finally:
        asyncio.run_coroutine_threadsafe(close(servers), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
