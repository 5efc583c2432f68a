"""Programs started by a test session, which end with it or at the latest with the next session's start.

Invariant: whatever runs is named in a file of the session's own directory before anything else can go wrong, by pid
*and* start time, so that a sweep can neither miss it nor hit a stranger to whom the pid has passed.
"""

import contextlib
import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from tests.hosts.cache import exclusive

_SESSIONS = "odoo-fleet-hosts"
_LOCK = "session.lock"
_PIDS = "*.pid"
_PORTS = range(20000, 32000)


class Session:
    """The directory of one test session. It holds a lock for as long as the session lives."""

    def __init__(self) -> None:
        # Not in the cache: PostgreSQL refuses to run as root, and a home directory is closed to its user.
        sessions = Path(tempfile.gettempdir()) / f"{_SESSIONS}-{os.geteuid()}"
        sessions.mkdir(mode=0o711, exist_ok=True)
        with exclusive(sessions / "sweep.lock"):  # else another session's sweep takes ours before it is locked
            sweep(sessions)
            self.directory = Path(tempfile.mkdtemp(prefix="session-", dir=sessions))
            self.directory.chmod(0o711)
            self._lock = (self.directory / _LOCK).open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX)

    def close(self) -> None:
        """End what still runs and remove everything."""
        end_programs(self.directory)
        shutil.rmtree(self.directory, ignore_errors=True)
        self._lock.close()


class Program:
    """A program of the session in a process group of its own, with its output in a log."""

    def __init__(
        self,
        command: Sequence[str],
        directory: Path,
        name: str,
        *,
        environment: Mapping[str, str] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self._command = list(command)
        self._environment = {**os.environ, **(environment or {})}
        self._directory = directory
        self._pid_file = directory / f"{name}.pid"
        self._log_file = directory / f"{name}.log"
        self._stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether the program has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it; nothing is known yet of whether it answers."""
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._pid_file.write_text(f"{self._process.pid} {_start_time(self._process.pid)}")

    def stop(self, patience: float = 15.0) -> None:
        """Ask it to end, and end it when it does not."""
        if self._process is not None and self.is_running:
            self._process.send_signal(self._stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
        self.kill()

    def kill(self) -> None:
        """SIGKILL to the whole group: the program and every worker of it are gone when this returns."""
        if self._process is None:
            return
        _kill_group(self._process.pid)
        self._process.wait()
        _wait_for_empty_group(self._process.pid)
        self._process = None
        self._pid_file.unlink(missing_ok=True)

    def replace_workers(self, patience: float = 10.0) -> None:
        """SIGKILL to what it forked, and wait until it has forked as many again; what it has started otherwise goes on."""
        former = self._workers()
        for worker in former:
            worker.kill()
        deadline = time.monotonic() + patience
        while len(set(self._workers()) - former) < len(former):
            if time.monotonic() > deadline:
                raise RuntimeError(f"it has not forked again:\n{self.log_text()[-5000:]}")
            time.sleep(0.05)

    def _workers(self) -> set[psutil.Process]:
        """What was forked, and runs no other command."""
        assert self._process is not None
        found = set()
        for child in psutil.Process(self._process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                parent = child.parent()
                if parent is not None and child.cmdline() == parent.cmdline():
                    found.add(child)
        return found

    def log_text(self) -> str:
        """Everything that it has written since the session began."""
        return self._log_file.read_text(errors="replace") if self._log_file.exists() else ""


def free_port() -> int:
    """A port of loopback that nothing listens on now, from a range that no outgoing connection is given meanwhile."""
    for port in random.sample(_PORTS, len(_PORTS)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port is free")


def sweep(sessions: Path) -> None:
    """Clear away what killed sessions left: a directory whose lock nobody holds belongs to nobody."""
    for directory in sessions.glob("session-*"):
        with (directory / _LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            end_programs(directory)
            shutil.rmtree(directory, ignore_errors=True)


def end_programs(directory: Path) -> None:
    """Kill each group that a pid file names, if the process is still the one that was started."""
    for pid_file in directory.rglob(_PIDS):
        words = pid_file.read_text().split()
        if len(words) == 2 and _start_time(int(words[0])) == words[1]:
            _kill_group(int(words[0]))
            _wait_for_empty_group(int(words[0]))


def _start_time(pid: int) -> str | None:
    """Ticks since boot at which the process began; with the pid it names a process once and for all."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return stat.rpartition(")")[2].split()[19]


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _wait_for_empty_group(group: int, patience: float = 10.0) -> None:
    """A dead leader's workers hold its ports and database connections until they are gone too."""
    deadline = time.monotonic() + patience
    while _has_living_member(group) and time.monotonic() < deadline:
        time.sleep(0.02)


def _has_living_member(group: int) -> bool:
    """Whether a process of the group lives; a zombie that nobody has reaped yet holds nothing any more."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
            if its_group == str(group) and state != "Z":
                return True
    return False
