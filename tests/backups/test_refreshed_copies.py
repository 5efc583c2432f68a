"""A copy that is made anew: as its source is by then, one at any moment, and the former one in the trash."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

from reconciler.core.deciding import Limits
from reconciler.core.depths import Depth
from reconciler.core.model.outcomes import Result
from reconciler.core.policies.replacements import Replacing
from reconciler.reports.paragraphs import Paper
from reconciler.reports.plan_text import render_plan
from reconciler.simulator import neutralizing
from reconciler.simulator.environment import Env
from tests.backups.copying import (
    REFRESHED,
    begun,
    both,
    copy_of,
    ends_well,
    forms,
    has,
    require_neutral,
    require_nothing_reached_the_outside,
    text,
    tried_in,
)
from tests.faults.shares import moments
from tests.harness.universe import Killed, Process, fleet, instance, read
from tests.harness.virtual_time import run

pytestmark = pytest.mark.usefixtures("copied_worlds")


@both
def test_a_refreshed_one_is_as_its_source_is_now_and_the_former_lies_in_the_trash(version: str) -> None:
    async def story() -> None:
        world, whole = await tried_in(version)
        host = world.hosts["one"]
        shown = render_plan((await world.plan(whole, REFRESHED)).changeset, read(whole), Paper())
        assert "~ replace instance/acme-staging  by command, acme-staging becomes" in shown
        assert "instance/acme as it is then" in shown
        passed = await world.reconcile(whole, limits=REFRESHED)
        assert passed.ok, passed
        copy = host.databases["acme-staging"]
        assert (has(copy, "new customer"), has(copy, "tried")) == (True, False)
        require_neutral(copy, version)
        (trash,) = [name for name in forms(world) if name.startswith("trash-")]
        assert has(host.databases[trash], "tried")
        assert not (await world.reconcile(whole)).planned.changeset.actions
        back = Limits(depth=Depth(refresh=True), replacing=Replacing("acme-staging", trash, backup_first=False))
        passed = await world.reconcile(whole, limits=back)
        assert passed.ok, passed
        assert has(host.databases["acme-staging"], "tried")
        require_neutral(host.databases["acme-staging"], version)
        require_nothing_reached_the_outside(world)

    run(story())


@both
def test_one_that_cannot_be_made_anew_stays_what_it_was(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    async def story() -> None:
        world, whole = await tried_in(version)
        host = world.hosts["one"]
        monkeypatch.setattr(neutralizing, "_live", lambda _database: iter([("mails that wait", "", {}, {})]))
        monkeypatch.setattr(neutralizing, "play", _tells_alone(neutralizing.play))
        passed = await world.reconcile(whole, limits=REFRESHED)
        (outcome,) = passed.outcomes
        assert outcome.result is Result.FAILED
        assert "1 mails that wait" in outcome.detail
        assert forms(world) == ["acme-staging"]
        assert has(host.databases["acme-staging"], "tried")
        gone = fleet(instance("acme", state="absent"), copy_of("acme", state="absent"), servers={"one": version})
        assert not [a for a in (await world.plan(gone, REFRESHED)).changeset.actions if a.verb == "replace"]

    run(story())


def _tells_alone(play: Callable[[Env], dict[str, object]]) -> Callable[[Env], dict[str, object]]:
    return lambda env: {} if env.context["odoo_fleet"]["write"] else play(env)


@both
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_while_it_is_refreshed_there_is_one_neutralized_copy_always(version: str, moment: str) -> None:
    async def story() -> None:
        start, whole = await tried_in(version)
        process = Process()
        assert (await start.branch().reconcile(whole, process, REFRESHED)).outcomes
        for number in moments(1, process.sent + 1, 9):
            world = start.branch()
            dying = Process(kill_before=number) if moment == "before" else Process(kill_after=number)
            with contextlib.suppress(Killed, BaseExceptionGroup):
                await world.reconcile(whole, dying, REFRESHED)
            await ends_well(world, whole, version)
            copy = world.hosts["one"].databases["acme-staging"]
            assert has(copy, "tried") is not has(copy, "new customer"), "one of the two, whole"

    run(story())


def test_one_that_a_removed_document_left_behind_is_taken_over_as_the_plan_says() -> None:
    async def story() -> None:
        world, edited = begun("19.0"), text(copy_of("acme", company="Try SA"))
        assert (await world.reconcile(text(copy_of("acme")))).ok
        was = world.hosts["one"].databases["acme-staging"]
        assert (await world.reconcile(text())).ok
        (blocked,) = (await world.reconcile(edited)).planned.changeset.blocked
        assert "write a `template`, `neutralize: true` and `adopt: {}` in the place of `clone_of`" in blocked.advice
        taken = instance("acme-staging", company="Try SA", neutralize="true", adopt="{}")
        assert (await world.reconcile(text(taken))).ok
        assert (await world.reconcile(edited)).ok
        assert not (await world.reconcile(edited)).planned.changeset.actions
        assert world.hosts["one"].databases["acme-staging"] is was
        require_neutral(was, "19.0")

    run(story())
