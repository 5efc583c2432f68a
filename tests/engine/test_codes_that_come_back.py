"""A database that an earlier document left behind is told, and given to a new document of its code only if the text says so."""

import pytest

from tests.harness.universe import Universe, fleet, instance, universe
from tests.harness.virtual_time import run

OLD = instance("acme", server="one", company="Old Acme", owner="{name: Old, login: old@acme.test}")
NEW = {"company": "New Acme", "owner": "{name: New, login: new@acme.test}"}
NOBODY = fleet()


async def left_behind(*, state: str, store: bool) -> Universe:
    world = universe()
    if not store:
        world.memory = None
    document = OLD if state == "active" else f"{OLD}state: suspended\n"
    assert (await world.reconcile(fleet(document))).ok
    await world.reconcile(NOBODY)
    return world


@pytest.mark.parametrize("store", [True, False])
@pytest.mark.parametrize("state", ["active", "suspended"])
def test_nothing_of_it_is_given_to_another_owner_until_the_text_adopts_it(state: str, *, store: bool) -> None:
    async def story() -> None:
        world = await left_behind(state=state, store=store)
        text = fleet(instance("acme", server="one", **NEW))
        (blocked,) = (await world.plan(text)).changeset.blocked
        assert "was made for owner old@acme.test" in blocked.why
        assert "adopt: {}" in blocked.advice
        revision = next(d.revision for n, d in world.hosts["one"].databases.items() if n.endswith("acme"))
        await world.reconcile(text)
        assert next(d.revision for n, d in world.hosts["one"].databases.items() if n.endswith("acme")) == revision
        adopted = fleet(instance("acme", server="one", adopt="{}", **NEW))
        assert (await world.reconcile(adopted)).ok
        assert world.hosts["one"].listed() == ["acme", "template_base"]
        assert (await world.plan(adopted)).changeset.is_converged
        assert (await world.plan(text)).changeset.is_converged, "the line may go"

    run(story())


def test_with_a_store_another_text_is_told_where_no_owner_is_declared() -> None:
    async def story() -> None:
        world = universe()
        assert (await world.reconcile(fleet(instance("acme", server="one", company="Old Acme")))).ok
        await world.reconcile(NOBODY)
        (blocked,) = (await world.plan(fleet(instance("acme", server="one", company="New Acme")))).changeset.blocked
        assert "an earlier document of this code left it behind" in blocked.why

    run(story())


@pytest.mark.parametrize("store", [True, False])
@pytest.mark.parametrize("state", ["active", "suspended"])
def test_a_document_that_is_put_back_as_it_was_needs_no_decision(state: str, *, store: bool) -> None:
    """A folder that was lost in a merge and comes back must not stop the care for all its customers."""

    async def story() -> None:
        world = await left_behind(state=state, store=store)
        document = OLD if state == "active" else f"{OLD}state: suspended\n"
        assert (await world.plan(fleet(document))).changeset.is_converged

    run(story())


def test_an_owner_that_is_edited_under_a_living_customer_is_told_and_changes_nothing() -> None:
    async def story() -> None:
        world = universe()
        assert (await world.reconcile(fleet(OLD))).ok
        world.memory = None  # so that it is looked at now, not when it is due
        edited = OLD.replace("old@acme.test", "new@acme.test")
        (blocked,) = (await world.plan(fleet(edited))).changeset.blocked
        assert "its text named another owner then" in blocked.why

    run(story())
