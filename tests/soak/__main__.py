"""`python -m tests.soak [--seconds N] [--seed N]`: the daemon as a process of its own, under everything that goes wrong at once.

Random edits, faults, hosts that die, SIGKILLs of the daemon and clock jumps; after each round the trouble ends and the fleet must
converge. The promises of docs/guarantees.md are checked on the hosts at every step of theirs. In the second half the daemon is
not killed, so that its memory, files and connections can be watched: they must stay flat.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from pathlib import Path

from tests.soak.runs import Soak


def main() -> None:
    """Run it and print what was seen; a broken promise, a fleet that does not converge or a leak ends it with an error."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    given = parser.parse_args()
    print(f"soak of {given.seconds:g} s, seed {given.seed}", flush=True)
    with tempfile.TemporaryDirectory() as directory:
        soak = Soak(Path(directory), given.seconds, random.Random(given.seed))
        try:
            asyncio.run(soak.run())
        except BaseException:
            print(soak.story(), flush=True)
            raise
        print(soak.figures())


if __name__ == "__main__":
    main()
