"""What the engine needs of a template to put a new version in its place: a part of `ports.Database`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from reconciler.core.policies.template_versions import Rebuilding


class Rebuildable(Protocol):
    """A template, opened as its admin account, as what is known of its making. Every method may raise a `HostError`."""

    async def altered(self) -> Mapping[str, int]:
        """Count by table the rows that somebody has written since it was built; of what noted no version, nothing.

        Where it was built later than now by its own clock, `template_versions.CLOCK_AHEAD` is among them: nothing tells then.
        Not what this tool writes in place, nor what a look leaves behind: parameters, schedules, sessions, the admin account.
        """
        ...

    async def note_upgraded(self) -> None:
        """Count what the upgrade that is noted has written as part of its making, unless somebody had written before that."""
        ...

    async def note_rebuilding(self, note: Rebuilding) -> None:
        """Note why no new version took its place."""
        ...
