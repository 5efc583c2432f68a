"""One host that fails holds back neither the others nor the end of the pass."""

from reconciler.core.model.outcomes import Result
from tests.harness.universe import fleet, instance, universe
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
