"""The reconciler or a host dies at any point of an ending, of the way back, and of a drop; two are at it at once.

Customers work until the moment at which they are ended, and find all of it again when they come back.
"""

import asyncio
import functools
import itertools
from dataclasses import dataclass

import pytest

from reconciler.core.model import names
from reconciler.core.model.names import NameState
from reconciler.simulator import STEPS
from tests.faults.shares import EXHAUSTIVE, moments
from tests.faults.stories import killed_pass, prepared
from tests.faults.test_crashes import converges
from tests.faults.test_two_reconcilers import one_alone, settled
from tests.harness import promises
from tests.harness.customers import Customers
from tests.harness.schedules import Turns
from tests.harness.universe import DictMemory, Process, Universe, fleet, instance, read
from tests.harness.virtual_time import run

VERSIONS = ["19.0", "14.0"]
SAMPLED = 11
MONTH = 31 * 86400


def text(version: str, *, prune: bool = False, **states: str) -> str:
    """Write acme and beta in these states; who is not named has no document."""
    documents = [instance(code, server="one", state=state) for code, state in states.items()]
    written = fleet(*documents, instance("gamma", server="one"), servers={"one": version})
    return written.replace("code: demo\n", "code: demo\nprune: true\n", 1) if prune else written


@dataclass(frozen=True)
class Story:
    """What is in force while customers work, what came then, how long that was, and what is tried."""

    before: dict[str, object]
    then: dict[str, object] | None
    after: dict[str, object]
    seconds: int = 0


KEPT: dict[str, object] = {"acme": "active", "beta": "suspended"}
ENDED: dict[str, object] = {"acme": "absent", "beta": "absent"}
STORIES = {
    "ended": Story(KEPT, None, ENDED),
    "brought back": Story(KEPT, ENDED, KEPT),
    "brought back the other way round": Story(KEPT, ENDED, {"acme": "suspended", "beta": "active"}),
    "dropped": Story(KEPT, ENDED, ENDED, MONTH),
    "brought back at the last moment": Story(KEPT, ENDED, KEPT, MONTH),
    "removed": Story({**KEPT, "prune": True}, None, {"acme": "active", "prune": True}),
}


@functools.cache
def _begun(version: str, before: str) -> Universe:
    return run(prepared(version, before, 0))


def begun(version: str, fields: dict[str, object], seed: int) -> Universe:
    """Return a world of its own in which a text is in force; making one takes as long as a whole run, so each is made once."""
    world = _begun(version, text(version, **fields)).branch()  # type: ignore[arg-type]
    world.seed = seed
    return world


def ready(version: str, story: str, seed: int = 0) -> Universe:
    return begun(version, STORIES[story].before, seed)


async def at_work(world: Universe, version: str, story: str) -> tuple[dict[str, object], Customers, str]:
    """Let customers work under the first text, and put the second in force; return the third."""
    told, seed = STORIES[story], world.seed
    before, after = text(version, **told.before), text(version, **told.after)  # type: ignore[arg-type]
    customers = Customers(world.hosts, seed=seed)
    customers.join(read(before), read(after))
    customers.leave(*(code for code in KEPT if code not in told.after))
    customers.begin()
    customers.visit()
    if told.then is not None:
        between = text(version, **told.then)  # type: ignore[arg-type]
        customers.join(read(between))
        promises.watch(world.hosts, read(between), customers)
        assert (await world.reconcile(between)).ok
        await asyncio.sleep(told.seconds)
    promises.watch(world.hosts, read(after), customers)
    return promises.foreign_state(world.hosts), customers, after


async def length_of(world: Universe, version: str, story: str) -> int:
    _, customers, after = await at_work(world, version, story)
    process = Process()
    passed = await world.reconcile(after, process)
    assert passed.ok
    assert passed.outcomes
    customers.everything_is_there(read(after))
    return process.sent


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_reconciler_killed_at_any_request_leaves_nothing_that_the_next_run_does_not_put_right(
    version: str, story: str, moment: str
) -> None:
    async def one(world: Universe, number: int) -> None:
        foreign, customers, after = await at_work(world, version, story)
        process = Process(kill_before=number) if moment == "before" else Process(kill_after=number)
        await killed_pass(world, after, process)
        assert process.dead
        promises.check(world.hosts, read(after), foreign=foreign)
        await converges(world, after, foreign, customers)

    length = run(length_of(ready(version, story), version, story))
    for number in moments(1, length + 1, SAMPLED):
        try:
            run(one(ready(version, story, number), number))
        except BaseException as error:
            error.add_note(f"killed {moment} request {number} of story {story!r} on {version}")
            raise


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_host_killed_at_any_step_of_its_work_breaks_no_promise(version: str, story: str) -> None:
    async def one(world: Universe, step: str, occurrence: int) -> bool:
        foreign, customers, after = await at_work(world, version, story)
        host = world.hosts["one"]
        seen = 0

        def kill(reached: str) -> None:
            nonlocal seen
            seen += reached == step
            if reached == step and seen == occurrence:
                host.kill()
                asyncio.get_running_loop().call_later(20.0, host.start)

        host.on_step = kill
        await world.reconcile(after)
        host.on_step = lambda _step: None
        if seen < occurrence:
            return False
        await asyncio.sleep(30)
        for _ in range(2):
            if not (await world.reconcile(after)).ok:
                await asyncio.sleep(60)
        await converges(world, after, foreign, customers)
        return True

    for step in (*STEPS["rename"], *STEPS["drop"]):
        occurrence = 1
        try:
            while run(one(ready(version, story, 7), step, occurrence)) and (EXHAUSTIVE or occurrence < 2):
                occurrence += 1
        except BaseException as error:
            error.add_note(f"host killed at {step}, occurrence {occurrence}, story {story!r} on {version}")
            raise


