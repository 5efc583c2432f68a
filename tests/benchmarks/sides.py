"""Two ways to do the same work: each run in a process of its own, taking turns, so that a busy machine slows both.

A benchmark's module runs one side when it is called as `python -m MODULE --side NAME ARGUMENT...`; `in_child` does that.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

SIDE = "--side"


@dataclass(frozen=True)
class Run:
    """What one run took: seconds on the wall, of processor time, and the peak memory of its process."""

    seconds: float
    cpu: float
    megabytes: float


def timed(work: Callable[[], object]) -> Run:
    """Do the work in this process; its preparation is not counted, but its memory is."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Run(time.perf_counter() - wall, time.process_time() - cpu, _peak_megabytes())


def print_timed(work: Callable[[], object]) -> None:
    """Do the work of one side and say for `in_child` what it took."""
    print(json.dumps(asdict(timed(work))))


def in_child(module: str, side: str, *arguments: str) -> Run:
    """Run one side in a process of its own."""
    command = [sys.executable, "-m", module, SIDE, side, *arguments]
    return Run(**json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))


def in_turns(module: str, sides: Sequence[str], rounds: int, *arguments: str) -> Mapping[str, list[Run]]:
    """Run all sides so many times, one after the other in each round."""
    runs: dict[str, list[Run]] = {side: [] for side in sides}
    for _ in range(rounds):
        for side in sides:
            runs[side].append(in_child(module, side, *arguments))
    return runs


def median_ratio(ours: Sequence[float], bare: Sequence[float]) -> float:
    """Return the median of the ratios of each round."""
    return statistics.median(mine / least for mine, least in zip(ours, bare, strict=True))


def _peak_megabytes() -> float:
    """Read the peak of this process alone: `ru_maxrss` would hand down that of the process which started it."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024
