"""A template whose host dies at its publication is made again; a host that always dies there is not filled with its builds."""

import asyncio

from reconciler.core.diffs.drafts import MOST_LOST
from tests.harness.universe import Universe, fleet, universe
from tests.harness.virtual_time import run


def dies_at_the_lock(world: Universe) -> None:
    """Have the host die whenever a template bears the lock and its files are still to come; it is back two minutes later."""
    host = world.hosts["one"]

    def on_step(step: str) -> None:
        if step == "rename.database" and "switching.template_base" in host.databases:
            host.kill()
            asyncio.get_running_loop().call_later(130.0, host.start)

    host.on_step = on_step


def test_what_a_host_loses_at_each_publication_of_a_template_is_bounded() -> None:
    async def story() -> None:
        world = universe()
        host = world.hosts["one"]
        dies_at_the_lock(world)
        for _ in range(MOST_LOST + 4):
            assert not (await world.reconcile(fleet())).ok
            await asyncio.sleep(200)
        assert len([n for n in host.listed() if n.startswith("trash-")]) == MOST_LOST + 1
        host.on_step = lambda _step: None
        await asyncio.sleep(3 * 3600)
        assert (await world.reconcile(fleet())).ok
        assert "template_base" in host.listed()

    run(story())


def test_a_build_that_another_reconciler_left_at_the_lock_beside_the_template_is_discarded() -> None:
    async def story() -> None:
        world = universe()
        assert (await world.reconcile(fleet())).ok
        host = world.hosts["one"]
        other = universe()
        dies_at_the_lock(other)
        await other.reconcile(fleet())
        host.databases["switching.template_base"] = other.hosts["one"].databases["switching.template_base"]
        assert (await world.reconcile(fleet())).ok
        assert [n for n in host.listed() if not n.startswith("trash-")] == ["template_base"]

    run(story())
