"""Where a daemon's text comes from, as one protocol: a directory that is watched, or a branch that is polled."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from reconciler.loading.fleet_directory import Loaded
from reconciler.notices.notices import NoticeName


@dataclass(frozen=True, slots=True)
class Offer:
    """A text that was found, valid or not.

    Args:
        loaded: the fleet, or what is wrong with it.
        root: the directory that it lies in; stays as it is while it is in force.
        revision: the commit; empty if it is in no repository.
        about: who committed what, for people.
        rewritten: the branch was pushed by force, and the text in force is no longer part of its history.
        path: where the repository has that directory, if its files are to be named so; else they are named as they are here.
    """

    loaded: Loaded
    root: Path
    revision: str = ""
    about: str = ""
    rewritten: bool = False
    path: str | None = None

    def shown(self, text: str) -> str:
        """Name its files in a text as people find them: as the repository has them, not as they lie on this machine."""
        if self.path is None:
            return text
        inside = "" if self.path in ("", ".") else f"{self.path}/"
        return re.sub(rf"(?<![\w./-]){re.escape(os.fspath(self.root))}/", lambda _: inside, text)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why no text can be had now: `name` is SOURCE_UNREACHABLE or REVISION_UNSIGNED."""

    name: NoticeName
    why: str


class TextSource(Protocol):
    """Finds texts and offers them, the first as soon as there is one."""

    async def follow(self, offer: Callable[[Offer], bool], trouble: Callable[[Trouble | None], None]) -> None:
        """Go on until cancelled.

        Args:
            offer: takes each text that differs from the one before; tells whether it came into force.
            trouble: told when no text can be had, and with None when it can be had again.
        """

    def poke(self) -> None:
        """Look now."""
