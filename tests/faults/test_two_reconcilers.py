"""Two reconcilers that know nothing of each other work on one host, interleaved request by request.

Both have one text, or each its own: an edit lies between them, or the checkout of one is a day old. Customers are at work.
"""

import asyncio
import functools
import itertools

import pytest

from reconciler.core.model import names
from reconciler.core.model.names import NameState
from reconciler.core.model.outcomes import Result
from tests.faults.shares import EXHAUSTIVE
from tests.harness import promises
from tests.harness.customers import Customers
from tests.harness.schedules import Turns
from tests.harness.universe import DictMemory, Process, Universe, fleet, instance, read, universe
from tests.harness.virtual_time import run

VERSION = "19.0"
PARTS = 8
MOST = {"clone": 10**6, "suspend": 640, "rename": 640, "rotate": 640}
"""How many pairs of moments are tried of a story, of all that there are; of the others somewhat fewer."""

TEXTS = {
    "clone": fleet(instance("acme", server="one"), servers={"one": VERSION}),
    "suspend": fleet(instance("acme", server="one", state="suspended"), servers={"one": VERSION}),
    "rename": fleet(instance("acme2", server="one", renamed_from="acme"), servers={"one": VERSION}),
    "rotate": fleet(
        instance("acme", server="one", admin_password="{derived: {generation: 2}}"), servers={"one": VERSION}
    ),
}
BEFORE = {"clone": fleet(servers={"one": VERSION}), **dict.fromkeys(("suspend", "rename", "rotate"), TEXTS["clone"])}


ASLEEP = TEXTS["suspend"]
NORTH, SOUTH = (fleet(instance("acme", server="one", company=c), servers={"one": VERSION}) for c in ("North", "South"))

DIFFERING = {
    "made active or suspended": (BEFORE["clone"], TEXTS["clone"], ASLEEP),
    "made suspended or active": (BEFORE["clone"], ASLEEP, TEXTS["clone"]),
    "made or not": (BEFORE["clone"], TEXTS["clone"], BEFORE["clone"]),
    "suspended or not": (TEXTS["clone"], ASLEEP, TEXTS["clone"]),
    "resumed or not": (ASLEEP, TEXTS["clone"], ASLEEP),
    "renamed or not": (TEXTS["clone"], TEXTS["rename"], TEXTS["clone"]),  # theirs is an old daemon, which remembers
    "rotated or suspended": (TEXTS["clone"], TEXTS["rotate"], ASLEEP),
    "two companies": (TEXTS["clone"], NORTH, SOUTH),
}
"""What stands before, our text, and theirs; ours is the one that stays in force."""
STORIES = {**{story: (BEFORE[story], text, text) for story, text in TEXTS.items()}, **DIFFERING}


@functools.cache
def begun(text: str) -> Universe:
    """Make each of the worlds that stories begin in once; `branch` it."""

    async def make() -> Universe:
        world = universe({"one": VERSION}, seed=3)
        world.hosts["one"].add_database("shop")
        assert (await world.reconcile(text)).ok
        return world

    return run(make())


async def one_alone(world: Universe, text: str, who: int, turns: Turns, memory: DictMemory) -> None:
    process = Process()
    process.turn = lambda _request: turns.take(who)
    own = Universe(world.hosts, world.clock, memory, seed=who + 10)  # no shared store
    try:
        passed = await own.reconcile(text, process)
    finally:
        await turns.end(who)
    for outcome in passed.outcomes:
        assert outcome.result in (Result.DONE, Result.FAILED, Result.SKIPPED, Result.UNKNOWN)


async def interleaved(world: Universe, texts: tuple[str, str, str], schedule: list[tuple[int, int]]) -> None:
    before, ours, theirs = texts
    foreign = promises.foreign_state(world.hosts)
    host, customers = world.hosts["one"], Customers(world.hosts, seed=sum(count for _, count in schedule))
    customers.join(read(before), read(theirs))
    watching = promises.watch(world.hosts, read(ours), customers, alone=False)
    customers.begin()
    customers.visit()
    turns = Turns(schedule)
    async with asyncio.TaskGroup() as group:
        for who, text in enumerate((ours, theirs)):
            # Where a database went that a text no longer names is known from a store alone (G11's limit).
            remembers = who and texts == DIFFERING["renamed or not"] and world.memory is not None
            memory = world.memory.copy() if remembers and world.memory else DictMemory()
            group.create_task(one_alone(world, text, who, turns, memory))
    watching.sure()
    await settled(world, ours, customers)
    promises.check(world.hosts, read(ours), foreign=foreign)
    forms = [n for n in map(names.parse, host.listed()) if n.state not in (NameState.BUILDING, NameState.TRASH)]
    assert len(forms) == len({n.target for n in forms}), "two databases claim one name"


async def settled(world: Universe, text: str, customers: Customers) -> None:
    """One text is left: a few runs make all as it says."""
    told: list[object] = []
    for _ in range(4):
        customers.sure()
        passed = await world.reconcile(text)
        told = [(o.action.id, o.result, o.detail) for o in passed.outcomes] + list(passed.after.changeset.blocked)
        if passed.ok and passed.after.changeset.is_converged:
            break
        await asyncio.sleep(300)
    else:
        raise AssertionError(told)
    customers.everything_is_there(read(text))


@functools.cache
def length_of(story: str) -> int:
    """Count the requests of a run of ours that nobody overtakes."""
    before, ours, _ = STORIES[story]
    world = begun(before).branch()
    own = Universe(world.hosts, world.clock, DictMemory(), seed=10)
    process = Process()
    run(own.reconcile(ours, process))
    return process.sent


def play(story: str, schedule: list[tuple[int, int]]) -> None:
    texts = STORIES[story]
    try:
        run(interleaved(begun(texts[0]).branch(), texts, schedule))
    except BaseException as error:
        error.add_note(f"story {story!r}, schedule {schedule}")
        raise


@pytest.mark.parametrize("story", STORIES)
def test_either_may_be_overtaken_at_any_request(story: str) -> None:
    """One runs to any request, the other runs whole, the first goes on."""
    for first in range(0, length_of(story) + 1, 1 if EXHAUSTIVE else 11):
        play(story, [(0, first), (1, 10**6)])


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("story", STORIES)
def test_they_may_overtake_each_other_twice(story: str, part: int) -> None:
    """One runs to any request, then the other to any request, then the first to its end, then the other."""
    length = length_of(story)
    pairs = list(itertools.product(range(1, length + 1), repeat=2))
    most = MOST.get(story, 320) if EXHAUSTIVE else 8
    for first, second in pairs[:: max(1, len(pairs) // most)][part::PARTS]:
        play(story, [(0, first), (1, second), (0, 10**6)])


@pytest.mark.parametrize("story", STORIES)
def test_they_may_alternate_in_any_rhythm(story: str) -> None:
    for ours, theirs in itertools.product((1, 2, 3, 5, 8) if EXHAUSTIVE else (1, 5), repeat=2):
        play(story, [(who, count) for _ in range(400) for who, count in ((0, ours), (1, theirs))])
