"""What an edit costs a daemon that keeps 10,000 instances before it may act, and what it holds in memory all the while.

An edit: one file of the fleet was written; the bare minimum is to find it by the status of all files and to parse it. A pass:
all is as declared and remembered; the bare minimum is to compare each remembered name with what its host lists. Processor time
counts. Memory is the peak of a process that holds all that the daemon imports, the fleet, and a pass over it; beside it that of
the imports alone.
"""

from __future__ import annotations

import importlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import yaml

from reconciler.core.deciding import Limits, decide
from reconciler.core.depths import Depth, targets
from reconciler.core.model.inventory import Entry, Inventory
from reconciler.core.model.observed import Observed, host
from reconciler.core.model.selection import EVERYTHING
from reconciler.core.model.specs import instance_digest, template_digest
from reconciler.fleet.desired import Desired
from reconciler.loading.incremental import FleetReader
from tests.benchmarks import bench_loading
from tests.benchmarks.rows import Row, render
from tests.benchmarks.sides import SIDE, Run, in_turns, median_ratio, print_timed

NAME = "daemon-loading"
INSTANCES = 10_000
SERVERS = 20
ROUNDS = 5
DAEMON = (
    "reconciler.cli.daemon_run",
    "reconciler.daemon.daemon",
    "reconciler.store.sql_store",
    "reconciler.store.sqlite_file",
    "reconciler.web.app",
    "reconciler.web.serving",
    "sqlalchemy.dialects.sqlite",
)
EDITED = "instances/000/customer-00007.yaml"


def write_fleet(root: Path) -> None:
    """Write a fleet of 10,000 instance files on 20 servers."""
    servers = ", ".join(f"prod-{number}" for number in range(SERVERS))
    text = bench_loading.FLEET.replace("prod-0, prod-1, prod-2, prod-3", servers)
    (root / "fleet.yaml").write_text(text)
    for number in range(SERVERS):
        (root / f"prod-{number}.yaml").write_text(bench_loading.SERVER.format(number=number))
    for number in range(INSTANCES):
        path = root / "instances" / f"{number // 100:03}" / f"customer-{number:05}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(bench_loading.INSTANCE.format(number=number, server=number % SERVERS))


def read_an_edit(root: Path) -> Callable[[], None]:
    """Prepare what the daemon does when it is told that something changed, up to a new desired state and its digest."""
    found = _daemon_that_read(root)
    desired = _desired(found)
    assert desired.digest
    _edit(root)

    def run() -> None:
        again = _desired(found)
        assert again.digest != desired.digest
        assert found.counts.files_parsed == 1

    return run


def read_nothing(root: Path) -> Callable[[], None]:
    """Prepare a look that finds nothing changed."""
    found = _daemon_that_read(root)
    loaded = found.read()

    def run() -> None:
        assert found.read() is loaded

    return run


def find_and_parse(root: Path) -> Callable[[], None]:
    """Prepare the least: the status of all files as before but one, and that one parsed."""
    before = _statuses(str(root))
    _edit(root)

    def run() -> None:
        changed = [path for path, status in _statuses(str(root)).items() if before[path] != status]
        assert [yaml.load(Path(path).read_bytes(), yaml.CSafeLoader) for path in changed]

    return run


def find_nothing(root: Path) -> Callable[[], None]:
    """Prepare the least: the status of all files, as before."""
    before = _statuses(str(root))

    def run() -> None:
        assert _statuses(str(root)) == before

    return run


def decide_nothing(root: Path) -> Callable[[], None]:
    """Prepare a pass in which everything is as declared, once the hosts have answered: what to look at, what to do."""
    desired = _desired(_daemon_that_read(root))
    now = datetime.now(UTC)
    listed, inventory = _converged(desired, now)

    def run() -> None:
        observed = Observed({code: host(code, names, version="19.0") for code, names in listed.items()})
        assert not targets(desired, observed, inventory, now, Depth(), EVERYTHING)
        assert decide(desired, observed, inventory, now, Limits()).changeset.is_converged

    run()  # a daemon has worked out what its databases should be when it looked at them
    return run


def compare_names(root: Path) -> Callable[[], None]:
    """Prepare the least: each remembered database is listed where it was."""
    listed, inventory = _converged(_desired(FleetReader(root)), datetime.now(UTC))

    def run() -> None:
        names = {code: frozenset(each) for code, each in listed.items()}
        assert all(entry.target in names[entry.server] for entry in inventory.entries.values())

    return run


