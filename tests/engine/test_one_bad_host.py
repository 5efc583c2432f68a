"""One host that fails holds back neither the others nor the end of the pass."""

from reconciler.core.model.changesets import Changeset
from reconciler.core.model.outcomes import Result
from reconciler.engine.executor import execute
from tests.harness.universe import Process, fleet, instance, read, universe
from tests.harness.virtual_time import run

TWO = {"one": "19.0", "two": "19.0"}


def test_a_host_that_keeps_failing_is_left_alone_for_the_pass_and_the_others_go_on() -> None:
    async def story() -> None:
        world = universe(TWO)
        await world.reconcile(fleet(servers=TWO))
        bad = [f"bad{n}" for n in range(9)]
        text = fleet(*(instance(c, server="one") for c in bad), instance("good", server="two"), servers=TWO)
        one = world.hosts["one"]
        one.on_step = lambda step: one.kill() if step.startswith("duplicate_database") else None
        passed = await world.reconcile(text)
        results = {o.action.code: o for o in passed.outcomes}
        assert results["good"].result is Result.DONE
        skipped = [o for o in passed.outcomes if o.result is Result.SKIPPED]
        assert len(skipped) >= 5
        assert all("one keeps failing" in o.detail for o in skipped)
        one.on_step = lambda _step: None
        one.start()
        assert (await world.reconcile(text)).ok

    run(story())


def test_what_comes_after_something_that_is_no_part_of_a_run_is_skipped_and_told_and_the_rest_is_done() -> None:
    async def story() -> None:
        world, text = universe(TWO), fleet(instance("acme", server="one"), servers=TWO)
        wanted = (await world.plan(text)).changeset.actions
        part = [action for action in wanted if action.id != "create template/base on one"]
        ends = {
            o.action.id: o
            for o in await execute(Changeset(tuple(part)), read(text), world.world(read(text), Process()))
        }
        assert ends["create template/base on two"].result is Result.DONE
        skipped = ends["clone instance/acme on one"]
        assert skipped.result is Result.SKIPPED
        assert skipped.detail == "it comes after 'create template/base on one', which is no part of this run"

    run(story())
