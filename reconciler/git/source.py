"""A branch of a git repository as the source of a fleet: fetched, checked and laid out on disk, one directory a revision.

Everything is done by the real `git`, in a thread, one thing at a time. Cancelling kills what runs. A revision is given
out only when it is wholly on disk; what was given out before stays as it is.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from reconciler.git.clone import Clone
from reconciler.git.commands import Damaged, Git, GitUnusable, Stop
from reconciler.git.committing import Pusher
from reconciler.git.exports import Exported, Exports
from reconciler.git.own_directory import GitDirectory
from reconciler.git.remotes import OPTIONS, RemoteAccess, environment, fetching_environment, parse_remote, scrubber
from reconciler.git.signatures import Signers, Unsigned
from reconciler.git.trees import Checkout, NotInCommit, select
from reconciler.git.writing import BranchWriter, Reached, Result, Signature, Wanted
from schemas.secrets import Secret

__all__ = ["GitOptions", "GitSource", "GitUnusable", "Revision", "Unsigned"]

_T = TypeVar("_T")
_LOCAL_SECONDS = 60
_NOT_IN_BRANCH = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|$)|^[-/.]|[/.]$|^@$")


@dataclass(frozen=True, slots=True)
class GitOptions:
    """Where a fleet's text comes from.

    Args:
        url: `https://`, `ssh://`, `git@host:path`, `file://` or a path, without a password.
        branch: name of the branch.
        path: the fleet's directory inside the repository, "." for its root.
        directory: where clones and revisions are kept; ours alone, and worth keeping when the process ends.
        token: gives the token for https, asked at each fetch; raises `GitUnusable`.
        ssh_key: file of the private key, None for the keys of the account.
        known_hosts: file of the host keys to trust, None for those that the account knows. Others are never trusted.
        signed_only: a head that is not signed is refused.
        allowed_signers: file of the SSH keys whose signatures count, None for the GnuPG keyring of the account.
        ask_seconds: how long the remote may take to name its head.
        fetch_seconds: how long a fetch may take, the first of all history too.
        push_seconds: how long a push may take.
    """

    url: str
    branch: str
    path: str
    directory: Path
    token: Callable[[], Secret] | None = None
    ssh_key: Path | None = None
    known_hosts: Path | None = None
    signed_only: bool = False
    allowed_signers: Path | None = None
    ask_seconds: float = 30
    fetch_seconds: float = 600
    push_seconds: float = 15


@dataclass(frozen=True, slots=True)
class Revision:
    """A fleet as it is in one commit.

    Args:
        commit: its hash.
        committed_at: when it was committed, in UTC, as the committer says.
        author: name of its author.
        subject: its first line.
        root: the fleet's directory, as it is in that commit; it does not change while the revision is kept.
        rewritten: the branch was pushed by force: the revision before is not an ancestor of this one.
    """

    commit: str
    committed_at: datetime
    author: str
    subject: str
    root: Path
    rewritten: bool


class GitSource:
    """A branch to take a fleet from.

    Args:
        options: where it is.
        environ: the environment to run git with, of which only a few variables are given on.

    Raises:
        GitUnusable: the options cannot be right: an address with a password, a branch that cannot be.
    """

    def __init__(self, options: GitOptions, environ: Mapping[str, str] = os.environ) -> None:
        # Absolute: git is run in it, and would look for a relative one from there.
        self._options = options = replace(options, directory=options.directory.absolute())
        self._environ = environ
        self._remote = parse_remote(options.url, has_token=options.token is not None)
        self.inside = _inner(options.path)
        if not options.branch or _NOT_IN_BRANCH.search(options.branch):
            raise GitUnusable(f"{options.branch!r} cannot be the name of a branch")
        if options.token is not None and not self._remote.origin:
            raise GitUnusable(f"{self._remote.shown} needs no token: a token is for https addresses")
        origin = {"url": self._remote.shown, "branch": options.branch, "path": self.inside}
        self._place = GitDirectory(options.directory, origin)
        self._exports = Exports(self._place.revisions)
        self._signers = Signers(options.allowed_signers) if options.signed_only else None
        self._newest: Revision | None = None
        self._writer: BranchWriter | None = None
        self._turn = asyncio.Lock()

    @property
    def branch(self) -> str:
        """Name of the branch."""
        return self._options.branch

    def path_of(self, inside: str) -> str:
        """Return where the repository has a file of the fleet."""
        return f"{self.inside}/{inside}" if self.inside else inside

    async def fetch(self) -> Revision:
        """Return the head of the branch, fetched if it is new and laid out on disk.

        The very same object is returned as long as there is nothing new.

        Raises:
            Unsigned: the head is not signed by somebody who may.
            GitUnusable: there is no such revision to be had; the message says why and what to do.
        """
        return await self._in_thread(self._fetch)

    async def last(self) -> Revision | None:
        """Return the revision that was marked as in force, from the disk alone; None if there is none.

        Raises:
            Unsigned: only signed revisions are taken now, and it is not.
            GitUnusable: the directory cannot be used.
        """
        return await self._in_thread(self._last)

    async def mark_in_force(self, revision: Revision) -> None:
        """Remember a revision as the one in force, for after a restart."""
        await self._in_thread(lambda _: self._place.set_in_force(revision.commit))

    async def keep(self, commits: Collection[str]) -> None:
        """Remove the directories of all revisions but these."""
        await self._in_thread(lambda stop: self._keep(frozenset(commits), stop))

    async def write(self, signature: Signature, wishes: Sequence[Wanted]) -> list[Result]:
        """Put commits on the branch, or on branches of their own, and return what became of each wish.

        Raises:
            Moved: others were faster again and again; nothing was pushed.
            Unproven: whether the remote took them cannot be told.
            GitUnusable: the remote does not take them; the message says why.
        """
        return await self._in_thread(lambda stop: self._write(signature, wishes, stop))

    async def close(self) -> None:
        """Let others use the directory."""
        async with self._turn:
            self._place.close()

    async def _in_thread(self, work: Callable[[Stop], _T]) -> _T:
        async with self._turn:
            stop = Stop()
            running = asyncio.ensure_future(asyncio.to_thread(self._open_and, work, stop))
            running.add_done_callback(lambda done: done.cancelled() or done.exception())
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                stop.set()
                await asyncio.wait([running])
                raise

    def _open_and(self, work: Callable[[Stop], _T], stop: Stop) -> _T:
        try:
            if self._place.open():
                self._exports.remove_leftovers()
            return work(stop)
        except OSError as error:
            where = self._options.directory if error.filename is None else os.fsdecode(error.filename)
            raise GitUnusable(f"{str(where)!r} cannot be used: {os.strerror(error.errno or 0).lower()}") from error

    def _fetch(self, stop: Stop) -> Revision:
        if self._signers is not None:
            self._signers.read()
        clone = self._clone(self._fetching(stop), stop)
        head = clone.remote_head()
        if self._newest is not None and self._newest.commit == head and self._exports.find(head) is not None:
            return self._newest
        commit = head if clone.has(head) else clone.bring(head)
        try:
            exported = self._lay_out(clone, commit)
        except Damaged:
            commit = clone.renew(commit)
            exported = self._lay_out(clone, commit)
        rewritten = self._is_rewritten(clone, commit)
        self._place.set_newest(commit, rewritten=rewritten)
        if self._writer is not None:
            self._writer.known(commit)
        self._newest = self._revision(exported, rewritten=rewritten)
        return self._newest

    def _write(self, signature: Signature, wishes: Sequence[Wanted], stop: Stop) -> list[Result]:
        if self._writer is None:
            self._writer = BranchWriter(self._options.branch, signature, self._options.directory / "orders.index")
        clone = self._clone(self._fetching(stop), stop)
        pusher = Pusher(clone.fetching, self._remote, self._options.push_seconds)

        def lay_out(commit: str) -> Path:
            return self._root(self._lay_out(clone, commit))

        reached = Reached(clone, pusher, lambda: self._fetch(stop).commit, lay_out)
        return self._writer.write(reached, wishes, stop)

    def _lay_out(self, clone: Clone, commit: str) -> Exported:
        """Return the directory of a commit, after its signature was checked."""
        facts = clone.facts(commit)
        if self._signers is not None:
            try:
                self._signers.check(clone.git, commit)
            except Unsigned as error:
                raise Unsigned(f"{self._name()}: {commit[:12]} ({facts.subject}) is refused: {error}") from None
        clone.hold(commit)
        found = self._exports.find(commit)
        if found is None:
            like = self._newest.commit if self._newest is not None else self._place.in_force()
            found = self._exports.add(clone.git, commit, self._select(clone.git, commit), facts=facts, like=like)
        return found

    def _select(self, git: Git, commit: str) -> Checkout:
        try:
            selection = select(git, commit, self.inside)
        except NotInCommit as error:
            raise GitUnusable(f"{self._name()}: {error}: see the path, or push the fleet to there") from None
        if selection.refused:
            more = f", and {len(selection.refused) - 1} more" if len(selection.refused) > 1 else ""
            what = f"{selection.refused[0]}{more}: put the files themselves there"
            raise GitUnusable(f"{self._name()}: {commit[:12]} is refused: {what}")
        return selection

    def _is_rewritten(self, clone: Clone, commit: str) -> bool:
        """Tell whether the branch was pushed by force; of the commit that was given out last, what was told then."""
        former = self._place.newest()
        if former is None:
            return False
        return former[1] if former[0] == commit else clone.is_rewritten(former[0], commit)

    def _last(self, stop: Stop) -> Revision | None:
        commit = self._place.in_force()
        if commit is None:
            return None
        found = self._exports.find(commit)
        if found is None or self._signers is not None:
            try:
                found = self._lay_out(self._clone(self._local(stop), stop), commit)
            except Damaged:
                # Nothing but a fetch can bring it back.
                return None
        return self._revision(found, rewritten=self._place.newest() == (commit, True))

    def _keep(self, commits: frozenset[str], stop: Stop) -> None:
        self._exports.keep(commits)
        in_force = self._place.in_force()
        held = commits if in_force is None else commits | {in_force}
        self._clone(self._local(stop), stop).hold_only(held)

    def _revision(self, exported: Exported, *, rewritten: bool) -> Revision:
        facts = exported.facts
        root = self._root(exported)
        return Revision(exported.commit, facts.committed_at, facts.author, facts.subject, root, rewritten)

    def _root(self, exported: Exported) -> Path:
        return exported.export.root / self.inside if self.inside else exported.export.root

    def _clone(self, fetching: Git, stop: Stop) -> Clone:
        seconds = self._options.fetch_seconds
        local = self._local(stop)
        return Clone(self._place.clone, self._remote, self._options.branch, local, fetching, seconds)

    def _local(self, stop: Stop) -> Git:
        return Git(str(self._options.directory), environment(self._environ), OPTIONS, _LOCAL_SECONDS, stop=stop)

    def _fetching(self, stop: Stop) -> Git:
        options = self._options
        token = self._token()
        access = RemoteAccess(self._place.askpass, token.reveal(), options.ssh_key, options.known_hosts)
        variables = fetching_environment(self._environ, self._remote, access)
        scrub = scrubber(token.reveal(), self._remote.user)
        return Git(str(options.directory), variables, OPTIONS, options.ask_seconds, scrub, stop)

    def _token(self) -> Secret:
        if self._options.token is None:
            return Secret("")
        token = Secret(self._options.token().reveal().strip())
        if not token or not token.reveal().isprintable():
            raise GitUnusable(f"{self._remote.shown}: the token is empty, or holds signs that no token has")
        return token

    def _name(self) -> str:
        return f"branch {self._options.branch!r} of {self._remote.shown}"


def _inner(path: str) -> str:
    """Write a path inside the repository as git does: "" for its root."""
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if path.startswith("/") or ".." in parts or "\0" in path:
        raise GitUnusable(
            f"{path!r} is not a directory inside the repository: name it from the root of the repository on"
        )
    return "/".join(parts)
