"""What an operator sees of a daemon: which text is in force, what it tells, how it pauses, and how it ends."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from reconciler.core.deciding import Limits
from reconciler.core.model.failures import MemoryFailure, TlsFailure
from reconciler.daemon.sources import Trouble
from reconciler.daemon.texts import Refusal
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired
from reconciler.health.verdicts import HealthRecord
from reconciler.notices.events import ActionStarted
from reconciler.notices.notices import Level, Notice, NoticeName
from reconciler.store.forgetful import NoMemory
from reconciler.store.opening import open_store
from tests.daemon.stage import INTERVAL, Stage, play
from tests.harness.universe import fleet, instance, universe
from tests.harness.virtual_time import run

TWO = {"one": "19.0", "two": "19.0"}


def databases(stage: Stage, server: str = "one") -> set[str]:
    return set(stage.universe.hosts[server].databases)


def test_a_change_of_the_text_is_carried_out() -> None:
    async def story(stage: Stage) -> None:
        assert "waiting for a valid fleet" in stage.daemon.ready()
        stage.source.write(fleet(instance("acme")), "a" * 40)
        await stage.converged()
        assert stage.daemon.ready() == ""
        assert stage.daemon.standing.revision == "a" * 40
        stage.source.write(fleet(instance("acme"), instance("beta")), "b" * 40, about="Eve: add beta")
        await stage.converged()
        assert {"acme", "beta"} <= databases(stage)

    stage = play(universe(), story)
    assert stage.source.taken == [True, True]
    assert "Eve: add beta" in next(n.detail for n in stage.notices if n.revision == "b" * 40)
    assert stage.names()[0] is NoticeName.DAEMON_STARTED
    assert stage.names()[-1] is NoticeName.DAEMON_STOPPED
    assert not stage.defects


@pytest.mark.parametrize(
    "broken",
    [
        "kind: fleet\ncode: [half a fi",
        fleet(instance("acme")).replace("template: base", "template: bsae"),
        fleet(instance("acme")).replace("code: demo", "code: other"),
        "",
    ],
)
def test_a_text_that_is_not_valid_is_said_loudly_and_the_last_valid_one_stays_in_force(broken: str) -> None:
    async def story(stage: Stage) -> None:
        stage.source.write(fleet(instance("acme")), "a" * 40)
        await stage.converged()
        stage.source.write(broken, "b" * 40)
        await asyncio.sleep(3 * INTERVAL)
        assert stage.daemon.standing.revision == "a" * 40
        assert stage.daemon.standing.rejected
        assert stage.daemon.ready() == ""
        assert "acme" in databases(stage)
        stage.source.write(fleet(instance("acme"), instance("beta")), "c" * 40)
        await stage.converged()
        assert not stage.daemon.standing.rejected
        assert "beta" in databases(stage)

    stage = play(universe(), story)
    assert stage.source.taken == [True, False, True]
    (notice,) = [n for n in stage.notices if n.name is NoticeName.REVISION_REJECTED]
    assert notice.level is Level.ERROR
    assert "stays in force" in notice.detail


def test_each_text_of_a_work_tree_is_told_and_one_that_is_mended_is_told_as_such() -> None:
    async def story(stage: Stage) -> None:
        for text in (fleet(), fleet(instance("acme")), "kind: fleet\n", fleet(instance("acme"))):
            stage.source.write(text, "a" * 40 + "-dirty")
            await asyncio.sleep(60)

    details = [n.detail for n in play(universe(), story).notices if n.name is NoticeName.REVISION_IN_FORCE]
    assert ["0 instances" in d for d in details] == [True, False, False]
    assert "1 instance" in details[1]
    assert details[2] == "the text is valid again: commit aaaaaaaa-dirty is in force, as before"


def test_a_fleet_that_is_invalid_from_the_start_is_waited_for_and_what_was_told_is_kept(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        stage.source.write("kind: fleet\n")
        await asyncio.sleep(10)
        assert "missing" in stage.daemon.ready()
        assert stage.daemon.alive() == ""
        stage.source.write(fleet(instance("acme")))
        await stage.converged()

    with open_store(f"sqlite:///{tmp_path / 'state.sqlite'}", "demo") as store:
        stage = play(universe(), story, store=store)
        kept = [n.name for n in reversed(store.notices())]
    assert kept == [str(name) for name in stage.names()]
    assert NoticeName.REVISION_REJECTED in kept
    assert stage.daemon.standing.revision.startswith("sha256:")


def test_trouble_of_the_source_is_told_once_and_again_when_it_is_over() -> None:
    unreachable = Trouble(NoticeName.SOURCE_UNREACHABLE, "the remote does not answer")

    async def story(stage: Stage) -> None:
        stage.source.write(fleet(instance("acme")))
        await stage.converged()
        for _ in range(5):
            stage.source.trouble(unreachable)
            await asyncio.sleep(60)
        assert stage.daemon.standing.source_problem
        await stage.converged()  # what is in force goes on being kept
        stage.source.trouble(None)
        await asyncio.sleep(1)
        assert not stage.daemon.standing.source_problem

    names = play(universe(), story).names()
    assert names.count(NoticeName.SOURCE_UNREACHABLE) == 1
    assert names.count(NoticeName.SOURCE_REACHABLE) == 1


def test_it_is_not_ready_while_its_text_cannot_be_read_and_one_failed_look_is_none() -> None:
    unreachable = Trouble(NoticeName.SOURCE_UNREACHABLE, "there is no branch 'main'")

    async def story(stage: Stage) -> None:
        stage.source.write(fleet(instance("acme")), "ab12" * 10)
        await stage.converged()
        said = []
        for told in (unreachable, unreachable, None):
            stage.source.trouble(told)
            await asyncio.sleep(1)
            said.append(stage.daemon.ready())
        assert said[0] == said[2] == ""
        assert said[1] == ("the fleet's text cannot be read: there is no branch 'main'; commit ab12ab12 stays in force")

    play(universe(), story)


def test_a_removed_document_is_an_orphan_and_its_database_stays() -> None:
    async def story(stage: Stage) -> None:
        stage.source.write(fleet(instance("acme"), instance("beta")))
        await stage.converged()
        stage.source.write(fleet(instance("acme")))
        await asyncio.sleep(3 * INTERVAL)
        assert stage.daemon.standing.orphans == 1
        assert "beta" in databases(stage)

    stage = play(universe(), story)
    assert stage.names().count(NoticeName.ORPHAN_FOUND) == 1


def test_a_pause_by_command_withholds_and_a_resume_is_noticed_at_once() -> None:
    async def story(stage: Stage) -> None:
        stage.source.write(fleet(instance("acme", server="one"), servers=TWO))
        await stage.converged()
        stage.store.pause("server", "one", "disk is being replaced", stage.universe.clock.now())
        await asyncio.sleep(5)
        text = fleet(
            instance("acme", server="one"), instance("beta", server="one"), instance("carol", server="two"), servers=TWO
        )
        stage.source.write(text)
        await asyncio.sleep(2 * INTERVAL)
        assert "beta" not in databases(stage, "one")
        assert "carol" in databases(stage, "two")
        assert stage.daemon.standing.withheld == 1
        assert stage.daemon.standing.paused == ("server/one",)
        stage.store.resume("server", "one")
        await asyncio.sleep(30)
        assert "beta" in databases(stage, "one")

    play(universe(TWO), story)


def test_a_pause_in_the_text_withholds() -> None:
    async def story(stage: Stage) -> None:
        stage.source.write(fleet(instance("acme"), instance("beta", paused="true")))
        await stage.converged()
        assert "beta" not in databases(stage)
        stage.source.write(fleet(instance("acme"), instance("beta")))
        await asyncio.sleep(60)
        assert "beta" in databases(stage)

    stage = play(universe(), story)
    assert NoticeName.BLOCKED not in stage.names()


def test_drift_is_repaired_and_told_and_told_louder_when_it_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.daemon.daemon.PAUSES_SECONDS", 3600.0)  # four days of it are a long time

    async def story(stage: Stage) -> None:
        stage.source.write(fleet(instance("acme", company="Acme SA")))
        await stage.converged()
        for number in range(3):
            database = stage.universe.hosts["one"].databases["acme"]
            database.update("res.company", 1, {"name": f"Someone else {number}"})
            await asyncio.sleep(timedelta(hours=33).total_seconds())
            assert database.rows("res.company")[1]["name"] == "Acme SA"

    with open_store(f"sqlite:///{tmp_path / 'state.sqlite'}", "demo") as store:
        stage = play(universe(), story, store=store, interval=6 * 3600)
        outcomes = store.outcomes("instance", "acme", reason="drifted")
    assert {o.command for o in outcomes} == {"daemon"}
    told = [n for n in stage.notices if n.name in (NoticeName.DRIFT_REPAIRED, NoticeName.DRIFT_RETURNED)]
    assert [n.name for n in told] == [NoticeName.DRIFT_REPAIRED, *[NoticeName.DRIFT_RETURNED] * 2]
    assert "3rd time" in told[-1].detail
    assert all(n.fields == ("company",) for n in told)
    assert not any("Someone else" in n.detail for n in told)


def test_a_store_that_cannot_be_written_is_told_once_and_health_goes_on() -> None:
    class Full(NoMemory):
        def record_health(self, record: HealthRecord) -> None:
            raise MemoryFailure("the disk is full")

        def record_notice(self, notice: Notice, at: datetime) -> None:
            raise MemoryFailure("the disk is full")

    async def story(stage: Stage) -> None:
        stage.source.write(fleet(instance("acme")))
        await stage.converged()
        first = stage.daemon.standing.health["one"].at
        await asyncio.sleep(3 * INTERVAL)
        assert stage.daemon.standing.health["one"].at > first

    stage = play(universe(), story, store=Full())
    (notice,) = [n for n in stage.notices if n.name is NoticeName.STORE_FAILED]
    assert notice.detail == "the disk is full"


def test_a_failed_action_is_told_with_its_host() -> None:
    async def story(stage: Stage) -> None:
        stage.source.write(fleet())
        await stage.converged()
        host = stage.universe.hosts["one"]
        host.on_step = lambda step: host.kill() if step.startswith("duplicate_database") else None
        stage.source.write(fleet(instance("acme")))
        await asyncio.sleep(120)
        assert stage.daemon.standing.failing_since
        host.on_step = lambda _step: None
        host.start()
        await stage.converged()
        assert stage.daemon.standing.failing_since is None

    stage = play(universe(), story)
    notice = next(n for n in stage.notices if n.name in (NoticeName.ACTION_FAILED, NoticeName.ACTION_UNKNOWN))
    assert notice.server == "one"
    assert notice.code == "acme"


@pytest.mark.parametrize("way", ["removed", "disabled", "inactive"])
def test_of_a_dead_server_that_is_taken_out_of_use_no_health_is_kept(way: str, tmp_path: Path) -> None:
    """Monitoring would call it offline for ever."""
    both = fleet(servers=TWO)
    without = {
        "removed": fleet(),
        "disabled": both.replace("state: active", "state: disabled").replace("state: disabled", "state: active", 1),
        "inactive": both.replace("code: two\n", "code: two\nactive: false\n"),
    }[way]

    async def first(stage: Stage) -> None:
        stage.source.write(both)
        await stage.converged()
        stage.universe.hosts["two"].kill()
        await asyncio.sleep(3600)
        assert not stage.daemon.standing.health["two"].online
        stage.source.write(without)
        await asyncio.sleep(10)
        assert set(stage.daemon.standing.health) == {"one"}

    async def again(stage: Stage) -> None:
        stage.source.write(without)
        await asyncio.sleep(10)
        assert set(stage.daemon.standing.health) == {"one"}
        stage.source.write(both)
        await asyncio.sleep(3600)
        assert "two" in stage.daemon.standing.health

    with open_store(f"sqlite:///{tmp_path / 'state.sqlite'}", "demo") as store:
        play(universe(TWO), first, store=store)
    with open_store(f"sqlite:///{tmp_path / 'state.sqlite'}", "demo") as store:
        stage = play(universe(TWO), again, store=store)
    assert not stage.defects


def test_a_text_that_cannot_be_taken_leaves_the_limits_of_the_one_in_force() -> None:
    former, later = Limits(), Limits(allowed=("changes",))

    def dress(world: World, desired: Desired) -> World:
        if "beta" in desired.instances:
            raise TlsFailure("the file of authorities cannot be read")
        return world

    async def story(stage: Stage) -> None:
        stage.source.write(fleet(instance("acme")))
        await stage.converged()
        stage.source.write(fleet(instance("acme"), instance("beta")))
        await asyncio.sleep(60)
        assert stage.daemon.work is not None
        assert stage.daemon.work.rounds.limits is former

    def choose(desired: Desired) -> Limits:
        return later if "beta" in desired.instances else former

    stage = play(universe(), story, choose=choose, dress=dress)
    assert stage.source.taken == [True, False]


def test_a_limited_daemon_keeps_only_what_it_is_told_to() -> None:
    def choose(_desired: object) -> Limits:
        raise Refusal("--target: the fleet has no 'instance/acmee'")

    async def story(stage: Stage) -> None:
        stage.source.write(fleet(instance("acme")))
        await asyncio.sleep(10)
        assert "acmee" in stage.daemon.standing.rejected

    assert play(universe(), story, choose=choose).source.taken == [False]


def test_sighup_reads_and_looks_now() -> None:
    async def story(stage: Stage) -> None:
        stage.source.write(fleet(instance("acme")))
        await stage.converged()
        await asyncio.sleep(10)
        before = stage.daemon.standing.decided_at
        stage.daemon.poke()
        await asyncio.sleep(1)
        assert stage.daemon.standing.decided_at != before

    assert play(universe(), story).source.pokes == 1


def test_what_the_daemon_begins_is_what_plan_shows() -> None:
    text = fleet(instance("ann"), instance("bob", server="two"), instance("carol", state="suspended"), servers=TWO)
    shown = run(universe(TWO).plan(text)).changeset

    async def story(stage: Stage) -> None:
        stage.source.write(text)
        await stage.converged()

    stage = play(universe(TWO), story)
    begun = [e.action for e in stage.universe.events if isinstance(e, ActionStarted)]
    assert sorted(begun, key=lambda a: a.id) == sorted(shown.actions, key=lambda a: a.id)


def test_what_ends_is_told_seven_days_and_one_day_before_then_ended_and_dropped_in_its_time() -> None:
    """It is noon on 24 November: it ends after seven days and a half, and is dropped thirty days later."""
    day = 86400.0

    async def story(stage: Stage) -> None:
        stage.source.write(fleet(instance("acme", expires='"2026-12-02"'), instance("beta")), "a" * 40)
        await stage.converged()
        for days, told, trash in (
            (1, 1, 0),
            (6, 1, 0),
            (7, 2, 0),
            (10, 2, 1),
            (30, 2, 1),
            (31, 3, 1),
            (37, 4, 1),
            (39, 4, 0),
        ):
            await asyncio.sleep(days * day - stage.universe.clock.monotonic())
            assert stage.names().count(NoticeName.ENDING_SOON) == told, days
            assert sum(name.startswith("trash-") for name in databases(stage)) == trash, days
        assert databases(stage) == {"beta", "template_base"}

    stage = play(universe(), story, interval=day / 4)
    assert not stage.defects
    first = next(n for n in stage.notices if n.name is NoticeName.ENDING_SOON)
    assert first.detail == (
        "acme on one: instance/acme expires on 2026-12-02 (within 7 days): out of service then, and trash"
    )
