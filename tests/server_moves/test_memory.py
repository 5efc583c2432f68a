"""A move of any size takes a bounded amount of memory here, whatever is in the database."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.backups.test_memory import GIGABYTES, MOST
from tests.harness.universe import ENVIRON, SERVER, fleet, instance
from tests.server_moves.large_hosts import LARGE, ROWS

ROOT = Path(__file__).parents[2]


def text_of(server: str, ports: list[str]) -> str:
    text = fleet(instance("acme", server=server), servers={"alpha": "19.0", "beta": "19.0"})
    for code, port in zip(("alpha", "beta"), ports, strict=True):
        here = SERVER.format(code=code, version="19.0")
        text = text.replace(here, here.replace(f"http://{code}.invalid", f"http://127.0.0.1:{port}"))
    return text


MEASURED = """\
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=sys.stderr).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10)
sys.exit(code)
"""
"""A process starts with the memory of whatever began it counted as its own: here with that of a small one."""


def apply(directory: Path, text: str) -> int:
    """Apply a text in a process of its own; return how much memory that took at most, in MiB."""
    (directory / "fleet.yaml").write_text(text)
    words = [sys.executable, "-m", "reconciler", "apply", "--yes", "--fleet", str(directory), "--store", "none"]
    measured = [sys.executable, "-c", MEASURED, *words]
    ran = subprocess.run(measured, cwd=ROOT, env={**os.environ, **ENVIRON}, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return int(ran.stdout)


def test_a_database_larger_than_the_bound_is_moved_within_it(tmp_path: Path) -> None:
    archives, directory = tmp_path / "archives", tmp_path / "fleet"
    archives.mkdir()
    directory.mkdir()
    words = [sys.executable, "-m", "tests.server_moves.large_hosts", str(GIGABYTES), str(archives)]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as hosts:
        try:
            assert hosts.stdout is not None
            ports = hosts.stdout.readline().split()
            apply(directory, text_of("alpha", ports))
            taken = apply(directory, text_of("beta", ports))
        finally:
            hosts.kill()
    packed = (archives / "alpha.zip").stat().st_size >> 20
    assert packed > MOST, "or else it shows nothing"
    assert taken < MOST, f"{taken} MiB for {GIGABYTES} GB in {LARGE} files and {ROWS} rows, {packed} MiB packed"
