"""A subscription that ends takes its instance out of service; one that is prolonged brings it back. It is 24 November 2026."""

from __future__ import annotations

from datetime import timedelta

from reconciler.core.model.actions import Reason
from tests.harness.universe import fleet, instance, universe
from tests.harness.virtual_time import VirtualClock, run


def ending(day: str) -> str:
    text = fleet(instance("acme", subscription=f"{{start: '2026-01-01', end: '{day}'}}"))
    return text.replace("kind: plan\n", "kind: plan\ngrace_days: 2\non_expiry: suspend\n")


def test_it_is_suspended_when_the_grace_is_over_and_back_when_the_text_prolongs_it() -> None:
    async def story() -> None:
        world = universe()
        assert (await world.reconcile(ending("2026-11-30"))).ok
        assert world.hosts["one"].listed() == ["acme", "template_base"]
        world.clock.skew = timedelta(days=8, hours=11)  # 2 December, 23:00
        passed = await world.reconcile(ending("2026-11-30"))
        assert not passed.outcomes
        told = [e.what for e in passed.after.changeset.left_alone]
        assert told == ["the subscription of instance/acme ended on 2026-11-30: suspended on 2026-12-03"]
        world.clock.skew += timedelta(hours=2)
        (outcome,) = (await world.reconcile(ending("2026-11-30"))).outcomes
        assert (outcome.action.id, outcome.action.reason) == ("suspend instance/acme on one", Reason.EXPIRED)
        assert world.hosts["one"].listed() == ["suspended.acme", "template_base"]
        assert (await world.plan(ending("2026-11-30"))).changeset.is_converged
        assert (await world.reconcile(ending("2027-11-30"))).ok
        assert world.hosts["one"].listed() == ["acme", "template_base"]

    run(story())


def test_a_clock_that_its_host_denies_suspends_nobody() -> None:
    async def story() -> None:
        world = universe()
        text = ending("2026-12-31")
        await world.reconcile(text)
        world.clock = VirtualClock()  # the host keeps its own
        world.clock.skew = timedelta(days=60)
        passed = await world.reconcile(text)
        assert not passed.outcomes
        (blocked,) = passed.after.changeset.blocked
        assert "one of the clocks is wrong" in blocked.why
        assert world.hosts["one"].listed() == ["acme", "template_base"]

    run(story())
