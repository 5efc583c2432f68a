"""A branch that is followed: what hinders it is told and tried again, and never ends the daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from reconciler.daemon.branches import BranchSource
from reconciler.daemon.sources import Offer, Trouble
from reconciler.git.revisions import GitUnusable
from reconciler.git.source import Revision
from tests.daemon.test_watched_directories import write
from tests.harness.universe import SeededNonces
from tests.harness.virtual_time import run

POLL = 60.0


@dataclass
class Branch:
    """A branch whose head a test may move; what stands in `full` cannot be done, as on a disk that is full."""

    root: Path
    full: set[str] = field(default_factory=set)
    marked: int = 0
    inside: str = "fleet"
    head: str = "a" * 40

    async def fetch(self) -> Revision:
        return Revision(self.head, datetime(2026, 11, 24, tzinfo=UTC), "Eve", "add acme", self.root, rewritten=False)

    async def last(self) -> Revision | None:
        return None

    async def mark_in_force(self, _revision: Revision) -> None:
        self._do("mark")
        self.marked += 1

    async def keep(self, _commits: Collection[str]) -> None:
        self._do("keep")

    def _do(self, what: str) -> None:
        if what in self.full:
            raise GitUnusable("no space left on device")


@dataclass
class Heard:
    """What a source offered and told; `taken` says what becomes of an offer."""

    taken: bool = True
    offers: list[Offer] = field(default_factory=list)
    troubles: list[Trouble | None] = field(default_factory=list)

    def offer(self, offer: Offer) -> bool:
        self.offers.append(offer)
        return self.taken


def follow(branch: Branch, heard: Heard, story: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        source = BranchSource(cast("Any", branch), branch.root.with_name("link"), POLL, SeededNonces(0))
        following = asyncio.create_task(source.follow(heard.offer, heard.troubles.append))
        await story()
        assert not following.done(), following.exception()
        following.cancel()

    run(main())


@pytest.mark.parametrize("full", ["mark", "keep"])
def test_a_full_disk_is_told_and_what_could_not_be_noted_is_noted_later(full: str, tmp_path: Path) -> None:
    write(tmp_path / "fleet")
    branch, heard = Branch(tmp_path / "fleet", {full}), Heard()

    async def story() -> None:
        await asyncio.sleep(POLL / 2)
        assert len(heard.offers) == 1
        assert [trouble.why for trouble in heard.troubles if trouble] == ["no space left on device"]
        branch.full.clear()
        await asyncio.sleep(3 * POLL)
        assert branch.marked
        assert heard.troubles[-1] is None
        assert len(heard.offers) == 1, "it is in force"

    follow(branch, heard, story)


def test_a_valid_text_that_could_not_be_taken_is_offered_again_without_another_commit(tmp_path: Path) -> None:
    """As one that names a file of authorities, which is put in its place afterwards."""
    write(tmp_path / "fleet")
    branch, heard = Branch(tmp_path / "fleet"), Heard(taken=False)

    async def story() -> None:
        await asyncio.sleep(2.5 * POLL)
        heard.taken, before = True, len(heard.offers)
        assert before > 1
        await asyncio.sleep(5 * POLL)
        assert len(heard.offers) == before + 1

    follow(branch, heard, story)


def test_a_commit_that_was_not_taken_and_is_taken_back_by_force_gives_way_to_the_one_before(tmp_path: Path) -> None:
    write(tmp_path / "fleet")
    branch, heard = Branch(tmp_path / "fleet"), Heard()

    async def story() -> None:
        await asyncio.sleep(POLL / 2)
        first = branch.head
        branch.head, heard.taken = "b" * 40, False
        await asyncio.sleep(2 * POLL)
        branch.head, heard.taken = first, True
        await asyncio.sleep(3 * POLL)
        assert [offer.revision[0] for offer in heard.offers[:2]] == [first[0], "b"]
        assert heard.offers[-1].revision[0] == first[0]

    follow(branch, heard, story)


def test_a_text_that_is_not_valid_is_offered_once(tmp_path: Path) -> None:
    write(tmp_path / "fleet")
    (tmp_path / "fleet/acme.yaml").write_text("kind: instance\n")
    heard = Heard(taken=False)

    async def story() -> None:
        await asyncio.sleep(5 * POLL)

    follow(Branch(tmp_path / "fleet"), heard, story)
    assert len(heard.offers) == 1
