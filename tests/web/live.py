"""A daemon as operators run it, as a process of its own over simulated hosts, with API and page; and a token for each role."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from reconciler.access.roles import Role
from tests.cli.world import ENVIRONMENT, World, serving
from tests.git.repositories import git


@dataclass
class Live:
    """A running daemon."""

    url: str
    tokens: dict[Role, str]
    world: World
    log: Path
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """Stop it, which may take no longer than what it does not wait for."""
        self.process.terminate()
        assert self.process.wait(15) == 0

    def ask(self, path: str, role: Role = Role.USER) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.tokens[role]}"}
        return httpx.get(self.url + path, headers=headers, trust_env=False, timeout=30)


@contextlib.contextmanager
def live(root: Path, *, orders: bool = False, listen: str = "127.0.0.1:0", more: Sequence[str] = ()) -> Iterator[Live]:
    """Run one until the block ends, and let it converge first; it must end well, and may log no failure of its own.

    With `orders` it follows a bare repository, `fleet.git`, and asks for news there only when it has a reason to.
    """
    with serving(root) as world:
        world.store = f"sqlite:///{root}/state.sqlite"
        tokens = {
            role: world.run("token", "new", "--role", role.value, "--name", f"a-{role}").out.strip() for role in Role
        }
        log = root / "daemon.log"
        command = [sys.executable, "-m", "reconciler", "daemon", "--fleet", str(world.fleet), "--store", world.store]
        if orders:
            command += [
                "--git",
                str(publish(root)),
                "--poll",
                "3600",
                "--data",
                str(root / "data"),
                "--orders",
                "commit",
            ]
        command += ["--api", "--page", "--listen", listen, "--log-format", "json", *more]
        with log.open("wb") as stream:
            process = subprocess.Popen(command, env={**os.environ, **ENVIRONMENT}, stderr=stream)
        try:
            running = Live(f"http://{_address(log, process)}", tokens, world, log, process)
            _until_converged(running)
            yield running
        finally:
            process.terminate()
            code = process.wait(60)
        lines = log.read_text()
        assert code == 0
        assert "page-failed" not in lines, lines[lines.index("page-failed") - 100 :]
        assert not any(token in lines for token in tokens.values())


def publish(root: Path) -> Path:
    """Put the fleet of a directory into a bare repository, and return where that is."""
    remote = root / "fleet.git"
    git(root, "init", "--bare", "--quiet", "--initial-branch=main", str(remote))
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", "fleet")
    git(root, "commit", "--quiet", "--message=The fleet")
    git(root, "push", "--quiet", str(remote), "main")
    return remote


def _address(log: Path, process: subprocess.Popen[bytes]) -> str:
    while process.poll() is None:
        for line in log.read_text().splitlines():
            entry = json.loads(line)
            if entry["event"] == "listening":
                return str(entry["address"])
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def _until_converged(running: Live) -> None:
    answer = running.ask("/api/v1/fleet")
    for _ in range(600):
        answer = running.ask("/api/v1/fleet")
        if answer.status_code == 200 and answer.json()["converged_at"]:
            return
        time.sleep(0.2)
    raise AssertionError(answer.text)
