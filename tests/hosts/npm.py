"""Programs of npm's, by lock files with a hash of each package: obtained once and kept."""

import hashlib
import shutil
from pathlib import Path

from tests.hosts.cache import cached
from tests.hosts.debian import fetch, require_programs


def obtain(name: str, lock: Path) -> Path:
    """The directory in which `node_modules` is, with the packages of the `package-lock.json` in the directory `lock`.

    Raises:
        OdooUnavailable: this machine has no npm and cannot have it, or npm's packages cannot be had.
    """

    def build(place: Path) -> None:
        for each in ("package.json", "package-lock.json"):
            shutil.copy(lock / each, place)
        fetch(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=place)

    require_programs({"node": "nodejs", "npm": "npm"})
    digest = hashlib.sha256((lock / "package-lock.json").read_bytes()).hexdigest()
    return cached(f"{name}-{digest[:12]}", build)
