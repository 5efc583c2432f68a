"""The daemon in git mode, as a process, against a bare repository and one host, simulated or real: push, revert, rubbish."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.store.opening import open_store

IDENTITY = ("-c", "user.name=Eve", "-c", "user.email=eve@example.com", "-c", "commit.gpgsign=false")


@dataclass(frozen=True)
class Remote:
    """A bare repository, and the clone from which people push."""

    directory: Path

    @classmethod
    def make(cls, directory: Path) -> Remote:
        directory.mkdir()
        made = cls(directory)
        made.git("init", "-q", "--bare", "-b", "main", str(made.url), cwd=directory)
        made.git("init", "-q", "-b", "main", str(made.clone), cwd=directory)
        made.git("remote", "add", "origin", str(made.url))
        return made

    @property
    def url(self) -> Path:
        return self.directory / "remote.git"

    @property
    def clone(self) -> Path:
        return self.directory / "clone"

    def git(self, *words: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *IDENTITY, *words], cwd=cwd or self.clone, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def push(self, files: Mapping[str, str], subject: str) -> str:
        """Write files, commit and push them; return the commit."""
        for name, text in files.items():
            path = self.clone / "fleet" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-qm", subject)
        return self._pushed()

    def revert(self) -> str:
        """Revert the last commit and push that."""
        self.git("revert", "--no-edit", "HEAD")
        return self._pushed()

    def _pushed(self) -> str:
        self.git("push", "-q", "origin", "main")
        return self.git("rev-parse", "HEAD")


@dataclass
class Running:
    """A daemon's process."""

    process: subprocess.Popen[bytes]
    port: int
    store: str
    log: Path

    def page(self, name: str) -> str:
        return self._ask(name)[1]

    def status(self, name: str) -> int:
        return self._ask(name)[0]

    def _ask(self, name: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{name}", timeout=5) as answer:
                return answer.status, str(answer.read().decode())
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name: str) -> float | None:
        for line in self.page("metrics").splitlines():
            if line.startswith((f"{name} ", f"{name}{{")):
                return float(line.rpartition(" ")[2])
        return None

    def notices(self) -> list[tuple[str, str]]:
        with open_store(self.store, "tests") as store:
            return [(n.name, n.detail) for n in reversed(store.notices())]

    def until(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        give_up = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < give_up, f"not within {seconds:g} s: {what}\n{self.log.read_text()[-8000:]}"
            time.sleep(0.2)


@contextlib.contextmanager
def daemon(directory: Path, remote: Remote, environ: Mapping[str, str], *words: str) -> Iterator[Running]:
    """Run a daemon on a remote; SIGTERM at the end, which must end it well."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = directory / "daemon.log"
    command = [
        sys.executable,
        "-m",
        "reconciler",
        "daemon",
        "--git",
        str(remote.url),
        "--poll",
        "1",
        "--interval",
        "30",
    ]
    command += ["--data", str(directory / "data"), "--listen", f"127.0.0.1:{port}", *words]
    with log.open("ab") as stream:
        process = subprocess.Popen(command, env={**os.environ, **environ}, stderr=stream)
    running = Running(process, port, f"sqlite:///{directory / 'data' / 'state.sqlite'}", log)
    try:
        yield running
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()


def tell(
    directory: Path,
    head: str,
    documents: Mapping[str, str],
    environ: Mapping[str, str],
    databases: Callable[[], set[str]],
) -> None:
    """Play the story.

    Args:
        directory: a place of the test's own.
        head: the fleet, its server, its plan and its template.
        documents: two instances, by their database's name.
        environ: the secrets.
        databases: the names that the host lists.
    """
    (first, one), (second, two) = documents.items()
    remote = Remote.make(directory / "git")
    start = remote.push({"fleet.yaml": head, "first.yaml": one}, "begin")
    with daemon(directory, remote, environ) as running:
        running.until(lambda: first in databases(), 240, f"{first} is published")
        running.until(lambda: start in running.page("readyz"), 30, "the first commit is shown as in force")

        added = remote.push({"second.yaml": two}, "add a customer")
        running.until(lambda: second in databases(), 120, f"{second} is published")

        reverted = remote.revert()
        running.until(lambda: running.metric("odoo_fleet_orphan_databases") == 1, 60, "the revert makes an orphan")
        assert second in databases()

        remote.push({"broken.yaml": "kind: instance\ncode: [half\n"}, "rubbish")
        running.until(lambda: "revision-rejected" in dict(running.notices()), 60, "the rubbish is told")
        assert reverted in running.page("readyz")
        assert {first, second} <= databases()
        in_force = directory / "data" / "fleet"
        assert (in_force / "first.yaml").read_text() == one, "other commands find the text in force here"
        assert not (in_force / "broken.yaml").exists()

    notices = running.notices()
    taken = [detail for name, detail in notices if name == "revision-in-force"]
    assert [commit[:8] for commit in (start, added, reverted)] == [d.split()[1] for d in taken]
    assert "Eve: add a customer" in taken[1]
    (rejected,) = [detail for name, detail in notices if name == "revision-rejected"]
    assert ": fleet/broken.yaml:2:" in rejected, "as the repository has it"
    assert notices[0][0] == "daemon-started"
    assert notices[-1][0] == "daemon-stopped"
    with open_store(running.store, "tests") as store:
        (clone,) = [o for o in store.outcomes("instance", second) if o.verb == "clone"]
    assert (clone.revision, clone.command, clone.result) == (added, "daemon", "done")

    # After a restart without the remote, and with rubbish at its head, what was in force is in force.
    remote.url.rename(remote.directory / "away.git")
    with daemon(directory, remote, environ) as running:
        running.until(
            lambda: reverted in running.page("readyz"), 60, "the last valid commit is in force after a restart"
        )
        assert "source-unreachable" in dict(running.notices())
