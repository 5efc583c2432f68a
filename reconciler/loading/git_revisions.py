"""What git knows of a fleet's directory: the repository that it lies in, a revision, and the files changed since.

The real `git` is asked, and not to fetch: what is missing is an error that says which command brings it. Nothing that a
user names can become an option, git never asks for a password, and file names are read with NUL between them.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 60
_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_DIFF = ("diff", "--name-only", "-z", "--no-renames", "--no-relative", "--no-ext-diff", "--end-of-options")
# What hooks of git put into the environment would lead to another repository or index.
_LOCAL = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_EXTERNAL_DIFF",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_WORK_TREE",
)


class GitUnusable(Exception):
    """What was asked of git cannot be had; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A work tree of git.

    Args:
        root: its topmost directory.
        directory: the directory in it that was asked about; git is run there.
    """

    root: str
    directory: str

    def commit(self, revision: str) -> str:
        """Return the hash of the commit that a revision names."""
        if not revision:
            raise GitUnusable("the revision is empty")
        if revision.startswith("-") or not revision.isprintable():
            raise GitUnusable(f"{revision!r} is not a revision")
        done = _git(self.directory, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        if done.returncode:
            raise GitUnusable(self._missing(revision))
        return done.stdout.decode().strip()

    def changed_files(self, commit: str) -> frozenset[str]:
        """Return the files, by absolute path, that differ from where this work tree left a commit's history.

        Files that are not added yet count. In a shallow clone that does not reach back to there, the commit itself
        is compared with.
        """
        base = _git(self.directory, "merge-base", "--end-of-options", commit, "HEAD")
        start = commit if base.returncode else base.stdout.decode().strip()
        changed = self._names(*_DIFF, start, "--")
        added = self._names("ls-files", "--others", "--exclude-standard", "--full-name", "-z", "--", ":/")
        return frozenset(os.path.join(self.root, name) for name in (*changed, *added))  # noqa: PTH118 -- plain texts

    def _names(self, *words: str) -> list[str]:
        done = _git(self.directory, *words)
        if done.returncode:
            raise GitUnusable(f"git {words[0]} failed: {_said(done)}")
        return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]

    def _missing(self, revision: str) -> str:
        remotes = _git(self.directory, "remote").stdout.decode(errors="replace").split()
        if not remotes:
            return f"git knows no revision {revision!r} here, and there is no remote to fetch it from"
        remote, _, branch = revision.partition("/")
        again = ""
        if _HASH.fullmatch(revision):
            what = [remotes[0], revision]
        elif branch and remote in remotes:
            what = [remote, f"{branch}:refs/remotes/{revision}"]
        else:
            what = [remotes[0], revision]
            again = " and name it FETCH_HEAD"
        shallow = _git(self.directory, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true"
        depth = ["--depth=1"] if shallow else []
        command = shlex.join(["git", "fetch", *depth, *what])
        clone = "this shallow clone does not have" if shallow else "this clone does not have"
        return f"{clone} the revision {revision!r}: fetch it with `{command}`{again}"


def find_repository(directory: Path | str) -> Repository:
    """Return the repository that a directory lies in."""
    path = os.path.realpath(directory)
    if not Path(path).is_dir():
        raise GitUnusable(f"{os.fspath(directory)!r} is not a directory")
    done = _git(path, "rev-parse", "--show-toplevel")
    if done.returncode:
        said = _said(done)
        if "not a git repository" in said:
            raise GitUnusable(f"{os.fspath(directory)!r} is not in a git repository")
        raise GitUnusable(f"git refuses {os.fspath(directory)!r}: {said}")
    return Repository(os.fsdecode(done.stdout.removesuffix(b"\n")), path)


def _git(directory: str, *words: str) -> subprocess.CompletedProcess[bytes]:
    environment = {name: value for name, value in os.environ.items() if name not in _LOCAL}
    environment |= {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    command: Sequence[str] = ("git", "--no-pager", *words)
    try:
        return subprocess.run(  # noqa: S603 -- no shell, and `--end-of-options` stands before what a user named
            command,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise GitUnusable("the program `git` is not installed") from None
    except subprocess.TimeoutExpired:
        raise GitUnusable(f"git {words[0]} did not end within {_SECONDS} s") from None


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    """Return what git complained of, in one line."""
    lines = [line.strip() for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
    return " ".join(lines) or f"it ended with {done.returncode}"
