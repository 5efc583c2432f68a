"""A customer who is renamed is out of reach for the rename alone; whatever fails beside it, the text has a way back."""

import pytest

from reconciler.core.model import verbs
from reconciler.core.model.outcomes import Result
from reconciler.engine.reconcile import Passed
from tests.faults.stories import killed_pass
from tests.harness.universe import Process, Universe, fleet, instance, universe
from tests.harness.virtual_time import run

VERSIONS = ["19.0", "14.0"]


def results(passed: Passed) -> dict[str, Result]:
    return {outcome.action.id: outcome.result for outcome in passed.outcomes}


def of(version: str, *documents: str) -> str:
    return fleet(*documents, servers={"one": version})


def in_service(world: Universe) -> set[str]:
    return {name for name in world.hosts["one"].listed() if "." not in name} - {"template_base"}


async def served(version: str) -> Universe:
    world = universe({"one": version})
    assert (await world.reconcile(of(version, instance("c0", server="one")))).ok
    return world


@pytest.mark.parametrize("version", VERSIONS)
def test_a_setting_that_fails_keeps_no_renamed_customer_out_of_service_and_no_other_from_being_built(
    version: str,
) -> None:
    renamed = instance("shop", server="one", renamed_from="c0", modules="[no_such_module]")

    async def story() -> None:
        world = await served(version)
        passed = await world.reconcile(of(version, renamed))
        assert results(passed)["rename instance/shop on one"] is Result.DONE
        assert results(passed)["configure instance/shop on one"] is Result.FAILED
        assert in_service(world) == {"shop"}
        await world.reconcile(of(version, renamed, instance("new", server="one")))
        assert in_service(world) == {"shop", "new"}
        back = await world.reconcile(of(version, instance("c0", server="one", renamed_from="shop")))
        assert results(back)["rename instance/c0 on one"] is Result.DONE
        assert "c0" in in_service(world)

    run(story())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("store", [True, False])
def test_a_rename_that_was_cut_short_is_taken_back_by_the_reverted_text_alone(version: str, *, store: bool) -> None:
    async def story() -> None:
        world = await served(version)
        if not store:
            world.memory = None
        before = of(version, instance("c0", server="one"))
        for number in range(1, 400):
            process = Process(kill_after=number)
            await killed_pass(world, of(version, instance("shop", server="one", renamed_from="c0")), process)
            if "switching.shop" in world.hosts["one"].listed():
                break
        planned = await world.plan(before)
        assert [a.verb for a in planned.changeset.actions][:2] == [verbs.RENAME, verbs.RESUME]
        other = of(version, instance("c0", server="one"), instance("new", server="one"))
        assert (await world.reconcile(other)).ok
        assert in_service(world) == {"c0", "new"}

    run(story())


@pytest.mark.parametrize("state", ["active", "suspended"])
def test_a_rename_keeps_a_customer_where_the_text_says(state: str) -> None:
    async def story() -> None:
        world = await served("19.0")
        renamed = instance("shop", server="one", renamed_from="c0", state=state, company="Shop")
        assert (await world.reconcile(of("19.0", renamed))).ok
        assert (await world.plan(of("19.0", renamed))).changeset.is_converged
        assert in_service(world) == ({"shop"} if state == "active" else set())

    run(story())


def somebody_elses(world: Universe, source: str, name: str) -> None:
    """Put a database without our mark on the host."""
    database = world.hosts["one"].databases[source].fork()
    rows = database.writable("ir.config_parameter").rows
    for key in [key for key, row in rows.items() if str(row["key"]).startswith("odoo_fleet.")]:
        del rows[key]
    world.hosts["one"].databases[name] = database


@pytest.mark.parametrize("source", ["template_base", "shop"])
@pytest.mark.parametrize("store", [True, False])
def test_long_after_a_rename_a_database_of_somebody_else_under_the_former_name_holds_nothing_back(
    source: str, *, store: bool
) -> None:
    """It takes none of our passwords, or one of them and bears no mark: either way it is told as what it is, and left alone."""

    async def story() -> None:
        world = await served("19.0")
        text = of("19.0", instance("shop", server="one", renamed_from="c0"))
        assert (await world.reconcile(text)).ok
        somebody_elses(world, source, "c0")
        if not store:
            world.memory = None
        before = world.hosts["one"].databases["c0"].revision
        planned = await world.plan(text)
        assert planned.changeset.is_converged
        (alone,) = planned.changeset.left_alone
        assert (alone.database, alone.what.partition(":")[0]) == (
            "c0",
            "it bears the former name of instance/shop and is not its database (it bears no mark of this fleet)"
            if source == "shop"
            else "it bears the former name of instance/shop and is not its database (it does not answer to the fleet's"
            " password for 'admin', so it is not taken for ours)",
        )
        suspended = of("19.0", instance("shop", server="one", renamed_from="c0", state="suspended"))
        assert (await world.reconcile(suspended)).ok
        assert world.hosts["one"].listed() == ["c0", "suspended.shop", "template_base"]
        assert world.hosts["one"].databases["c0"].revision == before

    run(story())


def test_a_second_database_that_may_be_the_customers_is_still_a_conflict() -> None:
    async def story() -> None:
        world = await served("19.0")
        text = of("19.0", instance("shop", server="one", renamed_from="c0"))
        assert (await world.reconcile(text)).ok
        world.hosts["one"].databases["c0"] = world.hosts["one"].databases["shop"].fork()
        (blocked,) = (await world.plan(text)).changeset.blocked
        assert "several databases claim to be it" in blocked.why

    run(story())