PAIRS: dict[str, tuple[dict[str, object], dict[str, object] | None, dict[str, object], dict[str, object], int]] = {
    "both end": (KEPT, None, ENDED, ENDED, 0),
    "both bring back": (KEPT, ENDED, KEPT, KEPT, 0),
    "both drop": (KEPT, ENDED, ENDED, ENDED, MONTH),
    "ended or not": (KEPT, None, ENDED, KEPT, 0),
    "ended or suspended": (KEPT, None, ENDED, {"acme": "suspended", "beta": "active"}, 0),
    "brought back or not": (KEPT, ENDED, KEPT, ENDED, 0),
    "brought back at the last moment or dropped": (KEPT, ENDED, KEPT, ENDED, MONTH),
}
"""What stands before, what came then, our text, theirs, and how long it was in the trash; ours is the one that stays."""


async def interleaved(world: Universe, pair: str, schedule: list[tuple[int, int]]) -> None:
    before, then, *both, seconds = PAIRS[pair]
    ours, theirs = (text("19.0", **each) for each in both)  # type: ignore[arg-type]
    customers = Customers(world.hosts, seed=sum(count for _, count in schedule))
    customers.join(*(read(text("19.0", **each)) for each in (before, then or before, *both)))  # type: ignore[arg-type]
    customers.begin()
    customers.visit()
    if then is not None:
        assert (await world.reconcile(text("19.0", **then))).ok  # type: ignore[arg-type]
        await asyncio.sleep(seconds)
    foreign = promises.foreign_state(world.hosts)
    watching = promises.watch(world.hosts, read(ours), customers, alone=False)
    turns = Turns(schedule)
    async with asyncio.TaskGroup() as group:
        for who, written in enumerate((ours, theirs)):
            group.create_task(one_alone(world, written, who, turns, DictMemory()))
    watching.sure()
    await settled(world, ours, customers)
    promises.check(world.hosts, read(ours), foreign=foreign)
    forms = [n for n in map(names.parse, world.hosts["one"].listed()) if n.state in names.FORMS]
    assert len(forms) == len({n.target for n in forms}), "two databases claim one name"
    assert not any(n.state in names.ON_ITS_WAY for n in forms)


def play(pair: str, schedule: list[tuple[int, int]]) -> None:
    try:
        run(interleaved(begun("19.0", PAIRS[pair][0], 3), pair, schedule))
    except BaseException as error:
        error.add_note(f"{pair!r}, schedule {schedule}")
        raise


@pytest.mark.parametrize("pair", PAIRS)
def test_two_reconcilers_may_overtake_each_other_at_any_request(pair: str) -> None:
    for first in moments(0, 120, 19):
        play(pair, [(0, first), (1, 10**6)])
        play(pair, [(0, first), (1, first // 2 + 9), (0, 10**6)])


@pytest.mark.parametrize("pair", PAIRS)
def test_two_reconcilers_may_alternate_in_any_rhythm(pair: str) -> None:
    for ours, theirs in itertools.product((1, 2, 3, 5, 8) if EXHAUSTIVE else (1, 3), repeat=2):
        play(pair, [(who, count) for _ in range(400) for who, count in ((0, ours), (1, theirs))])


def test_what_is_in_the_trash_is_there_with_all_that_was_in_it_until_its_time_is_over() -> None:
    """The stories above begin as they say: else nothing would be tried in them."""

    async def scenario(world: Universe) -> None:
        _, customers, after = await at_work(world, "19.0", "dropped")
        assert customers.saved
        trash = [n for n in world.hosts["one"].listed() if names.parse(n).state is NameState.TRASH]
        assert len(trash) == len(KEPT)
        assert (await world.reconcile(after)).ok
        assert set(world.hosts["one"].listed()) == {"gamma", "shop", "template_base"}

    run(scenario(ready("19.0", "dropped")))
