"""Windows and freezes in whole passes, in simulated time: it begins on 24 November 2026, 12:00 UTC."""

from __future__ import annotations

from datetime import timedelta

from tests.faults.stories import killed_pass
from tests.harness.universe import Process, Universe, fleet, instance, universe
from tests.harness.virtual_time import run

WINDOW = 'windows: [{verbs: [configure], from: "14:00", to: "15:00"}]\n'
FREEZE = 'freezes: [{from: "2026-11-24", to: "2026-11-24", reason: an audit}]\n'


def having(line: str, *documents: str) -> str:
    return fleet(*documents).replace("code: demo\n", f"code: demo\n{line}", 1)


def test_an_edit_waits_for_its_window_and_is_done_in_the_first_pass_after_it_opened() -> None:
    async def story() -> None:
        world = universe()
        await world.reconcile(having(WINDOW, instance("acme", company="Acme SA")))
        edited = having(WINDOW, instance("acme", company="Acme NV"))
        passed = await world.reconcile(edited)
        (held,) = passed.after.changeset.withheld
        assert (passed.ok, passed.outcomes) == (True, ())
        assert (held.action.id, held.why) == (
            "configure instance/acme on one",
            "its window opens at 2026-11-24 14:00 UTC",
        )
        world.clock.skew = timedelta(hours=2)
        assert [o.action.id for o in (await world.reconcile(edited)).outcomes] == ["configure instance/acme on one"]
        assert (await world.plan(edited)).changeset.is_converged

    run(story())


def test_nothing_is_made_in_a_freeze() -> None:
    async def story() -> None:
        world = universe()
        passed = await world.reconcile(having(FREEZE, instance("acme")))
        assert (passed.outcomes, world.hosts["one"].listed()) == ((), [])
        assert {w.why for w in passed.after.changeset.withheld} == {
            "a freeze holds until 2026-11-25 00:00 UTC: an audit"
        }

    run(story())


def test_a_rename_that_a_crash_cut_short_is_finished_in_a_freeze() -> None:
    async def story() -> None:
        world = universe()
        await world.reconcile(fleet(instance("acme", server="one")))
        renamed = instance("acme2", server="one", renamed_from="acme")
        cut = [copy for number in range(1, 60) if locked(copy := await killed(world, fleet(renamed), number))]
        assert cut
        for copy in cut:
            passed = await copy.reconcile(having(FREEZE, renamed))
            assert passed.ok
            assert copy.hosts["one"].listed() == ["acme2", "template_base"]

    run(story())


async def killed(world: Universe, text: str, number: int) -> Universe:
    copy = world.branch()
    await killed_pass(copy, text, Process(kill_before=number))
    return copy


def locked(world: Universe) -> bool:
    return any(name.startswith("switching.") for name in world.hosts["one"].listed())
