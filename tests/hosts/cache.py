"""A directory of things that are slow to make: each is there whole, or not at all.

Invariant: what bears its final name was built to the end. A build works under a name of its own and is renamed last,
so a killed one leaves rubbish that the next build removes, never a half-made entry that looks finished.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_UNFINISHED = ".building-"


def cache_directory() -> Path:
    """Where downloads are kept: per user, not per clone, so that a fresh clone downloads nothing again."""
    configured = os.environ.get("ODOO_FLEET_CACHE")
    return Path(configured) if configured else Path.home() / ".cache" / "odoo-fleet"


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file; the kernel lets go of it when the holder dies, so no lock is ever stale."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def cached(name: str, build: Callable[[Path], None]) -> Path:
    """The entry of this name, built now when it is missing; sessions that want it at once wait for one builder."""
    directory = cache_directory()
    directory.mkdir(parents=True, exist_ok=True)
    entry = directory / name
    with exclusive(directory / f"{name}.lock"):
        if not entry.exists():
            unfinished = directory / f"{_UNFINISHED}{name}"
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            build(unfinished)
            unfinished.rename(entry)
    return entry
