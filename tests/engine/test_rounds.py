"""The daemon's passes: each host at its own pace, every decision the one that `plan` would show."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.model.outcomes import Result
from reconciler.engine.ports import InLine
from tests.engine.rounds_stage import INTERVAL, Stage, play
from tests.harness.universe import Process, fleet, instance, universe
from tests.harness.virtual_time import EPOCH, run

TWO = {"one": "19.0", "two": "19.0"}


def names(stage: Stage, code: str) -> set[str]:
    return set(stage.universe.hosts[code].databases)


def test_a_fleet_converges_and_nothing_more_happens_than_looks() -> None:
    async def story(stage: Stage) -> None:
        await stage.converged()
        sent = stage.process.sent
        await asyncio.sleep(3.5 * INTERVAL)
        assert stage.process.sent - sent == 3 * 2 * len(TWO)  # version and listing of each host, at each interval

    text = fleet(instance("acme", server="one"), instance("beta"), servers=TWO)
    stage = play(universe(TWO), text, story)
    assert "acme" in names(stage, "one")
    assert not stage.follower.broken


def test_what_is_begun_is_action_for_action_what_plan_shows() -> None:
    text = fleet(*(instance(f"i{n}") for n in range(4)), instance("acme", server="two", state="suspended"), servers=TWO)
    shown = run(universe(TWO).plan(text)).changeset.actions

    async def story(stage: Stage) -> None:
        await stage.converged()

    stage = play(universe(TWO), text, story)
    assert sorted(stage.follower.ids()) == sorted(a.id for a in shown)
    begun = {a.id: a for _, a in stage.follower.begun}
    assert [begun[a.id] for a in shown] == list(shown)


def test_a_host_that_hangs_holds_back_no_other() -> None:
    world = universe(TWO)
    hanging = asyncio.Event()
    respond = world.hosts["one"].respond

    async def hang(request: object) -> object:
        await hanging.wait()
        return await respond(request)  # type: ignore[arg-type]

    world.hosts["one"].respond = hang  # type: ignore[method-assign, assignment]
    assert world.memory is not None
    world.hosts["one"].add_database("shop")
    world.memory.listing("one", ["shop"], EPOCH)  # it was seen before, without acme

    async def story(stage: Stage) -> None:
        while "acme" not in names(stage, "two"):
            await asyncio.sleep(1)
        assert stage.universe.clock.monotonic() < 30
        hanging.set()
        while "beta" not in names(stage, "one"):
            await asyncio.sleep(1)

    play(world, fleet(instance("acme", server="two"), instance("beta", server="one"), servers=TWO), story)


def test_a_memory_that_takes_long_to_read_delays_decisions_and_prevents_none() -> None:
    class Slow(InLine):
        async def ask(self, call: Callable[[], Any]) -> Any:
            await asyncio.sleep(3)
            return call()

    world = universe(TWO)
    made = world.world
    world.world = lambda desired, process: replace(made(desired, process), aside=Slow())  # type: ignore[method-assign]

    async def story(stage: Stage) -> None:
        async with asyncio.timeout(600):
            while "acme" not in names(stage, "one"):
                await asyncio.sleep(1)

    play(world, fleet(instance("acme", server="one"), servers=TWO), story)


def test_a_long_action_on_one_host_does_not_keep_an_edit_from_another() -> None:
    world = universe(TWO, speed=1.0)  # creating and cloning take real seconds

    async def story(stage: Stage) -> None:
        await stage.converged()
        stage.edit(fleet(*(instance(f"i{n}", server="one") for n in range(8)), servers=TWO))
        while not stage.rounds.busy:
            await asyncio.sleep(0.1)
        begun = stage.universe.clock.monotonic()
        many = (instance(f"i{n}", server="one") for n in range(8))
        stage.edit(fleet(*many, instance("acme", server="two"), servers=TWO))
        while "acme" not in names(stage, "two"):
            await asyncio.sleep(0.1)
        assert "one" in stage.rounds.busy
        assert stage.universe.clock.monotonic() - begun < 30
        await stage.converged()

    stage = play(world, fleet(servers=TWO), story)
    assert len([i for i in stage.follower.ids() if i.startswith("clone")]) == 9


def test_an_instance_without_a_server_is_placed_once_whichever_host_answers_when() -> None:
    for slow in TWO:
        world = universe(TWO, speed=1.0)

        async def story(stage: Stage, slow: str = slow) -> None:
            await stage.converged()
            text = fleet(*(instance(f"i{n}") for n in range(6)), servers=TWO)
            stage.edit(text)
            for _ in range(20):
                await asyncio.sleep(1.5)
                stage.rounds.wake([slow])
            await stage.converged()

        stage = play(world, fleet(servers=TWO), story)
        placed = [n for code in TWO for n in names(stage, code) if n.startswith("i")]
        assert sorted(placed) == [f"i{n}" for n in range(6)]


def test_a_removal_threshold_counts_what_is_under_way_on_other_hosts() -> None:
    world = universe(TWO, speed=1.0)
    head = "safety: {max_removals: 2, max_removals_percent: 100}\n"

    def text(state: str) -> str:
        found = fleet(*(instance(f"{s}{n}", server=s, state=state) for s in TWO for n in range(2)), servers=TWO)
        return found.replace("secret_key:", head + "secret_key:", 1)

    async def story(stage: Stage) -> None:
        await stage.converged()
        begun = len(stage.follower.begun)
        stage.edit(text("suspended"))
        await asyncio.sleep(2 * INTERVAL)
        assert stage.follower.begun[begun:] == []
        assert stage.follower.decisions[-1].changeset.blocked

    play(world, text("active"), story)


@pytest.mark.parametrize(
    "limit", ["max_removals: 2, max_removals_percent: 100", "max_changes: 2, max_changes_percent: 100"]
)
def test_a_threshold_counts_what_a_host_that_answered_earlier_has_had_done(limit: str) -> None:
    """One host is down while the text comes into force: what is done on the other one then does not start the count anew."""
    world = universe(TWO, speed=1.0)

    def text(**fields: str) -> str:
        found = fleet(*(instance(f"{s}{n}", server=s, **fields) for s in TWO for n in range(2)), servers=TWO)
        return found.replace("secret_key:", f"safety: {{{limit}}}\nsecret_key:", 1)

    edited = text(state="suspended") if "removals" in limit else text(company="Another")

    async def story(stage: Stage) -> None:
        await stage.converged()
        world.hosts["two"].kill()
        begun = len(stage.follower.begun)
        stage.edit(edited)
        await asyncio.sleep(2 * INTERVAL)
        assert {action.server for _, action in stage.follower.begun[begun:]} == {"one"}
        world.hosts["two"].start()
        stage.rounds.wake()
        await asyncio.sleep(2 * INTERVAL)
        assert {action.server for _, action in stage.follower.begun[begun:]} == {"one"}
        assert {b.code for b in stage.follower.decisions[-1].changeset.blocked} == {"two0", "two1"}
        await asyncio.sleep(2000)
        assert {action.server for _, action in stage.follower.begun[begun:]} == set(TWO), (
            "by then it is a change of its own"
        )

    play(world, text(), story)


def test_a_host_that_fails_is_tried_again_ever_later_and_at_once_after_an_edit() -> None:
    world = universe()

    async def story(stage: Stage) -> None:
        await stage.converged()
        world.hosts["one"].kill()
        stage.edit(fleet(instance("acme")))
        before = len(stage.universe.events)
        await asyncio.sleep(1000)
        looks = [e for e in stage.universe.events[before:] if type(e).__name__ == "HostObserved"]
        assert 5 <= len(looks) <= 15
        world.hosts["one"].start()
        at = stage.universe.clock.monotonic()
        stage.edit(fleet(instance("acme"), instance("beta")))
        await stage.converged()
        assert stage.universe.clock.monotonic() - at < 60

    play(world, fleet(), story)


def test_what_does_not_stay_done_is_not_done_over_and_over() -> None:
    world = universe()

    async def story(stage: Stage) -> None:
        await stage.converged()
        host = world.hosts["one"]
        begun = len(stage.follower.begun)
        stage.edit(fleet(instance("acme")))
        memory = world.memory
        assert memory is not None
        # Someone drops the database as soon as it is there, again and again.
        for _ in range(600):
            await asyncio.sleep(1)
            host.databases.pop("acme", None)
            memory.entries.pop(("instance", "acme", "one"), None)
            memory.listings.pop("one", None)
        assert 1 <= len(stage.follower.begun[begun:]) <= 12

    play(world, fleet(), story)


def test_a_stop_lets_what_runs_end_and_begins_nothing() -> None:
    world = universe(speed=1.0)

    async def story(stage: Stage) -> None:
        await stage.converged()
        stage.edit(fleet(*(instance(f"i{n}") for n in range(9))))
        while not stage.rounds.busy:
            await asyncio.sleep(0.1)
        await asyncio.sleep(1)

    stage = play(world, fleet(), story)
    results = [o.result for _, o in stage.follower.ends if o.action.verb == "clone"]
    assert results.count(Result.DONE) == 2
    assert results.count(Result.SKIPPED) == 7
    assert not [n for n in names(stage, "one") if n.startswith("building-")]


def test_a_killed_daemon_is_followed_by_one_that_finishes() -> None:
    world = universe()
    text = fleet(instance("acme"), instance("beta"))
    for kill_at in (9, 25, 40, 60):

        async def die(kill_at: int = kill_at) -> None:
            process = Process(kill_after=kill_at)
            try:
                await world.reconcile(text, process)
            except BaseException:  # noqa: BLE001 -- the process is dead
                return

        run(die())

    async def story(stage: Stage) -> None:
        await stage.converged()

    stage = play(world, text, story)
    assert {"acme", "beta"} <= names(stage, "one")
