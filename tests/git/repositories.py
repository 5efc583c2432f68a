"""Real repositories of git to test with, below a directory of the test's own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FLEET = "kind: fleet\nformat: 1\ncode: test\n"
PERSON = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}
FILE, LINK, SUBMODULE = "100644", "120000", "160000"


def git(directory: Path, *words: str, data: bytes | None = None) -> str:
    """Run git as the person who makes the repository, and return what it printed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | PERSON
    done = subprocess.run(["git", *words], cwd=directory, env=environment, input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return os.fsdecode(done.stdout).strip()


@dataclass(frozen=True)
class Author:
    """Somebody with a clone, who commits and pushes to a bare repository.

    Args:
        clone: the work tree.
        remote: the bare repository.
    """

    clone: Path
    remote: Path

    def write(self, name: str, text: str | bytes) -> None:
        path = self.clone / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def commit(self, message: str, *options: str, push: bool = True, **files: str) -> str:
        """Commit all that was changed, with these files of the fleet (name without ending to text)."""
        for name, text in files.items():
            self.write(f"fleet/{name}.yaml", text)
        git(self.clone, "add", "--all")
        git(self.clone, "commit", "--quiet", "--allow-empty", f"--message={message}", *options)
        if push:
            self.push()
        return self.head()

    def push(self, *words: str) -> None:
        git(self.clone, "push", "--quiet", *words, "origin", "HEAD:main")

    def head(self) -> str:
        return git(self.clone, "rev-parse", "HEAD")

    def commit_tree(self, entries: dict[bytes, tuple[str, bytes]], message: str = "raw") -> str:
        """Commit a tree that git itself would not make, as it is: name to mode and content (or hash of a commit)."""
        tree = _tree(self.clone, entries)
        commit = git(self.clone, "commit-tree", "-p", "HEAD", "-m", message, tree)
        git(self.clone, "update-ref", "refs/heads/main", commit)
        git(self.clone, "push", "--quiet", "--force", "origin", f"{commit}:refs/heads/main")
        return commit


def _tree(clone: Path, entries: dict[bytes, tuple[str, bytes]]) -> str:
    raw = b""
    for name, (mode, content) in sorted(entries.items()):
        blob = (
            content.decode()
            if mode in {SUBMODULE, "40000"}
            else git(clone, "hash-object", "-w", "--stdin", data=content)
        )
        raw += f"{mode} ".encode() + name + b"\0" + bytes.fromhex(blob)
    return git(clone, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", data=raw)


def tree_of(clone: Path, entries: dict[bytes, tuple[str, bytes]]) -> bytes:
    """Make a tree to be part of another one, and return its hash."""
    return _tree(clone, entries).encode()


def make_author(directory: Path) -> Author:
    """Make a bare repository and a clone of it with one commit: a fleet with one document."""
    remote, clone = directory / "remote.git", directory / "clone"
    directory.mkdir(parents=True, exist_ok=True)
    git(directory, "init", "--quiet", "--bare", "--initial-branch=main", str(remote))
    git(directory, "init", "--quiet", "--initial-branch=main", str(clone))
    git(clone, "remote", "add", "origin", str(remote))
    author = Author(clone, remote)
    author.commit("one", fleet=FLEET)
    return author


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Set variables of this process for a while."""
    former = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in former.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
