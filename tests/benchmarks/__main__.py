"""`python -m tests.benchmarks [--only NAME]`: what the tool costs beside the bare minimum of the same work.

Figures, no limits: whatever they are, the exit code is 0. Each row is printed as soon as it is there, the table at the end. Run
it on a quiet machine. All of it takes a quarter of an hour, most of it for the clones, which need root and a real Odoo;
`--only clone` compares a single one in two minutes.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import astuple

from tests.benchmarks import (
    bench_clones,
    bench_commands,
    bench_daemon,
    bench_daemon_loading,
    bench_loading,
    bench_page,
    bench_passing,
)
from tests.benchmarks.rows import Row, render

BENCHMARKS = {
    module.NAME: module.measure
    for module in (bench_commands, bench_loading, bench_passing, bench_daemon_loading, bench_daemon, bench_page)
} | {"clone": bench_clones.measure_one, "clones-19": bench_clones.measure_19, "clones-14": bench_clones.measure_14}


def main() -> None:
    """Run all benchmarks, or one, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", choices=BENCHMARKS, metavar="NAME", help=f"one of: {', '.join(BENCHMARKS)}")
    only = parser.parse_args().only
    rows: list[Row] = []
    before = os.getloadavg()[0]
    for name in [only] if only else BENCHMARKS:
        started = time.monotonic()
        for row in BENCHMARKS[name]():
            rows.append(row)
            print(" | ".join(astuple(row)), flush=True)
        print(f"{name}: done in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    print(f"{os.cpu_count()} processors, load {before:.1f} before\n\n{render(rows)}")


if __name__ == "__main__":
    main()
