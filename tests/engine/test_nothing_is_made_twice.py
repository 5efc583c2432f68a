"""An instance whose database may be somewhere else gets no empty second one: it is blocked, with what to do."""

from reconciler.core.deciding import Limits, Planned
from reconciler.core.model import verbs
from reconciler.engine.reconcile import Passed
from reconciler.simulator import FaultSpec
from tests.harness.universe import fleet, instance, universe
from tests.harness.virtual_time import run

TWO = {"one": "19.0", "two": "19.0"}


def blocked(planned: Planned) -> dict[str, str]:
    return {b.code: b.why for b in planned.changeset.blocked}


def made(passed: Passed) -> list[str]:
    return [o.action.code for o in passed.outcomes if o.action.verb in (verbs.CREATE, verbs.CLONE)]


def test_a_rename_that_is_reverted_in_the_text_is_not_built_anew() -> None:
    async def story() -> None:
        world = universe()
        await world.reconcile(fleet(instance("acme", server="one")))
        renamed = await world.reconcile(fleet(instance("acme2", server="one", renamed_from="acme")))
        assert renamed.ok
        assert (await world.plan(fleet(instance("acme2", server="one")))).changeset.is_converged
        reverted = await world.plan(fleet(instance("acme", server="one")))
        assert blocked(reverted) == {
            "acme": "the database of this code was renamed to acme2 on one, and no document declares that"
        }
        (told,) = reverted.changeset.blocked
        assert "if it is the same customer, write `renamed_from: acme2`" in told.advice
        assert "a new customer gets another `code`" in told.advice
        assert not reverted.changeset.actions
        back = await world.reconcile(fleet(instance("acme", server="one", renamed_from="acme2")))
        assert back.ok
        assert world.hosts["one"].listed() == ["acme", "template_base"]

    run(story())


def test_a_former_code_may_be_used_again_while_its_database_is_renamed_once_more() -> None:
    async def story() -> None:
        world = universe()
        await world.reconcile(fleet(instance("acme", server="one")))
        await world.reconcile(fleet(instance("shop", server="one", renamed_from="acme")))
        both = fleet(instance("store", server="one", renamed_from="shop"), instance("acme", server="one"))
        assert (await world.reconcile(both)).ok
        assert world.hosts["one"].listed() == ["acme", "store", "template_base"]

    run(story())


def test_a_former_code_may_be_used_again_while_its_database_lives_on_under_the_new_one() -> None:
    async def story() -> None:
        world = universe()
        await world.reconcile(fleet(instance("acme", server="one")))
        both = fleet(instance("acme2", server="one", renamed_from="acme"))
        assert (await world.reconcile(both)).ok
        passed = await world.reconcile(fleet(instance("acme2", server="one"), instance("acme", server="one")))
        assert passed.ok
        assert made(passed) == ["acme"]

    run(story())


def test_a_server_that_is_changed_in_the_text_moves_the_database_and_makes_none() -> None:
    async def story() -> None:
        world = universe(TWO)
        await world.reconcile(fleet(instance("acme", server="one"), servers=TWO))
        planned = await world.plan(fleet(instance("acme", server="two"), servers=TWO))
        assert [action.id for action in planned.changeset.actions] == ["move instance/acme on two"]
        world.hosts["one"].databases["acme"].set_parameter("odoo_fleet.uuid", "another's")
        planned = await world.plan(fleet(instance("acme", server="two"), servers=TWO))
        assert "acme is on one" in blocked(planned)["acme"]
        assert not planned.changeset.actions

    run(story())


def test_an_instance_that_is_placed_stays_where_it_is_while_its_server_is_away() -> None:
    async def story() -> None:
        world = universe(TWO)
        text = fleet(instance("acme"), servers=TWO)
        passed = await world.reconcile(text)
        place = passed.planned.changeset.actions[-1].server
        world.hosts[place].kill()
        planned = await world.plan(text)
        assert f"it may be on {place}" in blocked(planned)["acme"]
        assert not planned.changeset.actions

    run(story())


def test_a_host_that_lists_less_than_before_is_left_alone_until_someone_confirms_it() -> None:
    async def story() -> None:
        world = universe()
        text = fleet(instance("acme", server="one"), instance("beta", server="one"))
        await world.reconcile(text)
        world.hosts["one"].faults.add(FaultSpec.parse("db.list:empty"))
        lied_to = await world.reconcile(text)
        assert not lied_to.outcomes
        assert "frozen" in blocked(lied_to.planned)["acme"]
        world.hosts["one"].faults.clear()
        assert (await world.plan(text)).changeset.is_converged, (
            "and what it said was not believed for the next time either"
        )
        del world.hosts["one"].databases["beta"]
        assert "frozen" in blocked(await world.plan(text))["beta"]
        confirmed = await world.reconcile(text, limits=Limits(confirmed_listings=["one"]))
        assert confirmed.ok
        assert made(confirmed) == ["beta"]

    run(story())


def test_a_mass_of_suspensions_stops_the_pass() -> None:
    async def story() -> None:
        world = universe()
        codes = [f"c{n}" for n in range(12)]
        await world.reconcile(fleet(*(instance(c, server="one") for c in codes)))
        suspended = fleet(*(instance(c, server="one", state="suspended") for c in codes))
        stopped = await world.reconcile(suspended)
        assert not stopped.outcomes
        assert len(blocked(stopped.planned)) == 12
        meant = await world.reconcile(suspended, limits=Limits(allowed=["removals"]))
        assert meant.ok
        assert all(name.startswith("suspended.") for name in world.hosts["one"].listed() if name != "template_base")

    run(story())


def test_a_foreign_database_of_a_declared_name_is_neither_entered_nor_replaced() -> None:
    async def story() -> None:
        world = universe()
        world.hosts["one"].add_database("acme", watched=True, admin_password="theirs")
        before = world.hosts["one"].databases["acme"].revision
        passed = await world.reconcile(fleet(instance("acme", server="one")))
        assert "does not answer to the fleet's password" in passed.after.changeset.blocked[0].why
        assert world.hosts["one"].databases["acme"].revision == before
        assert not made(passed) or made(passed) == ["base"]

    run(story())


def test_nothing_empty_is_made_for_one_that_was_called_otherwise_when_it_was_ended() -> None:
    async def story() -> None:
        world = universe()
        await world.reconcile(fleet(instance("acme", server="one")))
        assert (await world.reconcile(fleet(instance("acme", server="one", state="absent")))).ok
        other = fleet(instance("acme", server="one", database_name="acme-nv", subdomain="acme-nv"))
        (blocked,) = (await world.reconcile(other)).planned.changeset.blocked
        assert blocked.why.endswith("on one is this instance's of another `database_name`")
        assert "write `database_name: acme` to bring it back" in blocked.advice
        assert (await world.reconcile(fleet(instance("acme", server="one")))).ok
        assert world.hosts["one"].listed() == ["acme", "template_base"]

    run(story())
