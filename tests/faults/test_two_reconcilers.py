"""Two reconcilers that know nothing of each other work on one host, interleaved request by request."""

import asyncio
import itertools
import os

import pytest

from reconciler.core import names
from reconciler.core.outcomes import Result
from tests.harness import promises
from tests.harness.schedules import Turns
from tests.harness.universe import DictMemory, Process, Universe, fleet, instance, read, universe
from tests.harness.virtual_time import run

VERSION = "19.0"
EXHAUSTIVE = bool(os.environ.get("ODOO_FLEET_EXHAUSTIVE"))
PARTS = 8

TEXTS = {
    "clone": fleet(instance("acme", server="one"), servers={"one": VERSION}),
    "suspend": fleet(instance("acme", server="one", state="suspended"), servers={"one": VERSION}),
    "rename": fleet(instance("acme2", server="one", renamed_from="acme"), servers={"one": VERSION}),
    "rotate": fleet(
        instance("acme", server="one", admin_password="{derived: {generation: 2}}"), servers={"one": VERSION}
    ),
}
BEFORE = {"clone": fleet(servers={"one": VERSION}), **dict.fromkeys(("suspend", "rename", "rotate"), TEXTS["clone"])}


async def prepared(story: str) -> Universe:
    world = universe({"one": VERSION}, seed=3)
    world.hosts["one"].add_database("shop")
    assert (await world.reconcile(BEFORE[story])).ok
    return world


async def one_alone(world: Universe, text: str, who: int, turns: Turns) -> None:
    process = Process()
    process.turn = lambda _request: turns.take(who)
    own = Universe(world.hosts, world.clock, DictMemory(), seed=who + 10)  # no shared store
    try:
        passed = await own.reconcile(text, process)
    finally:
        await turns.end(who)
    for outcome in passed.outcomes:
        assert outcome.result in (Result.DONE, Result.FAILED, Result.SKIPPED, Result.UNKNOWN)


async def interleaved(story: str, schedule: list[tuple[int, int]]) -> None:
    text = TEXTS[story]
    world = await prepared(story)
    foreign = promises.foreign_state(world.hosts)
    host = world.hosts["one"]
    host.watchers.append(promises.Watch(world.hosts, read(text)))
    turns = Turns(schedule)
    async with asyncio.TaskGroup() as group:
        for who in (0, 1):
            group.create_task(one_alone(world, text, who, turns))
    await world.reconcile(text)
    passed = await world.reconcile(text)
    assert passed.ok, [(o.action.id, o.result, o.detail) for o in passed.outcomes] + list(
        passed.after.changeset.blocked
    )
    promises.check(world.hosts, read(text), foreign=foreign)
    forms = [n for n in map(names.parse, host.listed()) if n.state in names.FORMS]
    assert len(forms) == len({n.target for n in forms}), "two databases claim one name"


async def length_of(story: str) -> int:
    world = await prepared(story)
    own = Universe(world.hosts, world.clock, DictMemory(), seed=10)
    process = Process()
    await own.reconcile(TEXTS[story], process)
    return process.sent


def play(story: str, schedule: list[tuple[int, int]]) -> None:
    try:
        run(interleaved(story, schedule))
    except BaseException as error:
        error.add_note(f"story {story!r}, schedule {schedule}")
        raise


@pytest.mark.parametrize("story", TEXTS)
def test_either_may_be_overtaken_at_any_request(story: str) -> None:
    """One runs to any request, the other runs whole, the first goes on."""
    for first in range(0, run(length_of(story)) + 1, 1 if EXHAUSTIVE else 6):
        play(story, [(0, first), (1, 10**6)])


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("story", TEXTS)
def test_they_may_overtake_each_other_twice(story: str, part: int) -> None:
    """One runs to any request, then the other to any request, then the first to its end, then the other."""
    length = run(length_of(story))
    pairs = list(itertools.product(range(1, length + 1), repeat=2))
    most = (len(pairs) if story == "clone" else 640) if EXHAUSTIVE else 24
    for first, second in pairs[:: max(1, len(pairs) // most)][part::PARTS]:
        play(story, [(0, first), (1, second), (0, 10**6)])


@pytest.mark.parametrize("story", TEXTS)
def test_they_may_alternate_in_any_rhythm(story: str) -> None:
    for ours, theirs in itertools.product((1, 2, 3, 5, 8) if EXHAUSTIVE else (1, 5), repeat=2):
        play(story, [(who, count) for _ in range(400) for who, count in ((0, ours), (1, theirs))])
