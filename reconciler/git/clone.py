"""The clone that a branch is fetched into: a bare repository of our own, which nobody has to repair.

It has the whole history of one branch, so that a forced push can be told from a new commit. If it cannot be used, for
whatever reason, while the remote answers, another one is made beside it and takes its place.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from reconciler.git.commands import Damaged, Ended, Git, GitUnusable, TooSlow
from reconciler.git.remotes import Remote
from reconciler.git.whole_files import name_aside, remove

_HEAD = "refs/fleet/head"
_KEPT = "refs/fleet/kept/"
_OTHER = "refs/fleet/other"
_NOTHING_FOUND = 2
_NOT_ANCESTOR = 1
_SHA256_DIGITS = 64
_MOST_NAMED = 5
_MOST_WRITTEN = 200


@dataclass(frozen=True, slots=True)
class Facts:
    """What a commit says of itself: when it was made, by whom, and its first line."""

    committed_at: datetime
    author: str
    subject: str


class Clone:
    """A clone of one branch.

    Args:
        directory: where it is kept; others of its kind are made beside it.
        remote: where it comes from.
        branch: name of the branch.
        local: git where nothing is fetched.
        fetching: git that may reach the remote.
        fetch_seconds: how long a fetch may take.
    """

    def __init__(
        self, directory: Path, remote: Remote, branch: str, local: Git, fetching: Git, fetch_seconds: float
    ) -> None:
        self._directory = directory
        self._remote = remote
        self._branch = branch
        self._local = local
        self._fetching = fetching
        self._fetch_seconds = fetch_seconds

    @property
    def git(self) -> Git:
        """Git, run in the clone; it fetches nothing."""
        return _inside(self._local, self._directory)

    @property
    def fetching(self) -> Git:
        """Git, run in the clone, that may reach the remote."""
        return _inside(self._fetching, self._directory)

    def remote_head(self) -> str:
        """Ask the remote for the head of the branch: one round trip, and nothing is fetched.

        Raises:
            GitUnusable: the remote does not answer, or has no such branch.
        """
        head = self._head_of(self._branch)
        if head is None:
            raise GitUnusable(f"{self._remote.shown}: there is no branch {self._branch!r}{self._others()}")
        return head

    def bring_other(self, branch: str) -> str | None:
        """Fetch the head of another branch, and return its hash; None if the remote has no such branch.

        Raises:
            GitUnusable: the remote does not answer, or does not give it.
        """
        head = self._head_of(branch)
        if head is not None:
            self._fetch_ref(self.fetching, f"+refs/heads/{branch}:{_OTHER}")
        return head

    def _head_of(self, branch: str) -> str | None:
        name = f"refs/heads/{branch}"
        done = self._ask(
            self._fetching, "ls-remote", "--exit-code", "--quiet", "--end-of-options", self._remote.url, name
        )
        if done.code not in {0, _NOTHING_FOUND}:
            raise GitUnusable(self._remote.explain(done.said))
        found = (line.partition("\t") for line in done.text.splitlines())
        return next((commit for commit, _, ref in found if ref == name), None)

    def has(self, commit: str) -> bool:
        """Tell whether the head that was fetched last is this commit."""
        return self._directory.is_dir() and self._fetched().text == commit

    def bring(self, head: str) -> str:
        """Fetch the branch, into a new clone if the old one cannot be used.

        Args:
            head: the hash that the remote named.

        Returns:
            The hash of its head, which may be a later one than was asked for.

        Raises:
            GitUnusable: the remote does not give it.
        """
        if not self._directory.is_dir():
            return self.renew(head)
        try:
            return self._fetch_into(self._directory)
        except TooSlow:
            raise
        except GitUnusable:
            return self.renew(head)

    def renew(self, head: str) -> str:
        """Clone anew, and put the new clone in the place of the old one only when it is complete."""
        new = name_aside(self._directory.parent)
        kind = "sha256" if len(head) == _SHA256_DIGITS else "sha1"
        words = ("init", "--bare", "--quiet", "--template=", f"--object-format={kind}", "--initial-branch=none")
        try:
            made = self._local.run(*words, "--end-of-options", str(new))
            if made.code:
                raise GitUnusable(f"no clone can be made in {self._directory.parent}: {made.said}")
            commit = self._fetch_into(new)
            remove(self._directory)
            new.rename(self._directory)
        finally:
            remove(new)
        return commit

    def facts(self, commit: str) -> Facts:
        """Return what a commit says of itself, fit to be printed."""
        words = ("log", "-1", "--encoding=UTF-8", "--format=%ct%x00%an%x00%s", "--end-of-options", commit, "--")
        done = self.git.run(*words)
        parts = done.output.decode(errors="replace").removesuffix("\n").split("\0")
        if done.code or len(parts) != 3:  # noqa: PLR2004 -- as the format says
            raise Damaged(f"git cannot read the commit {commit[:12]}: {done.said}")
        return Facts(_moment(parts[0]), _printable(parts[1]), _printable(parts[2]))

    def is_rewritten(self, former: str, commit: str) -> bool:
        """Tell whether a commit does not come after a former one, as after a forced push.

        A former commit that a new clone does not have is not in the history of the branch either.
        """
        if former == commit:
            return False
        return self.git.run("merge-base", "--is-ancestor", "--end-of-options", former, commit).code >= _NOT_ANCESTOR

    def hold(self, commit: str) -> None:
        """Keep a commit even if no branch has it any more."""
        done = self.git.run("update-ref", "--end-of-options", f"{_KEPT}{commit}", commit)
        if done.code:
            raise Damaged(f"git cannot keep the commit {commit[:12]}: {done.said}")

    def hold_only(self, commits: Collection[str]) -> None:
        """Let go of the commits that were kept, but for these. A clone that cannot be read is left alone."""
        if not self._directory.is_dir():
            return
        for name in self.git.run("for-each-ref", "--format=%(refname)", _KEPT).text.split():
            if name.removeprefix(_KEPT) not in commits:
                self.git.run("update-ref", "-d", "--end-of-options", name)

    def _fetch_into(self, directory: Path) -> str:
        self._fetch_ref(_inside(self._fetching, directory), f"+refs/heads/{self._branch}:{_HEAD}")
        fetched = self._fetched(directory)
        if fetched.code:
            raise GitUnusable(f"{self._remote.shown}: the head of {self._branch!r} is not a commit: {fetched.said}")
        return fetched.text

    def _fetch_ref(self, git: Git, refs: str) -> None:
        flags = ("--quiet", "--no-progress", "--force", "--no-tags", "--no-write-fetch-head", "--update-shallow")
        done = self._ask(git, "fetch", *flags, "--end-of-options", self._remote.url, refs)
        if done.code:
            raise GitUnusable(self._remote.explain(done.said))

    def _ask(self, git: Git, *words: str) -> Ended:
        seconds = self._fetch_seconds if words[0] == "fetch" else None
        try:
            return git.run(*words, seconds=seconds)
        except TooSlow as error:
            raise TooSlow(f"{self._remote.shown}: {error}: see the network and the host") from None

    def _fetched(self, directory: Path | None = None) -> Ended:
        git = _inside(self._local, directory or self._directory)
        return git.run("rev-parse", "--verify", "--end-of-options", f"{_HEAD}^{{commit}}")

    def _others(self) -> str:
        """Name some of the branches that there are."""
        done = self._fetching.run("ls-remote", "--heads", "--quiet", "--end-of-options", self._remote.url)
        if done.code:
            return ""
        names = sorted(_printable(line.partition("refs/heads/")[2]) for line in done.text.splitlines())
        if not names:
            return "; the repository has no branch yet"
        more = f", and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        return f"; there is {', '.join(names[:_MOST_NAMED])}{more}"


def _inside(git: Git, directory: Path) -> Git:
    # Named, and not found by looking around: a broken clone would lead git to a repository above it.
    variables = {**git.environment, "GIT_DIR": str(directory)}
    return Git(str(directory), variables, git.options, git.seconds, git.scrub, git.stop)


def _moment(seconds: str) -> datetime:
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


def _printable(text: str) -> str:
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return shown if len(shown) <= _MOST_WRITTEN else f"{shown[:_MOST_WRITTEN]}…"
