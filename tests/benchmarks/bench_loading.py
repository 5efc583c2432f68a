"""Loading and validating a fleet, against the least it could: PyYAML's C loader on the same files.

Both sides read the same files from a temporary directory; processor time counts, and the best of several runs, since nothing
but other programs can make a run slower than it must be.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from reconciler.loading.fleet_directory import load_fleet
from tests.benchmarks.rows import Row, render
from tests.benchmarks.sides import SIDE, in_turns, print_timed

NAME = "loading"
INSTANCES = 10_000
AIM = 2.0
ROUNDS = 3

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


SIDES = {"bare": parse_only, "ours": load_and_validate}


def measure(instances: int = INSTANCES) -> Iterator[Row]:
    """Compare the two."""
    with tempfile.TemporaryDirectory() as directory:
        write_fleet(Path(directory), instances)
        runs = in_turns("tests.benchmarks.bench_loading", list(SIDES), ROUNDS, directory)
    seconds = {side: min(run.cpu for run in runs[side]) for side in SIDES}
    memory = {side: min(run.megabytes for run in runs[side]) for side in SIDES}
    yield Row(
        f"load and validate {instances:,} files",
        f"{seconds['ours']:.2f} s CPU",
        f"{seconds['bare']:.2f} s CPU (C parser)",
        f"{seconds['ours'] / seconds['bare']:.2f}",
        f"<= {AIM:g}",
        f"{memory['ours']:.0f} / {memory['bare']:.0f} MB",
    )


def main(arguments: list[str]) -> None:
    """Run one side for `sides.in_child`, or print this benchmark alone."""
    if arguments[:1] == [SIDE]:
        print_timed(SIDES[arguments[1]](Path(arguments[2])))
    else:
        print(render(measure(*map(int, arguments))))


if __name__ == "__main__":
    main(sys.argv[1:])
