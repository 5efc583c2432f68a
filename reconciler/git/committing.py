"""Commits made in the clone and pushed to where it comes from: one file each, on top of a commit that is known. Never by force.

No work tree, no hook, no filter has a say: a commit is its parent with the bytes of one file replaced. What the remote refuses
since its branch went on is told apart from what it refuses for good.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from reconciler.git.clone import Clone
from reconciler.git.commands import Ended, Git, GitUnusable, TooSlow
from reconciler.git.remotes import Remote

KEY = "Order-Key"
"""The trailer by which a commit is found again, whoever made it."""

_FILES = frozenset({"100644", "100755"})
_NEW_FILE = "100644"
_PERSON = re.compile(r"([^<>\n\r\0]*[^<>\s\0]) <([^<>\s\0]+)>")
_MOVED = re.compile(
    r"\[rejected\]|fetch first|non-fast-forward|cannot lock ref|failed to update ref|incorrect old value|stale info"
)
_REFUSALS = (
    (r"refusing to update checked out branch|denyCurrentBranch",
     "the branch is checked out there: name a bare repository (git clone --bare), or one that is not worked in"),
    (r"hook declined|protected branch|GH006|GL-HOOK|not allowed to push",
     "the branch is protected there: let this account push to it, or take orders as branches (--orders branch)"),
    (r"denied|not permitted|error: 40[13]|HTTP 40[13]|read-only|unable to write|insufficient permission",
     "this account may read the repository and not write to it: give its token or key that right"),
)  # fmt: skip


class BranchMoved(Exception):
    """The branch went on meanwhile; nothing was pushed."""


class NotWritable(GitUnusable):
    """The file cannot be changed by a commit as it is in the repository."""


class Unproven(GitUnusable):
    """Whether the remote took what was pushed cannot be told; the message says so."""


@dataclass(frozen=True, slots=True)
class Person:
    """An author or a committer."""

    name: str
    mail: str

    @staticmethod
    def of(written: str) -> Person:
        """Read `NAME <MAIL>`.

        Raises:
            ValueError: it is not of this form.
        """
        found = _PERSON.fullmatch(written.strip())
        if found is None:
            raise ValueError(f"write NAME <MAIL>, as in 'Orders <orders@example.com>', not {written!r}")
        return Person(*found.groups())


@dataclass(frozen=True, slots=True)
class ProposedCommit:
    """What a commit changes, and what it says.

    Args:
        path: the file, from the root of the repository on.
        before: its bytes as they are in the parent; None if it is not there.
        after: its bytes as they are to be.
        message: of the commit.
        trailers: what it says of itself for programs, by name; in lines at the end of the message.
    """

    path: str
    before: bytes | None = field(repr=False)
    after: bytes = field(repr=False)
    message: str
    trailers: Mapping[str, str]

    @property
    def whole_message(self) -> bytes:
        """The message with its trailers."""
        lines = (f"{name}: {value}" for name, value in self.trailers.items())
        return "\n".join([self.message, "", *lines, ""]).encode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True)
class Noted:
    """A commit that bears a key, and its trailers by name."""

    commit: str
    trailers: Mapping[str, str]


@dataclass(slots=True)
class Committer:
    """Makes commits in a clone.

    Args:
        clone: where they are made.
        index: a file that is kept between two of them.
        author: who wrote what is committed.
        committer: who commits it.
    """

    clone: Clone
    index: Path
    author: Person
    committer: Person
    index_at: str = ""

    def commit(self, parent: str, proposal: ProposedCommit) -> str:
        """Make a commit on top of another, and return its hash; nobody sees it yet.

        Raises:
            NotWritable: the file is not what was to be changed.
            GitUnusable: git cannot do it.
        """
        git = self._git()
        mode = self._mode(git, parent, proposal)
        if self.index_at != parent:
            _run(git, "read-tree", "--end-of-options", parent)
        self.index_at = ""
        with _file_with(proposal.after) as content:
            blob = _run(git, "hash-object", "-w", "--stdin", source=content)
        _run(git, "update-index", "--add", "--cacheinfo", f"{mode},{blob},{proposal.path}")
        tree = _run(git, "write-tree")
        with _file_with(proposal.whole_message) as message:
            commit = _run(git, "commit-tree", "-p", parent, "-F", "-", tree, source=message)
        self.index_at = commit
        return commit

    def _mode(self, git: Git, parent: str, proposal: ProposedCommit) -> str:
        """Return the mode of the file, after it was seen that it is as it was when the change was thought of."""
        listed = git.run("ls-tree", "-z", "--full-tree", "--end-of-options", parent, proposal.path)
        found = listed.output.decode(errors="replace").rstrip("\0")
        if proposal.before is None:
            if listed.code or found:
                raise NotWritable(f"{proposal.path} is in the repository already, and is not written over")
            return _NEW_FILE
        mode = found.partition(" ")[0]
        if listed.code or mode not in _FILES:
            raise NotWritable(
                f"{proposal.path} is no file in the repository, but a link or reached by one: edit it by hand"
            )
        held = git.run("cat-file", "blob", "--end-of-options", f"{parent}:{proposal.path}")
        if held.code or held.output != proposal.before:
            raise NotWritable(f"{proposal.path} is not as it was read: try again")
        return mode

    def _git(self) -> Git:
        git = self.clone.git
        variables = {
            "GIT_INDEX_FILE": str(self.index),
            "GIT_AUTHOR_NAME": self.author.name,
            "GIT_AUTHOR_EMAIL": self.author.mail,
            "GIT_COMMITTER_NAME": self.committer.name,
            "GIT_COMMITTER_EMAIL": self.committer.mail,
        }
        return replace(git, environment={**git.environment, **variables})


@dataclass(frozen=True, slots=True)
class Pusher:
    """Pushes to where a clone comes from.

    Args:
        git: git that may reach the remote, run in the clone.
        remote: where to.
        seconds: how long a push may take.
    """

    git: Git
    remote: Remote
    seconds: float

    def push(self, commit: str, branch: str) -> None:
        """Let a branch go on to a commit, or begin there.

        Raises:
            Moved: it went elsewhere meanwhile.
            Unproven: no answer came in time.
            GitUnusable: the remote does not take it; the message says why.
        """
        words = ("push", "--porcelain", "--no-progress", "--no-verify", "--end-of-options", self.remote.url)
        try:
            done = self.git.run(*words, f"{commit}:refs/heads/{branch}", seconds=self.seconds)
        except TooSlow as error:
            raise Unproven(f"{self.remote.shown}: {error}; it may have been taken all the same") from None
        if done.code == 0:
            return
        said = f"{done.text} {done.complaint}"
        for pattern, meaning in _REFUSALS:
            if re.search(pattern, said, re.IGNORECASE):
                raise GitUnusable(f"{self.remote.shown}: {meaning} (git: {done.said})")
        if _MOVED.search(said):
            raise BranchMoved
        raise Unproven(f"{self.remote.explain(done.said)}; what was pushed may have been taken all the same")


@dataclass(slots=True)
class Ledger:
    """The commits of a branch that bear a key, read once and then only what is new."""

    _by_key: dict[str, Noted] = field(default_factory=dict)
    _at: str = ""

    def bring(self, clone: Clone, head: str) -> None:
        """Read what there is up to a commit. After a forced push all is read again."""
        if self._at == head:
            return
        is_later = bool(self._at) and not clone.is_rewritten(self._at, head)
        span = (f"{self._at}..{head}",) if is_later else (head,)
        found = {noted.trailers[KEY]: noted for noted in noted_in(clone.git, *span)}
        # The oldest counts: it is the one that was answered.
        self._by_key = {**found, **self._by_key} if is_later else found
        self._at = head

    def note(self, commit: str, proposal: ProposedCommit) -> None:
        """Take note of a commit that was made on top of the last one."""
        if KEY in proposal.trailers:
            self._by_key.setdefault(proposal.trailers[KEY], Noted(commit, proposal.trailers))
        self._at = commit

    def find(self, key: str) -> Noted | None:
        """Return the commit that bears a key."""
        return self._by_key.get(key)


def noted_in(git: Git, *revisions: str, most: int | None = None) -> Iterator[Noted]:
    """Yield the commits that bear a key, newest first; no more than so many, if a number is given."""
    limit = () if most is None else (f"--max-count={most}",)
    words = ("log", "-z", *limit, f"--grep=^{KEY}: ", "--format=%H%n%(trailers:only,unfold)")
    done = git.run(*words, "--end-of-options", *revisions, "--")
    if done.code:
        raise GitUnusable(f"git cannot read the history of orders: {done.said}")
    for record in done.output.decode(errors="replace").split("\0"):
        commit, _, rest = record.partition("\n")
        trailers = dict(line.split(": ", 1) for line in rest.splitlines() if ": " in line)
        if KEY in trailers:
            yield Noted(commit.strip(), trailers)


def _run(git: Git, *words: str, source: IO[bytes] | None = None) -> str:
    done: Ended = git.run(*words, source=source)
    if done.code:
        raise GitUnusable(f"git {words[0]} failed: {done.said}")
    return done.text


def _file_with(data: bytes) -> IO[bytes]:
    content = tempfile.TemporaryFile()  # noqa: SIM115 -- whoever takes it closes it
    content.write(data)
    content.seek(0)
    return content
