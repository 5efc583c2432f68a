"""What a lying list, a rename that another pass ended, or a shallow look hides is nobody's leave to make or give away."""

import asyncio

import pytest

from reconciler.core.deciding import Limits
from reconciler.core.depths import Depth
from reconciler.simulator import FaultSpec
from tests.faults.stories import killed_pass
from tests.harness.universe import Process, Universe, fleet, instance, universe
from tests.harness.virtual_time import run

TWO = {"one": "19.0", "two": "19.0"}


async def served() -> Universe:
    world = universe(TWO)
    text = fleet(instance("acme", server="one"), instance("beta", server="one"), servers=TWO)
    assert (await world.reconcile(text)).ok
    return world


@pytest.mark.parametrize(
    "edited",
    [
        instance("acme", server="two"),
        instance("shop", server="two", renamed_from="acme"),
        instance("shop", renamed_from="acme"),
    ],
)
def test_nothing_is_made_elsewhere_while_a_list_is_not_believed(edited: str) -> None:
    """One empty list and an ordinary edit, with a whole store: the customer is on the host whose list is not believed."""

    async def story() -> None:
        world = await served()
        world.hosts["one"].faults.add(FaultSpec.parse("db.list:empty:count=1"))
        passed = await world.reconcile(fleet(edited, instance("beta", server="one"), servers=TWO))
        assert not passed.ok
        assert "acme" in world.hosts["one"].listed() or "shop" in world.hosts["one"].listed()
        assert world.hosts["two"].listed() == ["template_base"]

    run(story())


def test_a_rename_that_another_pass_finished_is_known_when_its_text_is_reverted() -> None:
    before = fleet(instance("acme", server="one"))
    after = fleet(instance("shop", server="one", renamed_from="acme"))

    async def one(number: int) -> bool:
        world = universe()
        assert (await world.reconcile(before)).ok
        process = Process(kill_after=number)
        await killed_pass(world, after, process)
        await world.reconcile(after)
        await world.reconcile(before)
        assert len([n for n in world.hosts["one"].listed() if n != "template_base"]) == 1, number
        return process.dead

    for number in range(1, 400, 7):
        if not run(one(number)):
            break


def test_a_build_that_was_discarded_freezes_no_host() -> None:
    text = fleet(instance("acme", server="one"))

    async def story() -> None:
        world = universe()
        assert (await world.reconcile(fleet())).ok
        host = world.hosts["one"]

        def dies(step: str) -> None:
            if step == "rename.database":
                host.on_step = lambda _step: None
                host.kill()
                asyncio.get_running_loop().call_later(130.0, host.start)

        host.on_step = dies
        await world.reconcile(text)
        await asyncio.sleep(200)
        host.faults.add(FaultSpec.parse("db.duplicate_database:disk-full=postgres:count=1"))
        assert not (await world.reconcile(text)).ok
        assert (await world.reconcile(text)).ok
        assert "acme" in host.listed()

    run(story())


def test_a_shallow_run_gives_nothing_away_that_an_earlier_document_left_behind() -> None:
    async def story() -> None:
        world = universe()
        old = instance("acme", server="one", state="suspended", owner="{name: Old, login: old@acme.test}")
        assert (await world.reconcile(fleet(old))).ok
        await world.reconcile(fleet())
        new = fleet(instance("acme", server="one", owner="{name: New, login: new@acme.test}"))
        passed = await world.reconcile(new, limits=Limits(depth=Depth(shallow=True)))
        assert not passed.ok
        assert "suspended.acme" in world.hosts["one"].listed()

    run(story())
