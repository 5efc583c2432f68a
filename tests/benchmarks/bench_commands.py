"""What a command costs before and beside its work: processor time of the whole process, against an empty Python."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.benchmarks.rows import Row, render

NAME = "commands"
RUNS = 15
ROOT = Path(__file__).parents[2]
_PROGRAM = [sys.executable, "-m", "reconciler"]
_PLACE = tempfile.TemporaryDirectory()  # goes with the process
_STORE = ["--store", f"sqlite:///{_PLACE.name}/state.sqlite"]
BARE = [sys.executable, "-c", "pass"]
COMMANDS: Mapping[str, tuple[Sequence[str], float]] = {
    "odoo-fleet --version": ([*_PROGRAM, "--version"], 0.15),
    "odoo-fleet validate (sample fleet)": ([*_PROGRAM, "validate", "--fleet", "fleet"], 0.3),
    "odoo-fleet events (sample fleet, a store)": (
        [*_PROGRAM, "events", "-o", "json", "--fleet", "fleet", *_STORE],
        0.6,
    ),
    "odoo-fleet status (sample fleet, a store, no host answers)": (
        [*_PROGRAM, "status", "--fleet", "fleet", *_STORE],
        0.6,
    ),
}


_MEASURE = """
import json, os, sys
quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
_, status, used = os.wait4(pid, 0)
print(json.dumps([status, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""
"""Starts the command from a small process: the peak of a new process begins at that of the one which started it."""


def cost(command: Sequence[str]) -> tuple[float, float]:
    """Run a command that must succeed; return its seconds of processor time, user and system, and its peak in MB."""
    words = [sys.executable, "-c", _MEASURE, *command]
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    status, seconds, megabytes = json.loads(done.stdout)
    assert status == 0, command
    return seconds, megabytes


def measure() -> Iterator[Row]:
    """Take turns, so that a busy machine slows all; the least of several runs is what a command must cost."""
    commands = {"bare": BARE, **{name: command for name, (command, _) in COMMANDS.items()}}
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(RUNS):
        for name, command in commands.items():
            runs[name].append(cost(command))
    seconds, megabytes = ({name: min(run[i] for run in each) for name, each in runs.items()} for i in (0, 1))
    for name, (_, aim) in COMMANDS.items():
        yield Row(
            name,
            f"{seconds[name]:.3f} s CPU",
            f"{seconds['bare']:.3f} s CPU (python -c pass)",
            f"{seconds[name] / seconds['bare']:.1f}",
            f"<= {aim:g} s",
            f"{megabytes[name]:.0f} / {megabytes['bare']:.0f} MB",
        )


if __name__ == "__main__":
    print(render(measure()))
