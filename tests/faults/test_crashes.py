"""The reconciler or a host dies at any point of a run; the next run converges and no promise is broken meanwhile."""

import asyncio

import pytest

from reconciler.core.model import names
from reconciler.simulator import STEPS
from tests.faults.shares import EXHAUSTIVE
from tests.faults.stories import STORIES, killed_pass, prepared
from tests.harness import promises
from tests.harness.customers import Customers
from tests.harness.universe import Process, Universe, read
from tests.harness.virtual_time import run

VERSIONS = ["19.0", "14.0"]
SAMPLED = 29
FIRST_OCCURRENCES = 1
"""Without ODOO_FLEET_EXHAUSTIVE (`make test-exhaustive`, part of CI) only every so many-th request is tried."""


async def at_work(version: str, story: str, seed: int) -> tuple[Universe, dict[str, object], Customers]:
    """Put the world of a story up, with the promises of its new text watched and customers at work."""
    before, after = STORIES[story]
    world = await prepared(version, before and before(version), seed)
    customers = Customers(world.hosts, seed=seed)
    if before is not None:
        customers.join(read(before(version)))
    promises.watch(world.hosts, read(after(version)), customers)
    customers.begin()
    customers.visit()
    return world, promises.foreign_state(world.hosts), customers


async def length_of(version: str, story: str) -> int:
    before, after = STORIES[story]
    world = await prepared(version, before and before(version), 0)
    process = Process()
    assert (await world.reconcile(after(version), process)).ok
    return process.sent


async def converges(world: Universe, fleet_text: str, foreign: dict[str, object], customers: Customers) -> None:
    """The next run makes all as declared, and the one after that finds nothing to do."""
    customers.visit()
    passed = await world.reconcile(fleet_text)
    assert passed.ok, [(o.action.id, o.result, o.detail) for o in passed.outcomes] + list(
        passed.after.changeset.blocked
    )
    again = await world.plan(fleet_text)
    assert again.changeset.is_converged, again.changeset
    customers.everything_is_there(read(fleet_text))
    promises.check(world.hosts, read(fleet_text), foreign=foreign)
    left = [names.parse(n) for n in world.hosts["one"].listed()]
    assert not {n.state for n in left} & set(names.ON_ITS_WAY)
    await swept(world, fleet_text)
    customers.everything_is_there(read(fleet_text))


async def swept(world: Universe, fleet_text: str) -> None:
    """What a crash left behind is gone once it is older than its limit."""
    await asyncio.sleep(3 * 3600)
    await world.reconcile(fleet_text)
    assert not any(n.startswith("building-") for n in world.hosts["one"].listed())


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_reconciler_killed_at_any_request_leaves_nothing_that_the_next_run_does_not_put_right(
    version: str, story: str, moment: str
) -> None:
    _, after = STORIES[story]

    async def one(number: int) -> None:
        world, foreign, customers = await at_work(version, story, number)
        process = Process(kill_before=number) if moment == "before" else Process(kill_after=number)
        await killed_pass(world, after(version), process)
        assert process.dead
        promises.check(world.hosts, read(after(version)), foreign=foreign)
        await converges(world, after(version), foreign, customers)

    for number in range(1, run(length_of(version, story)) + 1, 1 if EXHAUSTIVE else SAMPLED):
        try:
            run(one(number))
        except BaseException as error:
            error.add_note(f"killed {moment} request {number} of story {story!r} on {version}")
            raise


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_host_killed_at_any_step_of_its_work_breaks_no_promise(version: str, story: str) -> None:
    _, after = STORIES[story]
    steps = [
        step
        for operation in ("create_database", "duplicate_database", "rename", "install", "drop")
        for step in STEPS[operation]
    ]

    async def one(step: str, occurrence: int) -> bool:
        world, foreign, customers = await at_work(version, story, 7)
        host = world.hosts["one"]
        seen = 0

        def kill(reached: str) -> None:
            nonlocal seen
            seen += reached == step
            if reached == step and seen == occurrence:
                host.kill()
                asyncio.get_running_loop().call_later(20.0, host.start)

        host.on_step = kill
        await world.reconcile(after(version))
        host.on_step = lambda _step: None
        if seen < occurrence:
            return False
        await asyncio.sleep(30)
        for _ in range(2):  # what was unknown in the first run is looked at again in the next
            if not (await world.reconcile(after(version))).ok:
                await asyncio.sleep(60)
        await converges(world, after(version), foreign, customers)
        return True

    for step in steps:
        occurrence = 1
        try:
            while run(one(step, occurrence)) and (EXHAUSTIVE or occurrence < FIRST_OCCURRENCES):
                occurrence += 1
        except BaseException as error:
            error.add_note(f"host killed at {step}, occurrence {occurrence}, story {story!r} on {version}")
            raise
