"""One customer, two reconcilers or two servers: who bears the lock of a build asks everywhere whether it is there already."""

import asyncio

import pytest

from reconciler.simulator import FaultSpec
from tests.core.scenes import changed
from tests.harness.schedules import Turns
from tests.harness.universe import DictMemory, Process, Universe, fleet, instance, universe
from tests.harness.virtual_time import run

TWO = {"one": "19.0", "two": "19.0"}


def text(server: str, *documents: str) -> str:
    """Write a fleet of two servers, whose template is on one of them."""
    return changed(fleet(*documents, servers=TWO), "servers: [one, two]", f"servers: [{server}]")


def served(world: Universe) -> list[str]:
    return [f"{n} on {c}" for c, host in world.hosts.items() for n in host.listed() if n in ("acme", "shop")]


async def overtaken(world: Universe, ours: str, theirs: str, first: int) -> None:
    """Ours runs for so many requests, theirs runs whole, ours goes on; neither knows of the other."""
    turns = Turns([(0, first), (1, 10**6)])

    async def one(who: int, whole: str) -> None:
        process = Process()
        process.turn = lambda _request: turns.take(who)
        try:
            await Universe(world.hosts, world.clock, DictMemory(), seed=who + 10).reconcile(whole, process)
        finally:
            await turns.end(who)

    async with asyncio.TaskGroup() as group:
        group.create_task(one(0, ours))
        group.create_task(one(1, theirs))


@pytest.mark.parametrize("first", range(4, 100, 8))
def test_two_texts_that_have_customer_and_template_on_different_servers_never_publish_two(first: int) -> None:
    ours, theirs = (text(server, instance("acme", server=server)) for server in TWO)

    async def story() -> None:
        world = universe(TWO)
        for server in TWO:
            assert (await world.reconcile(text(server))).ok
        await overtaken(world, ours, theirs, first)
        assert len(served(world)) == 1, served(world)

    run(story())


def test_a_renamed_customer_whose_server_was_edited_gets_no_second_database_after_a_list_that_lied() -> None:
    async def story() -> None:
        world = universe(TWO, store=False)
        assert (await world.reconcile(fleet(instance("acme", server="two"), servers=TWO))).ok
        world.hosts["two"].faults.add(FaultSpec.parse("db.list:empty:count=1"))
        passed = await world.reconcile(fleet(instance("shop", server="one", renamed_from="acme"), servers=TWO))
        assert not passed.ok
        assert served(world) == ["acme on two"]

    run(story())


@pytest.mark.parametrize("first", range(2, 48, 4))
def test_a_renamed_customer_gets_no_second_database_while_another_reconciler_builds_the_former_name(first: int) -> None:
    ours, theirs = fleet(instance("shop", server="one", renamed_from="acme")), fleet(instance("acme", server="one"))

    async def story() -> None:
        world = universe()
        assert (await world.reconcile(fleet())).ok
        await overtaken(world, ours, theirs, first)
        assert len(served(world)) == 1, served(world)

    run(story())


def test_two_instances_of_one_database_name_on_two_servers_are_both_made() -> None:
    both = fleet(
        instance("north", server="one", database_name="acme", subdomain="north"),
        instance("south", server="two", database_name="acme", subdomain="south"),
        servers=TWO,
    )

    async def story() -> None:
        world = universe(TWO)
        assert (await world.reconcile(both)).ok
        assert served(world) == ["acme on one", "acme on two"]
        world.memory = DictMemory()
        assert (await world.plan(both)).changeset.is_converged

    run(story())
