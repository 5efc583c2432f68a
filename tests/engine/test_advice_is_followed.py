"""What is said of a customer who cannot be found leads, if it is done, to the customer's database and never to a second one."""

import pytest

from reconciler.core.model import verbs
from reconciler.core.model.actions import Reason
from reconciler.core.model.changesets import Blocked
from tests.faults.stories import killed_pass
from tests.harness.universe import DictMemory, Process, Universe, fleet, instance, universe
from tests.harness.virtual_time import run

TWO = {"one": "19.0", "two": "19.0"}
ACME = fleet(instance("acme", server="one"))
SHOP = fleet(instance("shop", server="one", renamed_from="acme"))
STORE = fleet(instance("store", server="one", renamed_from="shop"))


async def served(text: str = ACME, servers: dict[str, str] | None = None) -> Universe:
    world = universe(servers)
    assert (await world.reconcile(text)).ok
    return world


def own(world: Universe) -> list[str]:
    return [name for host in world.hosts.values() for name in host.listed() if name != "template_base"]


async def said(world: Universe, text: str) -> Blocked:
    (blocked,) = [b for b in (await world.plan(text)).changeset.blocked if b.kind == "instance"]
    return blocked


def test_a_database_that_was_renamed_by_hand_is_told_and_brought_back() -> None:
    async def story() -> None:
        world = await served()
        host = world.hosts["one"]
        host.databases["shop"], host.filestore["shop"] = host.databases.pop("acme"), host.filestore.pop("acme")
        blocked = await said(world, ACME)
        assert "it no longer lists acme; it lists shop, which it did not" in blocked.why
        assert blocked.advice.startswith(
            "if acme was renamed to shop, write `renamed_from: shop`; only if it is gone for"
        )
        assert (await world.reconcile(fleet(instance("acme", server="one", renamed_from="shop")))).ok
        assert own(world) == ["acme"]

    run(story())


def test_nobody_is_told_to_give_up_a_server_that_may_hold_the_customer() -> None:
    async def story() -> None:
        text = fleet(instance("acme"), servers=TWO)
        world = await served(text, TWO)
        place = next(code for code, host in world.hosts.items() if "acme" in host.listed())
        world.hosts[place].kill()
        blocked = await said(world, text)
        assert blocked.advice == "bring the server back; set it inactive only if what it held is lost"

    run(story())


def test_what_a_server_held_that_is_given_up_is_made_anew_on_another() -> None:
    """As advised: inactive, once what it held is lost. Until then nothing is built in its place."""

    async def story() -> None:
        text = fleet(instance("acme"), servers=TWO)
        world = await served(text, TWO)
        place = next(code for code, host in world.hosts.items() if "acme" in host.listed())
        other = "two" if place == "one" else "one"
        world.hosts[place].kill()
        await world.reconcile(text)
        assert "acme" not in world.hosts[other].listed()
        given_up = text.replace(f"code: {place}\n", f"code: {place}\nactive: false\n", 1)
        assert given_up != text
        (action,) = (await world.plan(given_up)).changeset.actions
        assert (action.verb, action.reason) == (verbs.CLONE, Reason.GIVEN_UP), "the plan says that it is empty"
        await world.reconcile(given_up)
        assert "acme" in world.hosts[other].listed()

    run(story())


def test_a_namesake_on_another_server_is_not_to_be_left_behind() -> None:
    async def story() -> None:
        world = await served(fleet(instance("acme", server="one"), servers=TWO), TWO)
        acme = world.hosts["one"].databases["acme"]
        uuid = acme.parameter("odoo_fleet.uuid") or ""
        acme.set_parameter("odoo_fleet.uuid", "of what it was copied from")
        edited = await said(world, fleet(instance("acme", server="two"), servers=TWO))
        acme.set_parameter("odoo_fleet.uuid", uuid)
        assert edited.advice.startswith("if it is, set `server: one`, apply, and then name the other server")
        assert edited.advice.endswith("only if it is another's, choose another `database_name`")
        renamed = await said(world, fleet(instance("shop", server="two", renamed_from="acme"), servers=TWO))
        assert renamed.advice.endswith("only if it is another's, remove `renamed_from`")

    run(story())


@pytest.mark.parametrize("memory", ["kept", "lost"])
def test_of_two_renames_in_a_row_the_first_is_finished_first(memory: str) -> None:
    """The run that renames acme to shop is killed anywhere; the text that names it store comes before the next run."""

    async def one(number: int) -> tuple[bool, str]:
        world = await served()
        process = Process(kill_after=number)
        await killed_pass(world, SHOP, process)
        if "acme" in world.hosts["one"].listed():
            return process.dead, ""  # it did not begin: nothing links the two
        if memory == "lost":
            world.memory = DictMemory()
        advice = [b.advice for b in (await world.reconcile(STORE)).after.changeset.blocked]
        assert len(own(world)) == 1, number
        if advice and "write back the text that renamed it to shop" in advice[0]:
            assert (await world.reconcile(SHOP)).ok, number
            assert (await world.reconcile(STORE)).ok, number
            assert own(world) == ["store"], number
        return process.dead, advice[0] if advice else ""

    heard = set()
    for number in range(1, 400, 2):
        was_killed, advice = run(one(number))
        heard.add(advice)
        if not was_killed:
            break
    assert len(heard) == 3, "the password is acme's, or the mark is, or all is done"


def test_a_former_name_of_which_memory_says_that_it_was_renamed_makes_no_second_database() -> None:
    async def story() -> None:
        world = await served()
        assert (await world.reconcile(SHOP)).ok
        blocked = await said(world, fleet(instance("store", server="one", renamed_from="acme")))
        assert blocked.why == "the database of this code was renamed to shop on one, and no document declares that"

    run(story())
