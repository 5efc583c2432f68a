"""Commands and codes are completed by the real bash, zsh and fish, after the line that the README has for each."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.hosts.debian import OdooUnavailable, require_programs

ROOT = Path(__file__).parents[2]
START, END, TAB = "\x01", "\x05", "\t"
"""Ctrl-A and Ctrl-E go to the ends of the line in all three."""
SHELLS = {
    "bash": ("bash", "--norc", "--noprofile", "-i"),
    "zsh": ("zsh", "-f", "-i"),
    "fish": ("fish", "--no-config", "-i"),
}


def line_for(shell: str) -> str:
    """Return the line of the README."""
    found = re.search(
        rf"^(.*\b_ODOO_FLEET_COMPLETE={shell}_source\b.*?)\s+# ", (ROOT / "README.md").read_text(), re.MULTILINE
    )
    assert found, shell
    return found[1]


def typed(shell: str, place: Path, begun: str) -> str:
    """Begin a command in a shell, press TAB, and return what then stands on the line."""
    program = place / "odoo-fleet"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m reconciler "$@"\n')
    program.chmod(0o755)
    environ = {
        "PATH": f"{place}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(place),
        "TERM": "xterm",
        "ODOO_FLEET_DIR": str(ROOT / "fleet"),
    }
    ready, told = place / "ready", place / "told"
    terminal, end = pty.openpty()
    command = ["setsid", "--ctty", *SHELLS[shell]]  # the terminal is its own, or else it has no jobs
    process = subprocess.Popen(command, stdin=end, stdout=end, stderr=end, env=environ)
    os.close(end)
    try:
        enter(terminal, f"{line_for(shell)}; echo > {ready}", ready)
        enter(terminal, f"{begun}{TAB}{START}echo {END} > {told}.new; mv {told}.new {told}", told)
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
    return told.read_text().strip()


def enter(terminal: int, line: str, awaited: Path) -> None:
    """Enter a line, and read what the shell draws until it has made a file."""
    os.write(terminal, f"{line}\r".encode())
    seen = b""
    give_up = time.monotonic() + 60
    while not awaited.exists():
        assert time.monotonic() < give_up, seen
        if select.select([terminal], [], [], 0.1)[0]:
            seen += os.read(terminal, 4096)


CASES = [
    ("odoo-fleet val", "odoo-fleet validate"),
    ("odoo-fleet check leg", "odoo-fleet check legacy-1"),
    ("odoo-fleet pause instance/old", "odoo-fleet pause instance/old-mill"),
    ("odoo-fleet plan --target taver", "odoo-fleet plan --target taverna"),
]


@pytest.mark.parametrize(("begun", "completed"), CASES)
def test_bash_completes_commands_and_codes(tmp_path: Path, begun: str, completed: str) -> None:
    assert typed("bash", tmp_path, begun) == completed


@pytest.mark.deploy
@pytest.mark.parametrize("shell", ["zsh", "fish"])
@pytest.mark.parametrize(("begun", "completed"), CASES)
def test_zsh_and_fish_do_so_too(tmp_path: Path, shell: str, begun: str, completed: str) -> None:
    try:
        require_programs({shell: shell})
    except OdooUnavailable as why:
        pytest.skip(str(why))
    assert typed(shell, tmp_path, begun) == completed
