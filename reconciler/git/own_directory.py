"""The directory that a git source keeps its things in: one process at a time, this account alone, one branch.

It holds a lock, `source.json` (which branch), `clone.git`, `revisions/`, `newest` and `in-force` (commits), and
`askpass`. All but the commit in force can be had anew.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path

from reconciler.git.commands import GitUnusable
from reconciler.git.remotes import ASKPASS
from reconciler.git.whole_files import is_leftover, remove, write_whole

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_LOCK = "odoo-fleet-git.lock"
_FORCED = "forced"
_OTHERS = 0o077
_ATTEMPTS, _PAUSE = 20, 0.05


class GitDirectory:
    """The directory, which is opened before anything else is done with it.

    Args:
        directory: where it is; made if it does not exist.
        origin: what its contents are from; contents from elsewhere are removed.
    """

    def __init__(self, directory: Path, origin: Mapping[str, str]) -> None:
        self._directory = directory
        self._origin = dict(origin)
        self._lock: int | None = None
        self.clone = directory / "clone.git"
        self.revisions = directory / "revisions"
        self.askpass = directory / "askpass"

    def open(self) -> bool:
        """Make the directory ours; return whether it was not open yet, or was deleted since.

        Raises:
            GitUnusable: it is in use, belongs to another account, or holds something else.
            OSError: it cannot be written to.
        """
        if self._lock is not None and self._is_still_there(self._lock):
            return False
        self.close()
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = self._directory.stat()
        if status.st_uid != os.geteuid():
            raise GitUnusable(f"{str(self._directory)!r} belongs to another account: name another directory")
        if not (self._directory / _LOCK).exists() and any(self._directory.iterdir()):
            raise GitUnusable(
                f"{str(self._directory)!r} holds other things: name a directory that is empty or not there yet"
            )
        if status.st_mode & _OTHERS:
            self._directory.chmod(0o700)
        self._take_lock()
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise
        return True

    def close(self) -> None:
        """Let others use it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def newest(self) -> tuple[str, bool] | None:
        """Return the commit that was given out last, and whether the branch was pushed by force for it."""
        commit, _, forced = (self._read("newest") or "").strip().partition(" ")
        return (commit, forced == _FORCED) if _COMMIT.fullmatch(commit) else None

    def set_newest(self, commit: str, *, rewritten: bool) -> None:
        """Remember the commit that was given out last."""
        if self.newest() != (commit, rewritten):
            write_whole(self._directory / "newest", f"{commit} {_FORCED if rewritten else ''}\n".encode())

    def in_force(self) -> str | None:
        """Return the commit in force."""
        commit = (self._read("in-force") or "").strip()
        return commit if _COMMIT.fullmatch(commit) else None

    def set_in_force(self, commit: str) -> None:
        """Remember the commit in force."""
        if commit != self.in_force():
            write_whole(self._directory / "in-force", f"{commit}\n".encode())

    def _is_still_there(self, lock: int) -> bool:
        """Tell whether the lock that is held is that of the directory: somebody may have deleted it meanwhile."""
        try:
            return os.path.samestat(os.fstat(lock), (self._directory / _LOCK).stat())
        except OSError:
            return False

    def _take_lock(self) -> None:
        lock = os.open(self._directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            _lock_soon(lock)
        except OSError:
            os.close(lock)
            raise GitUnusable(
                f"{str(self._directory)!r} is in use by another process: stop that one, or name another directory"
            ) from None
        self._lock = lock

    def _prepare(self) -> None:
        if self._read("source.json") != json.dumps(self._origin):
            for place in self._directory.iterdir():
                if place.name != _LOCK:
                    remove(place)
            write_whole(self._directory / "source.json", json.dumps(self._origin).encode())
        for place in self._directory.iterdir():
            if is_leftover(place):
                remove(place)
        write_whole(self.askpass, ASKPASS.encode(), mode=0o700)

    def _read(self, name: str) -> str | None:
        try:
            return (self._directory / name).read_text()
        except (OSError, ValueError):
            return None


def _lock_soon(lock: int) -> None:
    """Lock a file, or raise OSError. A child that a killed process was starting holds its locks until it runs its program."""
    for _ in range(_ATTEMPTS):
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(_PAUSE)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
