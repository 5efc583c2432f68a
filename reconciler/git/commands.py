"""Running the real `git`: one command at a time, in a process group of its own, never longer than its limit.

Git is given no terminal and no shell, so it can ask nobody anything. Another thread can end what runs.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

# What a helper that left the process group may still hold open after the group was killed.
_GRACE_SECONDS = 2
_PROGRESS = re.compile(r"[^\r\n]*\r(?!\n)")
_HINT = re.compile(r"^hint: ")
_MOST_SAID = 600


class GitUnusable(Exception):
    """What was asked of git cannot be had; the message says why, and what to do."""


class Damaged(GitUnusable):
    """A clone does not have all that it should."""


class TooSlow(GitUnusable):
    """Git did not end within its limit, and was killed."""


class GitStopped(Exception):
    """The work was given up by whoever asked for it."""


class Stop:
    """Ends, from another thread, the git that runs, and every later one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stopped = False
        self._process: subprocess.Popen[bytes] | None = None

    def set(self) -> None:
        """Kill what runs with all its children, and let nothing more start."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                _kill(self._process)

    def check(self) -> None:
        """Raise `GitStopped` if the work was given up."""
        if self._stopped:
            raise GitStopped

    def start(self, launch: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        """Start a process that `set` ends, unless the work was given up already."""
        with self._lock:
            self.check()
            self._process = launch()
            return self._process

    def ended(self) -> None:
        """Forget the process: it has ended."""
        with self._lock:
            self._process = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its code, what it printed, and what it complained of (one line, empty if of nothing)."""

    code: int
    output: bytes
    complaint: str

    @property
    def text(self) -> str:
        """What it printed, as one line of text."""
        return os.fsdecode(self.output).removesuffix("\n")

    @property
    def said(self) -> str:
        """What it complained of, or at least how it ended."""
        return self.complaint or f"it ended with {self.code}"


@dataclass(frozen=True, slots=True)
class Git:
    """Git, run in one directory.

    Args:
        directory: where it is run.
        environment: all variables that it gets.
        options: options of git itself, before the name of the command.
        seconds: how long one command may take.
        scrub: takes out of what git complained of what nobody may see.
        stop: ends it.
    """

    directory: str
    environment: Mapping[str, str]
    options: tuple[str, ...] = ()
    seconds: float = 60
    scrub: Callable[[str], str] = str
    stop: Stop = field(default_factory=Stop)

    def run(
        self, *words: str, source: IO[bytes] | None = None, sink: IO[bytes] | None = None, seconds: float | None = None
    ) -> Ended:
        """Run one command to its end.

        Args:
            words: the command and its arguments; what a user named stands behind `--end-of-options`.
            source: a file that it reads; nothing if left out.
            sink: a file that it writes to; what it prints is kept in memory if left out.
            seconds: a limit other than the usual one.

        Raises:
            GitUnusable: git is not installed.
            Damaged: the directory is not there.
            TooSlow: it did not end within the limit.
            Stopped: the work was given up.
        """
        limit = self.seconds if seconds is None else seconds
        try:
            process = self.stop.start(lambda: self._launch(words, source, sink))
        except OSError as error:
            if not Path(self.directory).is_dir():
                raise Damaged(f"{self.directory!r} is not a directory") from None
            if isinstance(error, FileNotFoundError):
                raise GitUnusable("the program `git` is not installed") from None
            raise GitUnusable(f"git cannot be run in {self.directory!r}: {os.strerror(error.errno or 0)}") from None
        try:
            output, complaint = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            raise TooSlow(f"git {words[0]} did not end within {limit:g} s") from None
        finally:
            self.stop.ended()
            if process.poll() is None:
                _kill(process)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.communicate(timeout=_GRACE_SECONDS)
        self.stop.check()
        return Ended(process.returncode, output or b"", self.scrub(_one_line(complaint)))

    def _launch(
        self, words: tuple[str, ...], source: IO[bytes] | None, sink: IO[bytes] | None
    ) -> subprocess.Popen[bytes]:
        command = ("git", "--no-pager", *self.options, *words)
        return subprocess.Popen(  # noqa: S603 -- no shell, and `--end-of-options` stands before what a user named
            command,
            cwd=self.directory,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL if source is None else source,
            stdout=subprocess.PIPE if sink is None else sink,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _one_line(complaint: bytes) -> str:
    text = _PROGRESS.sub("", complaint.decode(errors="replace"))
    lines = [line.strip() for line in text.splitlines() if line.strip() and not _HINT.match(line)]
    said = "".join(c if c.isprintable() else " " for c in " ".join(lines))
    return said if len(said) <= _MOST_SAID else f"{said[:_MOST_SAID]}…"
