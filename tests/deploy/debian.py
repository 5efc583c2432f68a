"""Programs of Debian that check what is in `deploy/`: taken from its packages where they are not installed."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.hosts import debian
from tests.hosts.cache import cached

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def promtool() -> Path:
    """Prometheus' own checker. The package is unpacked and not installed: that would start a server."""
    try:
        return debian.program("promtool")
    except FileNotFoundError:
        return cached("prometheus-bookworm", _unpack) / "usr/bin/promtool"


def _unpack(into: Path) -> None:
    debian.unpack_package("prometheus", "bookworm", into)


def systemd_analyze() -> Path:
    """systemd's own checker."""
    debian.require_programs({"systemd-analyze": "systemd"})
    return debian.program("systemd-analyze")


def said(*words: str | Path, given: bytes | None = None) -> tuple[int, str]:
    """Run a checker: how it ended, and all that it said."""
    done = subprocess.run([str(w) for w in words], input=given, capture_output=True, check=False, timeout=120)
    return done.returncode, (done.stdout + done.stderr).decode()
