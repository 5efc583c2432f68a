"""What a daemon does about backups for some days: at their times, beside its passes, never more than is useful."""

from __future__ import annotations

import asyncio
import itertools
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import pytest

from reconciler.core.model.failures import StorageFailure
from reconciler.daemon import daemon
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired
from reconciler.notices.events import BackupEnded
from reconciler.notices.notices import NoticeName
from reconciler.store.forgetful import NoMemory
from reconciler.targets.directories import Directory
from reconciler.wiring import DeclaredTargets
from tests.backups.conftest import _no_threads
from tests.backups.stage import Meddled
from tests.daemon.keeping import HOURS, Keeping, nights, nothing, until
from tests.daemon.stage import Script, Stage, play
from tests.harness.universe import EPOCH, instance, universe

__all__ = ["_no_threads"]

DAY = 24 * HOURS
TWO = {"one": "19.0", "two": "14.0"}


def databases(stage: Stage) -> list[str]:
    return stage.universe.hosts["one"].listed()


@pytest.fixture(autouse=True)
def _seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Days pass faster where nobody looks every few seconds whether something was paused and whether the loop turns."""
    monkeypatch.setattr(daemon, "PAUSES_SECONDS", 600.0)
    monkeypatch.setattr(daemon, "BEAT_SECONDS", 600.0)


@pytest.fixture
def keeping(tmp_path: Path) -> Keeping:
    (tmp_path / "target").mkdir()
    return Keeping(tmp_path / "target")


def test_each_night_one_backup_is_made_by_the_clock_of_the_instance(keeping: Keeping) -> None:
    async def story(stage: Stage) -> None:
        stage.source.write(keeping.text(timezone="Asia/Kolkata"))
        await asyncio.sleep(4 * DAY)

    stage = keeping.play(universe(), story)
    taken = keeping.taken()
    assert taken[0] < EPOCH + timedelta(minutes=5), "what has none yet is backed up at once"
    assert nights(taken[1:]) == ["24 21", "25 21", "26 21", "27 21"], "02:30 in Kolkata is 21:00 UTC"
    assert all(moment.minute == 0 for moment in taken[1:])
    told = [event for event in stage.universe.events if isinstance(event, BackupEnded)]
    assert [(event.work, event.problem) for event in told] == [("backup", "")] * len(taken)
    assert not stage.defects
    assert NoticeName.BACKUP_FAILED not in stage.names()


def test_a_week_of_proofs_is_one_for_each_database_and_on_days_of_its_own(keeping: Keeping) -> None:
    keeping.policy = "{verify: weekly, keep: {last: 100}}"
    names = ["beta", "coco", "dodo"]

    async def story(stage: Stage) -> None:
        stage.source.write(keeping.text(*(instance(name, server="one") for name in names)))
        await asyncio.sleep(8 * DAY)

    stage = keeping.play(universe(), story, interval=6 * HOURS)
    days = set()
    for name in ("acme", *names):
        first, *later = keeping.proven(name)
        assert first < EPOCH + timedelta(minutes=10), "what was never proven is proven after its first backup"
        assert len(later) <= 2
        assert all((moment.hour, moment.minute) == (2, 30) for moment in later)
        days |= {moment.date() for moment in later}
        assert len(keeping.taken(name)) == 9
    assert len(days) > 1
    assert not [name for name in databases(stage) if name.startswith("building-")]
    assert not stage.defects


def test_what_was_missed_while_no_daemon_ran_is_made_up_for_once(keeping: Keeping) -> None:
    world, store = universe(), NoMemory()

    async def story(stage: Stage) -> None:
        stage.source.write(keeping.text())
        await asyncio.sleep(HOURS)

    keeping.play(world, story, store)
    world.clock.skew += timedelta(days=10)
    keeping.play(world, story, store)
    assert [moment.day for moment in keeping.taken()] == [24, 4]


def test_a_target_that_is_away_is_told_once_and_tried_with_patience_and_told_again_when_it_is_good(
    keeping: Keeping,
) -> None:
    tries: list[datetime] = []

    async def story(stage: Stage) -> None:
        clock = stage.universe.clock

        def away(what: str, _place: str) -> None:
            if what == "names" and clock.now() < EPOCH + timedelta(hours=20):
                tries.append(clock.now())
                raise StorageFailure("the target is away")

        keeping.before = away
        stage.source.write(keeping.text())
        await asyncio.sleep(2 * DAY)

    stage = keeping.play(universe(), story)
    told = [n for n in stage.notices if n.name in (NoticeName.BACKUP_FAILED, NoticeName.BACKUP_GOOD)]
    assert [n.name for n in told] == [NoticeName.BACKUP_FAILED, NoticeName.BACKUP_GOOD]
    assert "the target is away" in told[0].detail
    waits = [round((b - a).total_seconds() / 60) for a, b in itertools.pairwise(tries)]
    assert waits[:4] == [10, 20, 40, 80]
    assert max(waits) <= 361
    assert len(tries) < 10
    assert len(keeping.taken()) == 2


def test_a_host_that_hangs_holds_back_neither_other_hosts_nor_its_own_passes(keeping: Keeping) -> None:
    async def story(stage: Stage) -> None:
        stage.universe.hosts["one"].faults.add("page.web/database/backup:hang")
        two = instance("beta", server="two")
        stage.source.write(keeping.text(two, versions=TWO))
        await asyncio.sleep(HOURS)
        assert len(keeping.taken("beta")) == 1
        stage.source.write(keeping.text(two, instance("late", server="one"), versions=TWO))
        await asyncio.sleep(600)
        assert "late" in databases(stage), "a pass over that host does not wait for its backup"

    keeping.play(universe(TWO), story)
    assert keeping.taken() == []


def test_an_edit_that_suspends_what_is_being_backed_up_is_carried_out_and_the_backup_is_made_anew(
    keeping: Keeping,
) -> None:
    async def story(stage: Stage) -> None:
        stage.universe.hosts["one"].faults.add("page.web/database/backup:hang:count=1")
        stage.source.write(keeping.text())
        await asyncio.sleep(300)
        stage.source.write(keeping.text(state="suspended"))
        await asyncio.sleep(300)
        assert "suspended.acme" in databases(stage)
        await asyncio.sleep(3 * HOURS)

    stage = keeping.play(universe(), story)
    assert len(keeping.taken()) == 1
    assert not stage.defects


def test_a_daemon_that_is_killed_in_the_middle_of_a_backup_leaves_none_and_the_next_one_makes_it(
    keeping: Keeping,
) -> None:
    world, store = universe(), NoMemory()

    async def cut(stage: Stage) -> None:
        stage.universe.hosts["one"].faults.add("page.web/database/backup:hang:count=1")
        stage.source.write(keeping.text())
        await asyncio.sleep(200)

    keeping.play(world, cut, store)
    assert keeping.taken() == []

    async def later(stage: Stage) -> None:
        stage.source.write(keeping.text())
        await asyncio.sleep(300)
        assert keeping.taken() == [], "what may have ended the whole process is not tried again at once"
        await asyncio.sleep(900)

    keeping.play(world, later, store)
    assert len(keeping.taken()) == 1


@pytest.mark.parametrize("shared", [True, False])
def test_two_daemons_make_no_more_than_is_useful(keeping: Keeping, *, shared: bool) -> None:
    """With one store whatever they do at once; with stores of their own one finds what the other has made before."""
    keeping.policy = "{verify: daily, keep: {last: 100}}"

    async def story(stage: Stage) -> None:
        second = keeping.another(stage, stage.store if shared else NoMemory())
        assert isinstance(second.source, Script)
        stage.source.write(keeping.text())
        await asyncio.sleep(0 if shared else 11)
        second.source.write(keeping.text())
        async with asyncio.TaskGroup() as group:
            group.create_task(second.run())
            await asyncio.sleep(3 * DAY)
            second.stop.set()

    stage = keeping.play(universe(), story)
    assert len(keeping.taken()) == 4
    assert len(keeping.proven()) == 4
    assert NoticeName.BACKUP_FAILED not in stage.names()


def test_a_clock_that_jumps_makes_one_backup_and_goes_on_afterwards(keeping: Keeping) -> None:
    async def story(stage: Stage) -> None:
        clock = stage.universe.clock
        stage.source.write(keeping.text())
        await asyncio.sleep(HOURS)
        clock.skew += timedelta(days=4000)
        await asyncio.sleep(2 * HOURS)
        clock.skew -= timedelta(days=4000)
        await asyncio.sleep(DAY)
        clock.skew -= timedelta(days=400)
        await asyncio.sleep(DAY)

    keeping.play(universe(), story)
    years = sorted(moment.year for moment in keeping.taken())
    assert years == [2025, 2025, 2026, 2026, 2037]


def test_a_pause_and_a_freeze_withhold_proofs_and_no_backups(keeping: Keeping) -> None:
    keeping.policy = "{verify: daily, keep: {last: 100}}"
    store = NoMemory()

    async def story(stage: Stage) -> None:
        stage.source.write(keeping.text(instance("beta", server="one")))
        await asyncio.sleep(HOURS)
        assert (len(keeping.taken()), len(keeping.proven())) == (1, 1)
        store.pause("instance", "acme", "audit", EPOCH)
        await asyncio.sleep(DAY)
        assert (len(keeping.taken()), len(keeping.proven())) == (2, 1)
        store.resume("instance", "acme")
        await asyncio.sleep(300)
        assert len(keeping.proven()) == 2
        del stage.universe.hosts["one"].databases["beta"]
        await asyncio.sleep(DAY)
        assert stage.daemon.standing.frozen == ("one",)
        assert (len(keeping.taken()), len(keeping.proven())) == (3, 2)

    keeping.play(universe(), story, store)


def test_what_is_suspended_is_kept_and_what_ends_or_is_not_there_is_not(keeping: Keeping) -> None:
    async def story(stage: Stage) -> None:
        stage.source.write(keeping.text(instance("beta", server="one", state="suspended")))
        await asyncio.sleep(HOURS)
        ended = instance("beta", server="one", state="absent")
        stage.source.write(keeping.text(ended))
        await asyncio.sleep(3 * DAY)

    stage = keeping.play(universe(), story)
    assert len(keeping.taken("beta")) == 2, "one when it was new, one before its end"
    assert len(keeping.taken()) == 4
    assert NoticeName.BACKUP_FAILED not in stage.names()


def test_the_standing_says_since_when_what_is_due_has_been(keeping: Keeping) -> None:
    def away(what: str, _place: str) -> None:
        if what == "write":
            raise StorageFailure("the target is full")

    keeping.before = away

    async def story(stage: Stage) -> None:
        stage.source.write(keeping.text())
        await asyncio.sleep(2 * HOURS)
        (kept,) = stage.daemon.standing.kept
        assert kept.due_since is not None
        assert EPOCH <= kept.due_since <= EPOCH + timedelta(minutes=5)
        assert "the target is full" in kept.record.problem

    keeping.play(universe(), story)


def test_what_a_pass_sends_is_not_cut_when_a_backup_of_another_host_ends(keeping: Keeping) -> None:
    """Nobody ends the connections of a target on which somebody else is at work."""

    class Slow(Meddled):
        """Takes an hour for each archive of `beta`; whoever closes it cuts what is under way."""

        busy = 0
        cut = False

        async def write(self, place: str, content: BinaryIO) -> None:
            if "/beta/" in place and place.endswith(".zip"):
                Slow.busy += 1
                await asyncio.sleep(HOURS)
                Slow.busy -= 1
            await super().write(place, content)

        async def aclose(self) -> None:
            Slow.cut |= Slow.busy > 0

    dress = keeping.dress

    def slowly(world: World, desired: Desired) -> World:
        dressed = dress(world, desired)
        assert isinstance(dressed.targets, DeclaredTargets)
        dressed.targets._opened["main"] = Slow(Directory("main", keeping.root), nothing)
        return dressed

    def text(**fields: object) -> str:
        return keeping.text(instance("beta", server="two", **fields), versions=TWO)

    async def story(stage: Stage) -> None:
        stage.source.write(text())
        await until(stage.universe, EPOCH.replace(hour=2, minute=10) + timedelta(days=1))
        stage.source.write(text(state="absent"))
        await asyncio.sleep(3 * HOURS)

    stage = play(universe(TWO), story, interval=HOURS, dress=slowly)
    assert not Slow.cut
    begun = {code: [f"{moment:%d %H:%M}" for moment in keeping.taken(code)] for code in ("acme", "beta")}
    assert begun["acme"][1:] == ["25 02:30"], "it ends while the other one is sent"
    assert begun["beta"][1:] == ["25 02:10"], "before its end"
    assert "trash-261125031000.beta" in stage.universe.hosts["two"].listed()
