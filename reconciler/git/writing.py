"""Writing to the branch that a fleet comes from: commits on top of its newest, tried again where somebody else was faster."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.git.clone import Clone
from reconciler.git.commands import GitUnusable, Stop
from reconciler.git.committing import (
    KEY,
    BranchMoved,
    Committer,
    Ledger,
    Noted,
    Person,
    ProposedCommit,
    Pusher,
    Unproven,
    noted_in,
)

TRY_SECONDS = 12.0
"""How long it is tried again while others are faster."""

MOST_TOGETHER = 40
_LONGEST_PAUSE = 0.4


@dataclass(frozen=True, slots=True)
class Signature:
    """Whose name the commits bear."""

    author: Person
    committer: Person


@dataclass(frozen=True, slots=True)
class Tip:
    """The commit on top of which the next one comes.

    Args:
        commit: its hash.
        lay_out: returns the fleet's directory as it is there.
        find: returns the commit that bears a key, in the history of this one or on a branch of that key's.
    """

    commit: str
    lay_out: Callable[[], Path]
    find: Callable[[str], Noted | None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One commit that is wanted.

    Args:
        make: thinks of it, on top of a tip; called again where that moved. None: there is nothing to change.
        made: told of the commit before the next one is thought of; it is not pushed yet.
        branch: a branch of its own; empty for the one that the fleet comes from.
    """

    make: Callable[[Tip], ProposedCommit | None]
    made: Callable[[str], None]
    branch: str = ""


@dataclass(frozen=True, slots=True)
class Reached:
    """A remote with the clone of it.

    Args:
        clone: where commits are made.
        pusher: pushes them.
        fetch: brings the newest commit of the branch, and returns its hash.
        lay_out: returns the fleet's directory as it is in a commit.
    """

    clone: Clone
    pusher: Pusher
    fetch: Callable[[], str]
    lay_out: Callable[[str], Path]


Result = str | Exception
"""The commit on which a wish stands, or why it is not fulfilled."""


@dataclass(slots=True)
class BranchWriter:
    """Fulfils wishes, in a thread.

    Args:
        branch: the one that the fleet comes from.
        signature: whose name the commits bear.
        index: a file for git.
    """

    branch: str
    signature: Signature
    index: Path
    _ledger: Ledger = field(default_factory=Ledger)
    _tip: str = ""
    _index_at: str = ""
    _together: int = MOST_TOGETHER

    def write(self, remote: Reached, wishes: Sequence[Wanted], stop: Stop) -> list[Result]:
        """Fulfil wishes, one commit each, pushed together; return what became of the first ones, as many as were tried.

        The newest commit that is known is built on without asking: where the branch went on, the push is refused. Where others
        write as well, fewer are tried together, since many take longer than others leave.
        """
        until, attempt = time.monotonic() + TRY_SECONDS, 0
        is_newest = False
        while True:
            is_apart = bool(wishes[0].branch)
            if not self._tip or attempt or is_apart:
                self._tip, is_newest = remote.fetch(), True
            start = self._tip
            try:
                # Branches of their own are pushed one by one: of several, some could be there and others not.
                results = self._try(remote, wishes[: 1 if is_apart else self._together])
                if is_newest or self._tip != start or remote.fetch() == start:
                    self._together = min(MOST_TOGETHER, 2 * self._together)
                    return results
                # Nothing was to be written, or could be, on top of what was the newest no more: that may be otherwise by now.
            except BranchMoved:
                self._together, self._tip = max(1, self._together // 4), ""
                if time.monotonic() > until:
                    raise
            except BaseException:
                self._tip = ""  # what was thought of on top of it may not be there
                raise
            attempt += 1
            time.sleep(random.uniform(0, min(_LONGEST_PAUSE, 0.02 * 2**attempt)))  # noqa: S311 -- two shall not meet again and again
            stop.check()

    def known(self, commit: str) -> None:
        """Take note of the newest commit that was fetched."""
        self._tip = commit

    def _try(self, remote: Reached, wishes: Sequence[Wanted]) -> list[Result]:
        committer = Committer(remote.clone, self.index, self.signature.author, self.signature.committer, self._index_at)
        results: list[Result] = []
        tip = start = self._tip
        try:
            for wish in wishes:
                try:
                    made = self._commit(remote, committer, tip, wish)
                except (BranchMoved, Unproven):
                    raise
                except Exception as error:  # noqa: BLE001 -- the wish's own failure is its result, and holds up no other
                    results.append(error)
                    continue
                results.append(made or tip)
                tip = tip if wish.branch else made or tip
            if tip != start:
                self._push(remote, tip)
        finally:
            self._index_at = committer.index_at
        self._tip = tip
        return results

    def _commit(self, remote: Reached, committer: Committer, tip: str, wish: Wanted) -> str | None:
        self._ledger.bring(remote.clone, tip)

        def find(key: str) -> Noted | None:
            found = self._ledger.find(key)
            return found if found is not None or not wish.branch else _on_its_branch(remote.clone, wish.branch, key)

        proposal = wish.make(Tip(tip, lambda: remote.lay_out(tip), find))
        if proposal is None:
            return None
        commit = committer.commit(tip, proposal)
        if wish.branch:
            remote.pusher.push(commit, wish.branch)
        else:
            self._ledger.note(commit, proposal)
            wish.made(commit)
        return commit

    def _push(self, remote: Reached, commit: str) -> None:
        try:
            remote.pusher.push(commit, self.branch)
        except Unproven as unproven:
            # The remote says whether it was taken; where it does not, nobody knows.
            try:
                head = remote.fetch()
            except GitUnusable:
                raise unproven from None
            if remote.clone.is_rewritten(commit, head):
                raise


def _on_its_branch(clone: Clone, branch: str, key: str) -> Noted | None:
    head = clone.bring_other(branch)
    if head is None:
        return None
    return next((noted for noted in noted_in(clone.git, head, most=1) if noted.trailers[KEY] == key), None)
