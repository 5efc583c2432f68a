"""The reconciler or a host dies at any point of a move between servers; two reconcilers with different texts are at it at once.

Customers work until they are out of reach, and find all of it again wherever they are in service next. At no step of any host
are there two databases in service or suspended for one customer.
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass

import pytest

from reconciler.core.model import names
from reconciler.core.model.names import NameState
from reconciler.simulator import STEPS
from reconciler.simulator.databases import SimulatedDatabase
from tests.faults.shares import EXHAUSTIVE, moments
from tests.faults.stories import killed_pass
from tests.faults.test_two_reconcilers import one_alone
from tests.harness import promises
from tests.harness.customers import Customers
from tests.harness.schedules import Turns
from tests.harness.universe import DictMemory, Process, Universe, read
from tests.harness.virtual_time import run
from tests.server_moves.stage import SERVERS, begun, text

VERSIONS = ["19.0", "14.0"]
SAMPLED = 29
MONTH = 31 * 86400
MOST_OCCURRENCES = 2
"""Without ODOO_FLEET_EXHAUSTIVE only every so many-th request is tried, and the first times that a host reaches a step."""


@dataclass(frozen=True)
class Story:
    """The states of acme: where it stands, and as what it is to stand on beta."""

    before: str = "active"
    after: str = "active"


STORIES = {
    "moved": Story(),
    "moved while suspended": Story("suspended", "suspended"),
    "moved and suspended": Story("active", "suspended"),
}


def before(version: str, story: str) -> str:
    return text("alpha", version, state=STORIES[story].before)


def after(version: str, story: str) -> str:
    return text("beta", version, state=STORIES[story].after)


def ready(version: str, story: str, seed: int = 0) -> Universe:
    return begun(version, before(version, story), seed=seed)


def at_work(world: Universe, *texts: str) -> tuple[dict[str, object], Customers]:
    customers = Customers(world.hosts, seed=world.seed)
    customers.join(*map(read, texts))
    promises.watch(world.hosts, read(texts[-1]), customers)
    customers.begin()
    customers.visit()
    return promises.foreign_state(world.hosts), customers


def states(world: Universe) -> dict[str, list[NameState]]:
    """What is left of acme on each host, but for what a crash left to be swept."""
    return {
        code: sorted(
            name.state
            for name in map(names.parse, host.listed())
            if name.target == "acme" and name.state in names.FORMS
        )
        for code, host in world.hosts.items()
    }


async def converges(world: Universe, written: str, foreign: dict[str, object], customers: Customers) -> None:
    """A few runs make all as the text says, and what a crash left is gone in time."""
    told: list[object] = []
    for _ in range(4):
        customers.sure()
        passed = await world.reconcile(written)
        told = [(o.action.id, o.result, o.detail) for o in passed.outcomes] + list(passed.after.changeset.blocked)
        if passed.ok and passed.after.changeset.is_converged:
            break
        await asyncio.sleep(300)
    else:
        raise AssertionError(told)
    customers.everything_is_there(read(written))
    promises.check(world.hosts, read(written), foreign=foreign)
    acme = read(written).instances["acme"]
    rests = NameState.SUSPENDED if acme.state == "suspended" else NameState.PUBLISHED
    assert states(world) == {code: [rests] if code == acme.server else [] for code in SERVERS}
    customers.visit()
    await asyncio.sleep(MONTH)
    for _ in range(2):
        assert (await world.reconcile(written)).ok
    customers.everything_is_there(read(written))
    for code, host in world.hosts.items():
        own = {"acme" if rests is NameState.PUBLISHED else "suspended.acme"} if code == acme.server else set()
        trash = {name for name in host.listed() if names.parse(name).state is NameState.TRASH}
        left = {name for name in host.listed() if name not in trash or not _never_served(host.databases[name])}
        assert left == {"shop", "template_base", *own}, "what was kept for a while is gone, and nothing else"


def _never_served(database: SimulatedDatabase) -> bool:
    """A build that came too late is kept as trash for as long as a document has its name, whatever it was to be."""
    return database.parameter("odoo_fleet.in_service") == "no"


async def length_of(world: Universe, version: str, story: str) -> int:
    _, customers = at_work(world, before(version, story), after(version, story))
    process = Process()
    passed = await world.reconcile(after(version, story), process)
    assert passed.ok, passed
    customers.everything_is_there(read(after(version, story)))
    assert customers.saved or STORIES[story].before == "suspended"
    return process.sent


@pytest.mark.parametrize("then", ["goes on", "is reverted"])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_reconciler_killed_at_any_request_leaves_one_that_goes_on_either_way(
    version: str, story: str, moment: str, then: str
) -> None:
    async def one(world: Universe, number: int) -> None:
        last = before(version, story) if then == "is reverted" else after(version, story)
        foreign, customers = at_work(world, before(version, story), after(version, story))
        process = Process(kill_before=number) if moment == "before" else Process(kill_after=number)
        await killed_pass(world, after(version, story), process)
        assert process.dead
        customers.visit()
        promises.watch(world.hosts, read(last), customers)
        await converges(world, last, foreign, customers)

    length = run(length_of(ready(version, story), version, story))
    for number in moments(1, length + 1, SAMPLED):
        try:
            run(one(ready(version, story, number), number))
        except BaseException as error:
            error.add_note(f"killed {moment} request {number} of {length}, {story!r}, which {then}, on {version}")
            raise


HOST_STEPS = (*STEPS["rename"], "restore.listed", "restore.rows", "restore.done")


@pytest.mark.parametrize("dies", SERVERS)
@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("version", VERSIONS)
def test_either_host_killed_at_any_step_of_its_work_leaves_one_that_goes_on(
    version: str, story: str, dies: str
) -> None:
    async def one(world: Universe, step: str, occurrence: int) -> bool:
        written, seen = after(version, story), 0
        foreign, customers = at_work(world, before(version, story), written)
        host = world.hosts[dies]

        def kill(reached: str) -> None:
            nonlocal seen
            seen += reached == step
            if reached == step and seen == occurrence:
                host.kill()
                asyncio.get_running_loop().call_later(20.0, host.start)

        host.on_step = kill
        await world.reconcile(written)
        host.on_step = lambda _step: None
        if seen < occurrence:
            return False
        await asyncio.sleep(30)
        await converges(world, written, foreign, customers)
        return True

    for step in HOST_STEPS:
        occurrence = 1
        try:
            while run(one(ready(version, story, 7), step, occurrence)) and (
                EXHAUSTIVE or occurrence < MOST_OCCURRENCES
            ):
                occurrence += 1
        except BaseException as error:
            error.add_note(f"{dies} killed at {step}, occurrence {occurrence}, {story!r} on {version}")
            raise


PAIRS = {
    "both move": (text("alpha"), text("beta"), text("beta")),
    "moved or not": (text("alpha"), text("beta"), text("alpha")),
    "not moved or moved": (text("alpha"), text("alpha"), text("beta")),
    "moved, or suspended where it is": (text("alpha"), text("beta"), text("alpha", state="suspended")),
    "resumed where it is, or moved": (text("alpha", state="suspended"), text("alpha"), text("beta", state="suspended")),
}
"""What stands before, our text, and theirs; ours is the one that stays."""


async def interleaved(world: Universe, pair: str, schedule: list[tuple[int, int]]) -> None:
    stood, ours, theirs = PAIRS[pair]
    foreign, customers = at_work(world, stood, theirs, ours)
    watching = promises.watch(world.hosts, read(ours), customers, alone=False)
    turns = Turns(schedule)
    async with asyncio.TaskGroup() as group:
        for who, written in enumerate((ours, theirs)):
            group.create_task(one_alone(world, written, who, turns, DictMemory()))
    watching.sure()
    customers.visit()
    await converges(world, ours, foreign, customers)


def play(pair: str, schedule: list[tuple[int, int]]) -> None:
    try:
        run(interleaved(begun(before=PAIRS[pair][0], seed=3), pair, schedule))
    except BaseException as error:
        error.add_note(f"{pair!r}, schedule {schedule}")
        raise


@pytest.mark.parametrize("pair", PAIRS)
def test_two_reconcilers_may_overtake_each_other_at_any_request(pair: str) -> None:
    for first in moments(0, 190, 19):
        play(pair, [(0, first), (1, 10**6)])
        play(pair, [(0, first), (1, first // 2 + 9), (0, 10**6)])


@pytest.mark.parametrize("pair", PAIRS)
def test_two_reconcilers_may_alternate_in_any_rhythm(pair: str) -> None:
    for ours, theirs in itertools.product((1, 2, 3, 5, 8) if EXHAUSTIVE else (1, 3), repeat=2):
        play(pair, [(who, count) for _ in range(400) for who, count in ((0, ours), (1, theirs))])


@pytest.mark.parametrize("then", ["beta, beta", "alpha, beta", "beta, alpha", "alpha, alpha"])
def test_two_runs_are_killed_one_after_the_other_whatever_the_text_says_by_then(then: str) -> None:
    """The first move is cut, then the run that goes on with it or takes it back; the third text stays."""
    second, last = (text(server) for server in then.split(", "))

    async def one(world: Universe, first: int, then_at: int) -> None:
        foreign, customers = at_work(world, text("alpha"), text("beta"), second, last)
        await killed_pass(world, text("beta"), Process(kill_after=first))
        customers.visit()
        promises.watch(world.hosts, read(second), customers)
        await killed_pass(world, second, Process(kill_before=then_at))
        customers.visit()
        promises.watch(world.hosts, read(last), customers)
        await converges(world, last, foreign, customers)

    length = run(length_of(ready("19.0", "moved"), "19.0", "moved"))
    pairs = list(itertools.product(range(20, length + 1), range(8, length + 1)))
    for first, then_at in pairs[7 :: 97 if EXHAUSTIVE else 1499]:
        try:
            run(one(begun(seed=first), first, then_at))
        except BaseException as error:
            error.add_note(f"killed after request {first}, then before {then_at} of the next, {then}")
            raise
