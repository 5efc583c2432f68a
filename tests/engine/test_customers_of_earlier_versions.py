"""A customer of 0.1.0 may bear a building name, and no note in it tells: it is kept, and no empty one is made beside it."""

from datetime import timedelta

import pytest

from reconciler.core.deciding import Limits
from reconciler.core.depths import Depth
from reconciler.core.model import names
from reconciler.core.model.selection import Selection
from tests.core.scenes import NOW
from tests.harness.universe import DictMemory, Universe, fleet, instance, universe
from tests.harness.virtual_time import run

ACME = fleet(instance("acme", server="one"))
BUILD = names.building("acme", NOW - timedelta(days=30), "abcde")


async def under_a_building_name(told: str | None) -> Universe:
    """Serve acme, and put it under an expired building name with what 0.1.0 noted (nothing) or with what is noted now."""
    world = universe()
    assert (await world.reconcile(ACME)).ok
    host = world.hosts["one"]
    database = host.databases[BUILD] = host.databases.pop("acme")
    host.filestore[BUILD] = host.filestore.pop("acme")
    rows = database.writable("ir.config_parameter").rows
    (number,) = [n for n, row in rows.items() if row["key"] == "odoo_fleet.in_service"]
    if told is None:
        del rows[number]
    else:
        rows[number]["value"] = told
    world.memory = DictMemory()
    return world


@pytest.mark.parametrize("told", [None, "yes"])
@pytest.mark.parametrize(
    "text", [ACME, fleet(instance("shop", server="one", renamed_from="acme")), fleet(instance("acme"))]
)
def test_nothing_is_cloned_beside_it_until_it_is_renamed_by_hand_as_is_advised(text: str, told: str | None) -> None:
    async def story() -> None:
        world = await under_a_building_name(told)
        host = world.hosts["one"]
        (blocked,) = (await world.reconcile(text)).after.changeset.blocked
        assert f"{BUILD} on one may be this instance's: it " in blocked.why
        assert "in service as instance/acme" in blocked.why
        assert blocked.advice.startswith(
            "look inside: if it is the customer's, rename it by hand to acme, with its files"
        )
        assert host.listed() == [BUILD, "template_base"]
        host.databases["acme"], host.filestore["acme"] = host.databases.pop(BUILD), host.filestore.pop(BUILD)
        assert (await world.reconcile(text)).ok
        assert len(host.listed()) == 2

    run(story())


def test_a_run_that_is_limited_to_it_looks_into_it_and_a_shallow_one_makes_nothing() -> None:
    async def story() -> None:
        world = await under_a_building_name(None)
        limited = await world.plan(ACME, Limits(selection=Selection(frozenset({"instance/acme"}))))
        assert "it may have been in service" in limited.changeset.blocked[0].why
        shallow = await world.plan(ACME, Limits(depth=Depth(shallow=True)))
        assert [b.advice for b in shallow.changeset.blocked] == ["run without --shallow"]

    run(story())


def test_a_build_that_was_never_in_service_is_in_nobodys_way() -> None:
    async def story() -> None:
        world = await under_a_building_name("no")
        assert (await world.reconcile(ACME)).ok
        assert world.hosts["one"].listed() == ["acme", "template_base"]

    run(story())
