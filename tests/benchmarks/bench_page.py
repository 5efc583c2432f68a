"""The page and the API of a daemon that keeps 10,000 instances: how long what people open most takes, beside its own /healthz.

The daemon is a process of its own, with its store and 20 simulated hosts. "After a decision" is the first question after one: it
draws the picture from which all others are answered until the next.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from reconciler.access.roles import Role
from tests.benchmarks.bench_daemon import HOSTS, INSTANCES, daemon, remember_all, until_quiet, write
from tests.benchmarks.rows import Row, render
from tests.benchmarks.simulated_hosts import running
from tests.cli.world import run

NAME = "page"
TIMES = 15
ASKED = (
    "/api/v1/instances?limit=50",
    "/api/v1/instances?q=9&sort=-name&limit=500",
    "/api/v1/servers",
    "/",
    "/instances",
    "/instances?in_sync=yes&sort=-code",
    "/servers?view=board",
)


def measure() -> Iterator[Row]:
    """Yield a row for each address."""
    with tempfile.TemporaryDirectory() as directory, running(HOSTS, INSTANCES) as ports:
        root, store, log = (
            Path(directory) / "fleet",
            f"sqlite:///{directory}/state.sqlite",
            Path(directory) / "daemon.log",
        )
        write(root, ports)
        remember_all(root, store)
        token = run("token", "new", "--role", Role.MANAGER.value, "--fleet", str(root), "--store", store).out.strip()
        with daemon(root, store, log, "--api", "--page"):
            until_quiet(log)
            address = f"http://{_listening(log)}"
            with httpx.Client(base_url=address, trust_env=False, timeout=60) as client:
                client.post("/login", data={"token": token})
                client.headers["Authorization"] = f"Bearer {token}"
                yield from _rows(client)


def _rows(client: httpx.Client) -> Iterator[Row]:
    least = _median(lambda: client.get("/healthz"))
    yield _row("/api/v1/instances, after a decision", _after_decisions(client), least)
    for path in ASKED:
        yield _row(path, _median(lambda path=path: client.get(path).raise_for_status()), least)  # type: ignore[misc]


def _after_decisions(client: httpx.Client) -> float:
    taken = []
    for _ in range(5):
        before = client.get("/api/v1/fleet").json()["decided_at"]
        client.post("/api/v1/reconcile", json={}).raise_for_status()
        time.sleep(8)
        began = time.perf_counter()
        after = client.get("/api/v1/instances").json()["checked_at"]
        taken.append(time.perf_counter() - began)
        assert after > before
    return statistics.median(taken)


def _median(ask: Callable[[], object]) -> float:
    taken = []
    for _ in range(TIMES):
        began = time.perf_counter()
        ask()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def _row(path: str, ours: float, least: float) -> Row:
    name = f"{path}, {HOSTS * INSTANCES:,} instances"
    return Row(name, f"{ours:.3f} s", f"{least:.3f} s (/healthz)", f"{ours / least:.1f}", "< 0.3 s")


def _listening(log: Path) -> str:
    for line in log.read_text().splitlines():
        if '"listening"' in line:
            return str(json.loads(line)["address"])
    raise AssertionError("the daemon does not listen")


if __name__ == "__main__":
    print(render(list(measure())))
