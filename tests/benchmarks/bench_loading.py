"""How long loading and validating a large fleet takes, against the least it could: PyYAML's C loader on the same files.

Run with `python -m tests.benchmarks.bench_loading [INSTANCES]`. Both sides read the same files from a temporary
directory, each in processes of its own, and the best of several runs counts. The aim is a ratio of at most 2.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from reconciler.loading.fleet_directory import load_fleet

AIM = 2.0
RUNS = 3

FLEET = """\
kind: fleet
format: 1
code: bench
secret_key: {env: ODOO_FLEET_KEY}
defaults:
  instance: {timezone: Europe/Brussels}
---
kind: template
code: restaurant
servers: [prod-0, prod-1, prod-2, prod-3]
---
kind: plan
code: starter
max_users: 5
"""

SERVER = """\
kind: server
code: prod-{number}
server_url: https://odoo-{number}.example.com
odoo_version: "19.0"
domain: example.com
master_password: {{env: PROD_MASTER_PASSWORD}}
max_instances: 1000000
state: active
"""

INSTANCE = """\
kind: instance
code: customer-{number:05}
template: restaurant
plan: starter
name: Customer number {number}
server: prod-{server}
state: active
lang: fr_BE
country_code: BE
modules: [contacts, project]
parameters: {{"mail.catchall.alias": "c{number}"}}
labels: {{region: eu, tier: gold}}
"""


def write_fleet(root: Path, instances: int) -> None:
    """Write a fleet of that many instance files, a hundred in each directory."""
    (root / "fleet.yaml").write_text(FLEET)
    for number in range(4):
        (root / f"prod-{number}.yaml").write_text(SERVER.format(number=number))
    for number in range(instances):
        directory = root / "instances" / f"{number // 100:03}"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"customer-{number:05}.yaml").write_text(INSTANCE.format(number=number, server=number % 4))


def parse_only(root: Path) -> Callable[[], None]:
    """Prepare the least that could be done: let PyYAML's C parser make plain data of bytes already read."""
    contents = [path.read_bytes() for path in root.rglob("*.yaml")]

    def run() -> None:
        for content in contents:
            list(yaml.load_all(content, yaml.CSafeLoader))

    return run


def load_and_validate(root: Path) -> Callable[[], None]:
    """Prepare what `odoo-fleet validate` does: find, read, parse, validate, check all rules."""

    def run() -> None:
        loaded = load_fleet(root)
        assert loaded.desired is not None, loaded.diagnostics[:3]

    return run


SIDES = {"parse": parse_only, "load": load_and_validate}


def measure(side: str, root: Path) -> tuple[float, float]:
    """Run one side in a process of its own; return its seconds of processor time and its peak memory in MB."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_loading", "--side", side, str(root)]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return answer["seconds"], answer["megabytes"]


def run_side(side: str, root: Path) -> None:
    """Time one side in this process and print the result as JSON."""
    run = SIDES[side](root)
    start = time.process_time()
    run()
    seconds = time.process_time() - start
    print(json.dumps({"seconds": seconds, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def main(arguments: list[str]) -> int:
    """Print the ratio; return 1 if it misses the aim."""
    if arguments[:1] == ["--side"]:
        run_side(arguments[1], Path(arguments[2]))
        return 0
    instances = int(arguments[0]) if arguments else 10_000
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        write_fleet(root, instances)
        results: dict[str, list[tuple[float, float]]] = {side: [] for side in SIDES}
        for _ in range(RUNS):
            # The sides take turns, so that a busy machine slows both.
            for side, runs in results.items():
                runs.append(measure(side, root))
    seconds = {side: min(run[0] for run in runs) for side, runs in results.items()}
    megabytes = {side: min(run[1] for run in runs) for side, runs in results.items()}
    ratio = seconds["load"] / seconds["parse"]
    print(f"{instances} instance files")
    print(f"  PyYAML's C parser alone   {seconds['parse']:6.2f} s  {megabytes['parse']:6.0f} MB peak")
    print(f"  load and validate         {seconds['load']:6.2f} s  {megabytes['load']:6.0f} MB peak")
    print(f"  ratio                     {ratio:6.2f}    (aim: at most {AIM:g})")
    return 0 if ratio <= AIM else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