def import_only(root: Path) -> Callable[[], None]:
    """Prepare nothing but what a daemon imports."""
    del root
    _import_daemon()
    return lambda: None


SIDES = {
    "edit": read_an_edit,
    "bare edit": find_and_parse,
    "nothing": read_nothing,
    "bare nothing": find_nothing,
    "pass": decide_nothing,
    "bare pass": compare_names,
    "imports": import_only,
}


def measure() -> Iterator[Row]:
    """Compare each with its least, and the memory of a pass with that of the imports."""
    with tempfile.TemporaryDirectory() as directory:
        write_fleet(Path(directory))
        runs = in_turns("tests.benchmarks.bench_daemon_loading", list(SIDES), ROUNDS, directory)
    yield _row(f"an edit of one of {INSTANCES:,} files", runs, "edit", "stat, parse one", "< 150 ms")
    yield _row(f"a look at {INSTANCES:,} files, none changed", runs, "nothing", "stat", "-")
    yield _row(f"a pass over {INSTANCES:,} converged instances", runs, "pass", "compare names", "< 500 ms")
    ours, bare = (max(run.megabytes for run in runs[side]) for side in ("pass", "imports"))
    memory = f"{ours:.0f} / {bare:.0f} MB"
    yield Row(
        "memory of all that", f"{ours:.0f} MB", f"{bare:.0f} MB (imports)", f"{ours / bare:.2f}", "< 150 MB", memory
    )


def _row(name: str, runs: Mapping[str, list[Run]], side: str, what: str, aim: str) -> Row:
    ours, bare = ([run.cpu for run in runs[each]] for each in (side, f"bare {side}"))
    return Row(
        name,
        f"{_milliseconds(ours)} ms CPU",
        f"{_milliseconds(bare)} ms CPU ({what})",
        f"{median_ratio(ours, bare):.1f}",
        aim,
        f"{max(run.megabytes for run in runs[side]):.0f} / {max(run.megabytes for run in runs[f'bare {side}']):.0f} MB",
    )


def _milliseconds(seconds: Sequence[float]) -> str:
    return f"{1000 * statistics.median(seconds):.0f}"


def _daemon_that_read(root: Path) -> FleetReader:
    """A reader in a process like the daemon's, after its files have become old enough to be known by their status."""
    _import_daemon()
    found = FleetReader(root)
    found.read()
    while found.counts.files_read:
        time.sleep(0.1)
        found.read()
    return found


def _import_daemon() -> None:
    for module in DAEMON:
        importlib.import_module(module)


def _desired(found: FleetReader) -> Desired:
    loaded = found.read()
    assert loaded.desired is not None, loaded.diagnostics[:3]
    return loaded.desired


def _edit(root: Path) -> None:
    path = root / EDITED
    path.write_text(bench_loading.INSTANCE.format(number=7, server=7) + f"description: edited at {time.time_ns()}\n")


def _statuses(root: str) -> dict[str, tuple[int, int, int, int]]:
    found: dict[str, tuple[int, int, int, int]] = {}
    todo = [root]
    while todo:
        for entry in os.scandir(todo.pop()):
            if entry.is_dir():
                todo.append(entry.path)
            else:
                status = entry.stat()
                found[entry.path] = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
    return found


def _converged(desired: Desired, now: datetime) -> tuple[dict[str, tuple[str, ...]], Inventory]:
    """What hosts list, and what is remembered, when all is as declared."""
    listed: dict[str, list[str]] = {code: [] for code in desired.servers}
    entries: dict[tuple[str, str, str], Entry] = {}
    for template in desired.templates.values():
        for code in template.server_codes:
            digest = template_digest(desired, template, desired.servers[code])
            entry = Entry("template", template.code, code, template.template_db, digest, now)
            entries["template", template.code, code] = entry
            listed[code].append(template.template_db)
    for instance in desired.instances.values():
        assert instance.server is not None
        digest = instance_digest(desired, instance, desired.servers[instance.server])
        entry = Entry("instance", instance.code, instance.server, instance.database_name, digest, now)
        entries["instance", instance.code, instance.server] = entry
        listed[instance.server].append(instance.database_name)
    names = {code: tuple(each) for code, each in listed.items()}
    return names, Inventory(entries, dict.fromkeys(listed, "active"), names)


def main(arguments: list[str]) -> None:
    """Run one side for `sides.in_child`, or print this benchmark alone."""
    if arguments[:1] == [SIDE]:
        print_timed(SIDES[arguments[1]](Path(arguments[2])))
    else:
        print(render(measure()))


if __name__ == "__main__":
    main(sys.argv[1:])
