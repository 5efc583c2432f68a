"""A `git` and an `ssh` put before the real ones in PATH: they do the same, and something beside."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_REAL = shutil.which("git")
_GIT = """#!/bin/sh
# Before or after one command: {what}
case " $* " in
  *" {command} "*) {before}"{real}" "$@" <&0; code=$?; {after}exit $code ;;
esac
exec "{real}" "$@"
"""


def _put(directory: Path, name: str, text: str) -> str:
    directory.mkdir(parents=True, exist_ok=True)
    script = directory / name
    script.write_text(text)
    script.chmod(0o755)
    return f"{directory}:{os.environ['PATH']}"


def killing(directory: Path, command: str, *, after: bool) -> str:
    """Return a PATH with a git that kills whoever started it, before or after it does a command."""
    kill = "kill -9 $PPID; "
    text = _GIT.format(
        what="its parent dies", command=command, real=_REAL, before="" if after else kill, after=kill if after else ""
    )
    return _put(directory, "git", text)


def hanging(directory: Path, command: str, marker: Path) -> str:
    """Return a PATH with a git that hangs in a command, with a child of its own, and leaves the numbers of both."""
    hang = f'sleep 600 & echo "$$ $!" > {marker}.new; mv {marker}.new {marker}; wait; '
    return _put(directory, "git", _GIT.format(what="hang", command=command, real=_REAL, before=hang, after=""))


def failing_once(directory: Path, command: str, marker: Path) -> str:
    """Return a PATH with a git whose command fails the first time."""
    fail = f"if [ ! -e {marker} ]; then touch {marker}; echo 'fatal: something broke' >&2; exit 128; fi; "
    return _put(directory, "git", _GIT.format(what="fail", command=command, real=_REAL, before=fail, after=""))


def local_ssh(directory: Path, record: Path) -> str:
    """Return a PATH with an ssh that runs what it is asked to on this machine, and writes down its arguments."""
    return _put(
        directory,
        "ssh",
        f'#!/bin/sh\nprintf "%s\\n" "$@" >> {record}\nfor last in "$@"; do :; done\nexec sh -c "$last"\n',
    )
