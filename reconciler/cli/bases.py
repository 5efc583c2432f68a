"""`--base REF`: limits a run to what the text changed since a revision of git, and says so where that cannot be known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from reconciler.cli import screens
from reconciler.cli.options import Common, Confirmed, RunOptions
from reconciler.cli.sessions import Aim, given_aim
from reconciler.core.revisions import compare
from reconciler.fleet.desired import Desired
from reconciler.reports.escapes import visible

if TYPE_CHECKING:
    from reconciler.loading.base import Base


def aim_since(base: str | None, desired: Desired, common: Common, options: RunOptions, confirmed: Confirmed) -> Aim:
    """Read what the options limit a run to, and limit it further to what changed since a revision, if one is given.

    Without a valid fleet at that revision nothing is known to be as it was: the run is then not limited, and says so.
    """
    if base is None:
        return given_aim(desired, options, confirmed)
    from reconciler.git.revisions import GitUnusable  # noqa: PLC0415 -- only with --base
    from reconciler.loading.base import load_base  # noqa: PLC0415 -- see above

    try:
        earlier = load_base(common.fleet, base)
    except GitUnusable as error:
        raise click.UsageError(f"--base: {visible(str(error))}") from error
    aim = given_aim(desired, options, confirmed, earlier.desired)
    if earlier.desired is None:
        commit = earlier.commit[:12]
        unknown = f"no limit by --base {base} ({commit}): {earlier.problem}"
        screens.say(f"{visible(unknown)}. All counts as new or changed; what was removed since is not known.")
        return replace(aim, remark=unknown)
    if not earlier.is_fork_point:
        _tell_apart(base, earlier)
    limits = aim.limits
    since = compare(earlier.desired, desired, revision=base, commit=earlier.commit, selection=limits.selection)
    return replace(aim, limits=replace(limits, selection=since.narrow(limits.selection), since=since))


def _tell_apart(base: str, earlier: Base) -> None:
    screens.say(
        f"warning: this clone does not reach back to where it left {visible(base)}, so {earlier.commit[:12]} itself is"
        " compared with: what was added there since looks removed here. `git fetch --unshallow` brings the history."
    )
