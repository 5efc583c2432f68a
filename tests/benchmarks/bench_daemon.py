"""A daemon that keeps 10,000 instances: from a saved file to the first request at a host, and what it costs while idle.

The daemon is a process of its own, as an operator runs it; its own log says when it sent its first request. The bare minimum
of that is what no daemon can do without: watchfiles waking a loop that makes one request by httpx.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil
from watchfiles import awatch

from reconciler.core.model.specs import instance_digest, template_digest
from reconciler.loading.fleet_directory import load_fleet
from reconciler.store.opening import open_store
from tests.benchmarks.bench_passing import ENVIRON, FLEET, INSTANCE, SERVER
from tests.benchmarks.rows import Row, render
from tests.benchmarks.simulated_hosts import TEMPLATE, host_code, instance_code, running

NAME = "daemon"
HOSTS, INSTANCES = 20, 500
EDITS = 9
INTERVAL, WATCHED = 300, 330
"""Seconds between the passes of the daemon (the default), and for how long it is watched: one pass is in it for sure."""


def measure() -> Iterator[Row]:
    """Yield both comparisons."""
    with tempfile.TemporaryDirectory() as directory, running(HOSTS, INSTANCES) as ports:
        root, store = Path(directory) / "fleet", f"sqlite:///{directory}/state.sqlite"
        write(root, ports)
        remember_all(root, store)
        with daemon(root, store, Path(directory) / "daemon.log") as process:
            log = Path(directory) / "daemon.log"
            until_quiet(log)
            ours = [_first_request(root, log, number) for number in range(EDITS)]
            (Path(directory) / "bare").mkdir()
            bare = asyncio.run(_bare(Path(directory) / "bare", ports[0]))
            name = f"saved file to first request, {HOSTS * INSTANCES:,} instances"
            middle, least = statistics.median(ours), statistics.median(bare)
            yield Row(name, f"{middle:.3f} s", f"{least:.3f} s (watchfiles, httpx)", f"{middle / least:.1f}", "< 0.3 s")
            seconds, megabytes = _idle(process)
            share = f"{100 * seconds / WATCHED:.2f} % of a core"
            yield Row(
                f"idle daemon, {HOSTS * INSTANCES:,} instances",
                share,
                "nothing",
                "-",
                "< 1 %, < 150 MB",
                f"{megabytes:.0f} MB",
            )


def write(root: Path, ports: list[int]) -> None:
    """Write a file for each instance, as people have them."""
    servers = ", ".join(host_code(host) for host in range(len(ports)))
    (root / "instances").mkdir(parents=True)
    (root / "fleet.yaml").write_text(FLEET.format(template=TEMPLATE, servers=servers))
    for host, port in enumerate(ports):
        server = SERVER.format(code=host_code(host), port=port).replace("state:", "max_instances: 10000\nstate:")
        # No login page can be asked for at a name that does not exist.
        (root / f"{host_code(host)}.yaml").write_text(server.replace(f"domain: {host_code(host)}.example.com\n", ""))
        for number in range(INSTANCES):
            code = instance_code(host, number)
            _instance(root, code).write_text(INSTANCE.format(code=code, server=host_code(host)))


def _instance(root: Path, code: str) -> Path:
    return root / "instances" / f"{code}.yaml"


def remember_all(root: Path, url: str) -> None:
    """Write down that all databases were verified just now, as they are after the first day."""
    desired = load_fleet(root).desired
    assert desired is not None
    now = datetime.now(UTC)
    with open_store(url, desired.settings.code) as store:
        for template in desired.templates.values():
            for code in template.server_codes:
                digest = template_digest(desired, template, desired.servers[code])
                store.verified("template", template.code, code, template.template_db, digest, now)
        for instance in desired.instances.values():
            assert instance.server is not None
            digest = instance_digest(desired, instance, desired.servers[instance.server])
            store.verified("instance", instance.code, instance.server, instance.database_name, digest, now)


@contextlib.contextmanager
def daemon(root: Path, store: str, log: Path, *more: str) -> Iterator[psutil.Process]:
    """Run a daemon as a process of its own, with its whole log in a file."""
    command = [sys.executable, "-m", "reconciler", "daemon", "--fleet", str(root), "--store", store]
    command += [
        "--interval",
        str(INTERVAL),
        "--listen",
        "127.0.0.1:0",
        "--log-level",
        "debug",
        "--log-format",
        "json",
        *more,
    ]
    with log.open("wb") as stream:
        process = subprocess.Popen(command, env={**os.environ, **ENVIRON}, stderr=stream)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def _lines(log: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def until_quiet(log: Path) -> None:
    """Wait until nothing was logged for five seconds after the first looks."""
    seen = -1
    while not (seen > HOSTS and seen == len(_lines(log))):
        seen = len(_lines(log))
        time.sleep(5)


def _first_request(root: Path, log: Path, number: int) -> float:
    """Save a file; return the seconds until a request that follows from it was sent."""
    code = instance_code(number % HOSTS, number)
    file = _instance(root, code)
    before = len(_lines(log))
    text = file.read_text() + f"company: Company {number}\n"
    saved = time.time()
    file.write_text(text)
    while not (calls := [line for line in _lines(log)[before:] if line["event"] == "call"]):
        time.sleep(0.05)
    sent = datetime.fromisoformat(str(calls[0]["at"])).timestamp() - float(str(calls[0]["seconds"]))
    time.sleep(3)  # until what follows from it is over
    return sent - saved


async def _bare(directory: Path, port: int) -> list[float]:
    took: list[float] = []
    call = {
        "jsonrpc": "2.0",
        "method": "call",
        "id": 1,
        "params": {"service": "common", "method": "version", "args": []},
    }
    async with httpx.AsyncClient() as client:
        for number in range(EDITS):
            watching = awatch(directory, step=20)
            waiting = asyncio.ensure_future(anext(watching))
            await asyncio.sleep(0.5)
            saved = time.time()
            await asyncio.to_thread((directory / f"{number}.yaml").write_text, "code: x\n")
            await waiting
            took.append(time.time() - saved)
            await client.post(f"http://127.0.0.1:{port}/jsonrpc", json=call)
            await watching.aclose()
    return took


def _idle(process: psutil.Process) -> tuple[float, float]:
    """Return seconds of processor time and the resident megabytes after watching it do nothing but its timer."""
    before = process.cpu_times()
    time.sleep(WATCHED)
    after = process.cpu_times()
    return after.user - before.user + after.system - before.system, process.memory_info().rss / 1e6


if __name__ == "__main__":
    print(render(measure()))
