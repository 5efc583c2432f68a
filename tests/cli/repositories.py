"""Real git repositories in a test's own directory: no configuration of the machine, no clock that matters, no network."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

VARIABLES = {
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_AUTHOR_DATE": "2026-11-24T12:00:00Z",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.com",
    "GIT_COMMITTER_DATE": "2026-11-24T12:00:00Z",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}
UNWANTED = ("GITHUB_ACTIONS", "GITLAB_CI", "GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE")


def isolate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give git who commits, and take away what the machine would tell it."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    for name in UNWANTED:
        monkeypatch.delenv(name, raising=False)


def git(directory: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"git {' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def begin(directory: Path) -> None:
    """Make a repository of a directory, with all that is in it as the first commit of `main`."""
    git(directory, "init", "--quiet", "--initial-branch=main")
    commit(directory, "The fleet as it is")


def commit(directory: Path, message: str) -> str:
    """Commit all that is there, and return the hash."""
    git(directory, "add", "--all", ".")
    git(directory, "commit", "--quiet", "--allow-empty", f"--message={message}")
    return git(directory, "rev-parse", "HEAD")
