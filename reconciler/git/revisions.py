"""What git knows of a fleet's directory: its repository, a revision, the fleet as it was then, the files changed since.

The real `git` is asked, and not to fetch: what is missing is an error that says which command brings it. Nothing that a
user names can become an option, git never asks for a password, and file names are read with NUL between them.
"""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from reconciler.git.commands import Git, GitUnusable
from reconciler.git.trees import NotInCommit, select, write

__all__ = [
    "GitUnusable",
    "NotInCommit",
    "Repository",
    "find_repository",
    "fleet_at",
    "path_in_repository",
    "revision_of",
]

_SECONDS = 60
_QUICK_SECONDS = 10
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
        done = _git(self.directory).run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
        )
        if done.code:
            raise GitUnusable(self._missing(revision))
        return done.text

    def fork_point(self, commit: str) -> str | None:
        """Return the commit at which this work tree left a commit's history; None if the clone does not reach back to there."""
        base = _git(self.directory).run("merge-base", "--end-of-options", commit, "HEAD")
        return None if base.code else base.text

    def changed_files(self, commit: str) -> frozenset[str]:
        """Return the files, by absolute path, that differ from where this work tree left a commit's history.

        Files that are not added yet count. In a shallow clone that does not reach back to there, the commit itself
        is compared with.
        """
        start = self.fork_point(commit) or commit
        changed = self._names(*_DIFF, start, "--")
        added = self._names("ls-files", "--others", "--exclude-standard", "--full-name", "-z", "--", ":/")
        return frozenset(os.path.join(self.root, name) for name in (*changed, *added))  # noqa: PTH118 -- plain texts

    def _names(self, *words: str) -> list[str]:
        done = _git(self.directory).run(*words)
        if done.code:
            raise GitUnusable(f"git {words[0]} failed: {done.said}")
        return [os.fsdecode(name) for name in done.output.split(b"\0") if name]

    def _missing(self, revision: str) -> str:
        remotes = self._remotes()
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
        shallow = _git(self.directory).run("rev-parse", "--is-shallow-repository").text == "true"
        depth = ["--depth=1"] if shallow else []
        command = shlex.join(["git", "fetch", *depth, *what])
        clone = "this shallow clone does not have" if shallow else "this clone does not have"
        return f"{clone} the revision {revision!r}: fetch it with `{command}`{again}"

    def export(self, commit: str, destination: Path) -> Path:
        """Write the directory as it was in a commit, and return where it lies in the destination.

        Links that lead out of the repository, and submodules, are left out.

        Args:
            commit: hash of the commit.
            destination: a directory that is empty or does not exist.

        Raises:
            NotInCommit: the directory did not exist in that commit.
            GitUnusable: the clone does not have all of it; the message says how to fetch it.
        """
        inner = os.path.relpath(self.directory, self.root)
        git = _git(self.root, *_NO_FETCHING)
        try:
            write(git, select(git, commit, inner), destination)
        except NotInCommit:
            raise
        except GitUnusable as error:
            if not self._is_partial():
                raise
            command = shlex.join(["git", "fetch", "--refetch", "--no-filter", *self._remotes()[:1], commit])
            raise GitUnusable(
                f"this partial clone does not have all files of {commit[:12]}: run `{command}`"
            ) from error
        return destination / inner

    def _remotes(self) -> list[str]:
        return _git(self.directory).run("remote").text.split()

    def _is_partial(self) -> bool:
        return _git(self.directory).run("config", "--get-regexp", r"^remote\..*\.promisor$").code == 0


# A partial clone would fetch what it lacks by itself, file by file.
_NO_FETCHING = ("-c", "protocol.allow=never")


def find_repository(directory: Path | str) -> Repository:
    """Return the repository that a directory lies in."""
    path = os.path.realpath(directory)
    if not Path(path).is_dir():
        raise GitUnusable(f"{os.fspath(directory)!r} is not a directory")
    done = _git(path).run("rev-parse", "--show-toplevel")
    if done.code:
        if "not a git repository" in done.said:
            raise GitUnusable(f"{os.fspath(directory)!r} is not in a git repository")
        raise GitUnusable(f"git refuses {os.fspath(directory)!r}: {done.said}")
    return Repository(done.text, path)


def fleet_at(directory: Path, revision: str, destination: Path) -> tuple[str, Path]:
    """Write a fleet's directory as it was at a revision, from the clone that it lies in; nothing is fetched.

    Args:
        directory: the fleet's directory, in a work tree of git.
        revision: what git calls it: a branch, a tag, `origin/main`, a hash, `HEAD~1`.
        destination: a directory that is empty or does not exist.

    Returns:
        The hash of the commit, and the path of the fleet's directory inside the destination.

    Raises:
        NotInCommit: the fleet's directory did not exist at that revision.
        GitUnusable: there is no repository or revision, or the clone lacks some of it; the message says what to fetch.
    """
    repository = find_repository(directory)
    commit = repository.commit(revision)
    return commit, repository.export(commit, destination)


def revision_of(directory: Path) -> str | None:
    """Return the commit of the work tree that a directory lies in, with `-dirty` if files below the directory differ.

    Files that are not added yet count, those that git ignores do not. None where there is no repository, no commit, or
    no git that answers within seconds. Nothing is raised.
    """
    try:
        repository = find_repository(directory)
        git = _git(repository.directory, "-c", "core.fsmonitor=false", seconds=_QUICK_SECONDS)
        head = git.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        if head.code:
            return None
        status = git.run("status", "--porcelain", "-z", "--untracked-files=normal", "--", ".")
    except (GitUnusable, OSError, ValueError):
        return None
    return f"{head.text}-dirty" if status.code or status.output else head.text


def path_in_repository(directory: Path) -> str | None:
    """Return where the work tree that a directory lies in has it; None where there is none. Nothing is raised."""
    try:
        repository = find_repository(directory)
    except (GitUnusable, OSError, ValueError):
        return None
    return os.path.relpath(repository.directory, repository.root)


def _git(directory: str, *options: str, seconds: float = _SECONDS) -> Git:
    environment = {name: value for name, value in os.environ.items() if name not in _LOCAL}
    environment |= {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    return Git(directory, environment, options, seconds)
