"""What a run cut short between two names, and whose document is gone since, holds no other customer back if it can be opened."""

import asyncio

import pytest

from reconciler.core.depths import MOST_CLAIMANTS, Depth, targets
from reconciler.core.model.inventory import NOTHING_REMEMBERED
from reconciler.core.model.selection import EVERYTHING
from tests.core.scenes import NOW, desired, observed, online
from tests.faults.stories import killed_pass
from tests.harness.universe import DictMemory, Process, Universe, fleet, instance, universe
from tests.harness.virtual_time import run

EXTRA = "kind: template\ncode: night-shop\nserver: one\nmodules: [base, web, mail]\n"
NEW = instance("new", server="one")


async def template_cut_at_the_lock() -> Universe:
    """Leave a template behind that was never published, and whose document went away."""
    world = universe()
    assert (await world.reconcile(fleet())).ok
    host = world.hosts["one"]

    def dies(step: str) -> None:
        if step == "rename.files" and "switching.template_night_shop" in host.databases:
            host.on_step = lambda _step: None
            host.kill()
            asyncio.get_running_loop().call_later(130.0, host.start)

    host.on_step = dies
    assert not (await world.reconcile(fleet(EXTRA))).ok
    await asyncio.sleep(200)
    assert "switching.template_night_shop" in host.listed()
    return world


async def rename_cut_at_the_lock() -> Universe:
    """Leave a customer out of reach on the way from acme to shop, and see both documents go away."""
    world = universe()
    assert (await world.reconcile(fleet(instance("acme", server="one")))).ok
    for number in range(1, 400):
        renamed = fleet(instance("shop", server="one", renamed_from="acme"))
        await killed_pass(world, renamed, Process(kill_after=number))
        if "switching.shop" in world.hosts["one"].listed():
            return world
    raise AssertionError("no run was killed there")


@pytest.mark.parametrize("store", ["kept", "lost"])
def test_a_template_whose_document_was_removed_holds_no_clone_back(store: str) -> None:
    async def story() -> None:
        world = await template_cut_at_the_lock()
        if store == "lost":
            world.memory = DictMemory()
        passed = await world.reconcile(fleet(NEW))
        assert passed.ok, passed.after.changeset.blocked
        assert {"new", "switching.template_night_shop"} <= set(world.hosts["one"].listed())

    run(story())


def test_a_rename_whose_documents_were_both_removed_holds_no_clone_back_while_it_is_remembered() -> None:
    async def story() -> None:
        world = await rename_cut_at_the_lock()
        assert (await world.reconcile(fleet(NEW))).ok
        assert {"new", "switching.shop"} <= set(world.hosts["one"].listed())
        adopted = fleet(NEW, instance("acme", server="one", adopt="{}"))
        assert (await world.reconcile(adopted)).ok
        assert world.hosts["one"].listed() == ["acme", "new", "template_base"]

    run(story())


def test_what_nobody_can_open_holds_clones_back_until_its_document_is_restored_as_is_advised() -> None:
    async def story() -> None:
        world = await rename_cut_at_the_lock()
        world.memory = DictMemory()
        (blocked,) = (await world.plan(fleet(NEW))).changeset.blocked
        assert blocked.advice.startswith(
            "restore the document that declared shop, with its `renamed_from`, and apply it"
        )
        restored = fleet(NEW, instance("shop", server="one", renamed_from="acme"))
        assert (await world.reconcile(restored)).ok
        assert {"new", "shop"} <= set(world.hosts["one"].listed())

    run(story())


def test_few_accounts_try_to_open_it_and_none_while_nothing_is_missing() -> None:
    seen = observed(online("one", lists=("template_base", "switching.template_gone")))
    many = desired(*(instance(f"i{number}") for number in range(20)))
    found = targets(many, seen, NOTHING_REMEMBERED, NOW, Depth(), EVERYTHING)
    tried = [t.spec.code for t in found if t.database == "switching.template_gone"]
    assert len(tried) == 2 * MOST_CLAIMANTS
    assert tried[MOST_CLAIMANTS:] == ["template_gone", "template_gone", "gone"]
    found = targets(desired(), seen, NOTHING_REMEMBERED, NOW, Depth(), EVERYTHING)
    assert [t.database for t in found] == ["template_base"]
