"""A branch of a git remote, polled: each new commit is fetched, exported to a directory of its own, and offered."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.daemon.sources import Offer, Trouble
from reconciler.engine.ports import Nonces
from reconciler.git.revisions import GitUnusable
from reconciler.git.source import GitSource, Revision, Unsigned
from reconciler.loading.incremental import FleetReader
from reconciler.notices.notices import NoticeName

LONGEST_DELAY_SECONDS = 600.0


@dataclass(slots=True)
class BranchSource:
    """A branch that is polled every so many seconds, a little spread so that many daemons do not ask at once.

    Args:
        git: the branch.
        link: kept pointing at the fleet's directory as it is in force, for `--fleet` of other commands beside the daemon.
        poll_seconds: how often its head is asked for.
        nonces: chance, for the spread.
    """

    git: GitSource
    link: Path
    poll_seconds: float
    nonces: Nonces
    _reader: FleetReader | None = None
    _offered: str = ""
    _again: bool = False
    _in_force: Revision | None = None
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def poke(self) -> None:
        """Fetch now."""
        self._woken.set()

    async def follow(self, offer: Callable[[Offer], bool], trouble: Callable[[Trouble | None], None]) -> None:
        """See `TextSource`."""
        failures = 0
        while True:
            self._woken.clear()
            try:
                await self._follow(await self.git.fetch(), offer)
            except GitUnusable as error:
                failures += 1
                name = NoticeName.REVISION_UNSIGNED if isinstance(error, Unsigned) else NoticeName.SOURCE_UNREACHABLE
                trouble(Trouble(name, str(error)))
                # What cannot be read or noted on the disk is said already: it is the reason why there is nothing newer.
                with contextlib.suppress(GitUnusable):
                    await self._offer_last(offer)
            else:
                failures = 0
                trouble(None)
            await self._wait(failures)

    async def _follow(self, revision: Revision, offer: Callable[[Offer], bool]) -> None:
        if self._again or revision.commit != self._offered:
            await self._offer(revision, offer)
        elif self._in_force is not None and self._in_force.commit == revision.commit:
            await self._note_in_force(revision)  # what was noted may have been deleted with its directory

    async def _offer_last(self, offer: Callable[[Offer], bool]) -> None:
        """Offer what was in force before a restart: it stays in force."""
        if not self._offered and (last := await self.git.last()) is not None:
            await self._offer(last, offer)

    async def _offer(self, revision: Revision, offer: Callable[[Offer], bool]) -> None:
        if self._reader is None:
            self._reader = FleetReader(revision.root)
        loaded = await asyncio.to_thread(self._reader.read, revision.root)
        about = f"{revision.author}: {revision.subject}"
        rewritten = revision.rewritten and bool(self._offered)
        is_taken = offer(Offer(loaded, revision.root, revision.commit, about, rewritten, self.git.inside))
        # What is valid and not taken lacks something beside the text, such as a file that it names: it is offered again.
        self._again = not is_taken and loaded.desired is not None
        self._offered = revision.commit
        if is_taken:
            former, self._in_force = self._in_force, revision
            await self._note_in_force(revision)
            # What runs now may still read a secret's file of the former text; older ones are done with.
            kept = [revision.commit, *([former.commit] if former else [])]
            await self.git.keep(kept)

    async def _note_in_force(self, revision: Revision) -> None:
        await self.git.mark_in_force(revision)
        await asyncio.to_thread(_point, self.link, revision.root)

    async def _wait(self, failures: int) -> None:
        seconds = min(self.poll_seconds * 2 ** max(0, failures - 1), max(LONGEST_DELAY_SECONDS, self.poll_seconds))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds * (1 + self.nonces.number(0, 100) / 1000)):
                await self._woken.wait()


def _point(link: Path, root: Path) -> None:
    """Make a link lead elsewhere; whoever follows it finds the one or the other. It is for people: nothing waits for it."""
    fresh, target = link.with_name(f".{link.name}.new"), root.absolute()
    with contextlib.suppress(OSError):
        if link.is_symlink() and link.readlink() == target:
            return
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(target)
        fresh.replace(link)
