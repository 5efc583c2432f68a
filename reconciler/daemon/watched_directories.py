"""A fleet's directory, watched: each change is seen within a moment, and read when the writing is over.

An event of the operating system says only that something happened: what counts is what is then found on the disk. Links that are
re-pointed, directories that are replaced whole, and file systems without events are seen by looking again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from watchfiles import Change, awatch

from reconciler.daemon.sources import Offer, Trouble
from reconciler.git.revisions import path_in_repository, revision_of
from reconciler.loading.incremental import FleetReader
from reconciler.notices.notices import NoticeName

STEP_MS = 20
"""Milliseconds without an event after which a change counts as written."""

LONGEST_BURST_MS = 1600

MANY = 10
"""From so many files on a change counts as the work of a program (a checkout, rsync) that may not be at its end yet."""

QUIET_SECONDS = 0.5
"""How long nothing must change after many files did, and before a text that is not valid is told."""

LONGEST_WAIT_SECONDS = 10.0

IDENTITY_SECONDS = 1.0
"""How often it is looked whether the directory is still the same one."""

RESCAN_SECONDS = 120.0
"""How often all files are looked at although nothing was heard: not every file system tells."""


@dataclass(slots=True)
class DirectorySource:
    """A directory that people and programs write to."""

    root: Path
    _reader: FleetReader = field(init=False)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _changed: int = 0

    def __post_init__(self) -> None:
        self._reader = FleetReader(self.root)

    def poke(self) -> None:
        """Look now."""
        self._woken.set()

    async def follow(self, offer: Callable[[Offer], bool], trouble: Callable[[Trouble | None], None]) -> None:
        """See `TextSource`."""
        watching = asyncio.create_task(self._watch(), name="watch the fleet's directory")
        try:
            last: Offer | None = None
            while True:
                candidate = await self._read()
                missing = next((d for d in candidate.loaded.diagnostics if d.code == "missing-directory"), None)
                if missing is not None:
                    trouble(Trouble(NoticeName.SOURCE_UNREACHABLE, f"{self.root}: {missing.message}"))
                else:
                    trouble(None)
                    # Where nothing changed the reader returns the very same object.
                    if last is None or last.loaded is not candidate.loaded or last.revision != candidate.revision:
                        is_taken = offer(candidate)
                        # What is valid and not taken lacks something beside the text, such as a file that it names.
                        last = candidate if is_taken or candidate.loaded.desired is None else None
                await self._wait(RESCAN_SECONDS)
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching

    async def _read(self) -> Offer:
        """Read until what is found is whole: not half a checkout, not half a file. Who never ends writing is not waited for."""
        give_up = asyncio.get_running_loop().time() + LONGEST_WAIT_SECONDS
        while True:
            self._woken.clear()
            many, self._changed = self._changed >= MANY, 0
            late = asyncio.get_running_loop().time() > give_up
            if many and not late:
                await self._wait(QUIET_SECONDS)
                if self._woken.is_set():
                    continue
            loaded, revision, path = await asyncio.gather(
                asyncio.to_thread(self._reader.read),
                asyncio.to_thread(revision_of, self.root),
                asyncio.to_thread(path_in_repository, self.root),
            )
            if loaded.desired is None and not late:
                await self._wait(QUIET_SECONDS)
            if late or not self._woken.is_set():
                return Offer(loaded, self.root, revision or "", path=path)

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()

    async def _watch(self) -> None:
        """Watch whatever directory the path leads to."""
        while True:
            identity = _identity(self.root)
            if identity is not None:
                await self._watch_one(identity)
            else:
                await asyncio.sleep(IDENTITY_SECONDS)
            if _identity(self.root) != identity:
                self._woken.set()

    async def _watch_one(self, identity: tuple[int, int]) -> None:
        gone = asyncio.Event()
        leaving = asyncio.create_task(self._notice_leaving(identity, gone))
        try:
            # Nothing is filtered by name: a ConfigMap changes by a link that is called `..data`.
            async for changes in awatch(
                self.root, watch_filter=_is_not_git, debounce=LONGEST_BURST_MS, step=STEP_MS, stop_event=gone
            ):
                self._changed += len(changes)
                self._woken.set()
        except (OSError, RuntimeError):
            # No events here (too many watches, a file system without them): seen by the rescan, and tried again.
            await asyncio.sleep(IDENTITY_SECONDS)
        finally:
            leaving.cancel()

    async def _notice_leaving(self, identity: tuple[int, int], gone: asyncio.Event) -> None:
        while _identity(self.root) == identity:  # noqa: ASYNC110 -- the disk tells nobody
            await asyncio.sleep(IDENTITY_SECONDS)
        gone.set()


def _is_not_git(change: Change, path: str) -> bool:
    del change
    return f"{os.sep}.git{os.sep}" not in path and not path.endswith(f"{os.sep}.git")


def _identity(root: Path) -> tuple[int, int] | None:
    try:
        found = root.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
