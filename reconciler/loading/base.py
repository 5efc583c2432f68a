"""The fleet at an earlier revision, for `plan --base REF`: read from git beside the one of now, and never checked out."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from reconciler.fleet.counting import count
from reconciler.fleet.desired import Desired
from reconciler.fleet.diagnostics import has_errors
from reconciler.git.revisions import NotInCommit, find_repository, fleet_at
from reconciler.loading.fleet_directory import load_fleet


@dataclass(frozen=True)
class Base:
    """What is compared with.

    Args:
        commit: its hash.
        desired: the fleet as it was; None if there was none or it was not valid.
        problem: why there is none, as half a sentence; else empty.
        is_fork_point: whether it is where the work tree left the revision's history, and not that revision itself.
    """

    commit: str
    desired: Desired | None
    problem: str = ""
    is_fork_point: bool = True


def load_base(fleet: Path, revision: str) -> Base:
    """Load the fleet as it was where this work tree left a revision's history.

    In a clone that does not reach back to there, it is the revision itself.

    Args:
        fleet: the fleet's directory.
        revision: as git names it.

    Raises:
        GitUnusable: there is no repository or revision, or the clone lacks some of it; the message says what to fetch.
    """
    repository = find_repository(fleet)
    named = repository.commit(revision)
    start = repository.fork_point(named)
    commit = start or named
    with tempfile.TemporaryDirectory(prefix="odoo-fleet-base-") as directory:
        try:
            _, path = fleet_at(fleet, commit, Path(directory))
        except NotInCommit:
            return Base(commit, None, "the fleet's directory did not exist there", start is not None)
        loaded = load_fleet(path)
    if loaded.desired is not None:
        return Base(commit, loaded.desired, is_fork_point=start is not None)
    if any(d.code == "missing-fleet" for d in loaded.diagnostics):
        return Base(commit, None, "there was no document of kind 'fleet' there", start is not None)
    wrong = sum(has_errors([d]) for d in loaded.diagnostics)
    errors = count(wrong, "error")
    return Base(commit, None, f"the fleet was not valid there ({errors})", start is not None)
