"""Stories of two troubles, each told once and in full: how a customer lost a database, was cut off, or met a stranger's.

Customers are at work all the time; `Customers` raises at the very step at which a row is lost, hidden or doubled.
"""

import asyncio
from collections.abc import Callable

import pytest

from reconciler.core.deciding import Limits
from reconciler.engine.accounts import LOCKED_SECONDS
from reconciler.engine.reconcile import Passed
from tests.faults.pairs import Fault, Striking
from tests.faults.stories import killed_pass
from tests.harness import promises
from tests.harness.customers import Customers
from tests.harness.schedules import Turns
from tests.harness.universe import DictMemory, Process, Universe, fleet, instance, read, universe
from tests.harness.virtual_time import run

TWO = {"one": "19.0", "two": "19.0"}
ACME = fleet(instance("acme", server="one"))
ASLEEP = fleet(instance("acme", server="one", state="suspended"))
AWAY = 130.0
"""Seconds for which a host stays down: longer than a reconciler looks for what became of a rename."""


def at_work(world: Universe, *texts: str) -> Customers:
    """Let customers work in what these texts declare."""
    customers = Customers(world.hosts, often=1.0)
    customers.join(*map(read, texts))
    customers.begin()
    return customers


async def set_up(text: str, versions: dict[str, str] | None = None) -> Universe:
    world = universe(versions)
    passed = await world.reconcile(text)
    assert passed.ok, told(passed)
    return world


def told(passed: Passed) -> list[str]:
    """Say what became of a run, for an assertion's message."""
    return [f"{o.action.id}: {o.result} {o.detail}" for o in passed.outcomes] + [
        f"blocked {b.code}: {b.why}" for b in passed.after.changeset.blocked
    ]


def dies(world: Universe, when: Callable[[str], bool]) -> None:
    """Have the host die the next time that a step makes something true, and stay away for a while."""
    host = world.hosts["one"]

    def on_step(step: str) -> None:
        if when(step):
            host.on_step = lambda _step: None
            host.kill()
            asyncio.get_running_loop().call_later(AWAY, host.start)

    host.on_step = on_step


async def converges(world: Universe, text: str, customers: Customers) -> None:
    """A few runs later all is as declared, and a day later nothing that was kept is gone."""
    limits = Limits(confirmed_listings=tuple(world.hosts), allowed=["removals"])
    seen = list[str]()
    for _ in range(4):
        await asyncio.sleep(300)
        passed = await world.reconcile(text, limits=limits)
        customers.sure()
        seen = told(passed)
        if passed.ok and passed.after.changeset.is_converged:
            break
    else:
        pytest.fail(f"it does not converge: {seen}")
    customers.everything_is_there(read(text))
    for _ in range(8):
        await asyncio.sleep(3 * 3600)
        await world.reconcile(text, limits=limits)
        customers.everything_is_there(read(text))
    left = [name for host in world.hosts.values() for name in host.listed() if name.startswith("building-")]
    assert not left


# -- a host that dies again while what its first death left is put right ---------------------------------------------


def test_a_host_that_dies_at_a_publication_and_again_at_the_repair_loses_no_customer() -> None:
    async def story() -> None:
        world = await set_up(fleet())
        host, customers = world.hosts["one"], at_work(world, ACME)
        dies(world, lambda step: step == "rename.database" and "acme" in host.databases)
        assert not (await world.reconcile(ACME)).ok
        await asyncio.sleep(AWAY)
        customers.visit()
        assert customers.saved, "the database was published, and customers have begun to work"
        dies(world, lambda step: step == "rename.database")
        await world.reconcile(ACME)
        await asyncio.sleep(AWAY)
        host.on_step = lambda _step: None
        await converges(world, ACME, customers)

    run(story())


@pytest.mark.parametrize("moment", ["kill-before", "kill-after", "lost"])
@pytest.mark.parametrize("which", range(1, 6))
def test_a_host_that_dies_at_a_publication_and_a_reconciler_cut_off_at_the_repair_lose_no_customer(
    which: int, moment: str
) -> None:
    async def story() -> None:
        world = await set_up(fleet())
        host, customers = world.hosts["one"], at_work(world, ACME)
        dies(world, lambda step: step == "rename.database" and "acme" in host.databases)
        await world.reconcile(ACME)
        await asyncio.sleep(AWAY)
        customers.visit()
        await killed_pass(world, ACME, Process(meddler=Striking(Fault(moment, "db", which))))
        customers.sure()
        await converges(world, ACME, customers)

    run(story())


# -- customers who work while their database is moved ----------------------------------------------------------------


@pytest.mark.parametrize("speed", [0.0, 0.3, 1.0])
def test_who_uploads_from_the_first_moment_on_is_not_taken_out_of_service_again(speed: float) -> None:
    async def story() -> None:
        world = universe(speed=speed)
        customers = at_work(world, ACME)
        passed = await world.reconcile(ACME)
        customers.sure()
        assert passed.ok, told(passed)
        customers.everything_is_there(read(ACME))

    run(story())


@pytest.mark.parametrize("speed", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(
    "after",
    [
        ASLEEP,
        fleet(instance("acme2", server="one", renamed_from="acme")),
        fleet(instance("acme2", server="one", renamed_from="acme", state="suspended")),
    ],
    ids=["suspend", "rename", "both"],
)
def test_who_uploads_files_all_the_time_can_be_suspended_and_renamed(after: str, speed: float) -> None:
    async def story() -> None:
        world = universe(speed=speed)
        assert (await world.reconcile(ACME)).ok
        customers = at_work(world, ACME, after)
        uploading = asyncio.create_task(_uploads(customers))
        passed = await world.reconcile(after)
        uploading.cancel()
        customers.sure()
        assert passed.ok, told(passed)
        assert customers.saved
        customers.everything_is_there(read(after))

    run(story())


async def _uploads(customers: Customers) -> None:
    while True:
        await asyncio.sleep(0.125)
        customers.visit()


# -- an instance whose text names another server ---------------------------------------------------------------------


@pytest.mark.parametrize("memory", ["kept", "lost before", "lost at each run"])
def test_a_server_that_is_changed_in_the_text_never_gives_a_customer_an_empty_database(memory: str) -> None:
    here = fleet(instance("acme", server="one"), instance("beta", server="one"), servers=TWO)
    there = fleet(instance("acme", server="two"), instance("beta", server="one"), servers=TWO)

    async def story() -> None:
        world = await set_up(here, TWO)
        customers = at_work(world, here, there)
        customers.visit()
        if memory == "lost before":
            world.memory = DictMemory()
        for _ in range(3):
            if memory == "lost at each run":
                world.memory = DictMemory()
            passed = await world.reconcile(there)
            customers.sure()
            assert passed.ok, told(passed)
            await asyncio.sleep(300)
        await converges(world, there, customers)
        await converges(world, here, customers)

    run(story())


@pytest.mark.parametrize("memory", ["kept", "lost"])
def test_an_instance_suspended_meanwhile_is_not_made_anew_on_another_server(memory: str) -> None:
    here = fleet(instance("acme", server="one", state="suspended"), instance("beta", server="one"), servers=TWO)
    there = fleet(instance("acme", server="two"), instance("beta", server="one"), servers=TWO)

    async def story() -> None:
        before = fleet(instance("acme", server="one"), instance("beta", server="one"), servers=TWO)
        world = await set_up(before, TWO)
        customers = at_work(world, before, here, there)
        customers.visit()
        await converges(world, here, customers)
        world.memory = world.memory if memory == "kept" else DictMemory()
        await converges(world, there, customers)
        await converges(world, here, customers)

    run(story())


# -- two reconcilers whose texts differ ------------------------------------------------------------------------------


def _overtaken(before: str, ours: str, theirs: str, first: int) -> None:
    """Ours runs for so many requests, theirs runs whole, ours goes on. Then ours alone is in force."""

    async def story() -> None:
        world = await set_up(before)
        customers = at_work(world, before, ours, theirs)
        customers.visit()
        turns = Turns([(0, first), (1, 10**6)])

        async def one(who: int, text: str) -> None:
            process = Process()
            process.turn = lambda _request: turns.take(who)
            alone = Universe(world.hosts, world.clock, DictMemory(), seed=who + 10)
            try:
                await alone.reconcile(text, process, Limits(allowed=["removals"]))
            finally:
                await turns.end(who)

        async with asyncio.TaskGroup() as group:
            group.create_task(one(0, ours))
            group.create_task(one(1, theirs))
        customers.sure()
        await converges(world, ours, customers)

    try:
        run(story())
    except BaseException as error:
        error.add_note(f"overtaken after {first} requests")
        raise


@pytest.mark.parametrize("first", range(10, 90, 8))
@pytest.mark.parametrize(("ours", "theirs"), [(ACME, ASLEEP), (ASLEEP, ACME)], ids=["ours active", "ours suspended"])
def test_two_reconcilers_whose_texts_differ_in_the_state_never_publish_two(ours: str, theirs: str, first: int) -> None:
    _overtaken(fleet(), ours, theirs, first)


@pytest.mark.parametrize("first", range(10, 90, 8))
def test_two_reconcilers_that_suspend_and_resume_the_same_customer_never_make_two_of_it(first: int) -> None:
    _overtaken(ACME, ASLEEP, ACME, first)


# -- a rename that is over, and a rotation ---------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["active", "suspended"])
def test_a_password_is_rotated_after_a_rename_whose_former_name_still_stands_in_the_text(state: str) -> None:
    renamed = {"server": "one", "renamed_from": "acme", "state": state}
    rotated = fleet(instance("acme2", admin_password="{derived: {generation: 2}}", **renamed))

    async def story() -> None:
        world = await set_up(ACME)
        passed = await world.reconcile(fleet(instance("acme2", **renamed)))
        assert passed.ok, told(passed)
        await converges(world, rotated, at_work(world, ACME, rotated))

    run(story())


def test_who_is_out_of_reach_after_a_reverted_rename_waits_for_no_other_claimant() -> None:
    """A host of 14 wants a minute between wrong passwords, and those of other new documents are wrong."""
    before = fleet(instance("acme", server="one"), servers={"one": "14.0"})
    after = fleet(instance("acme", server="one"), instance("beta", server="one"), servers={"one": "14.0"})

    async def story() -> None:
        world = await set_up(before, {"one": "14.0"})
        host = world.hosts["one"]
        _moved(world, "acme", "switching.acme2")
        host.filestore["switching.acme2"] = host.filestore.pop("acme")
        begun = world.clock.monotonic()
        passed = await world.reconcile(after, limits=Limits(confirmed_listings=["one"]))
        assert passed.ok, told(passed)
        assert {"acme", "beta"} <= set(host.databases)
        assert world.clock.monotonic() - begun < LOCKED_SECONDS

    run(story())


# -- a name that was somebody else's ---------------------------------------------------------------------------------


def test_a_code_used_again_for_another_customer_does_not_get_the_former_ones_database_without_a_word() -> None:
    old = {"server": "one", "company": "Old Acme", "owner": "{name: Old, login: old@acme.test}"}
    new = {"server": "one", "company": "New Acme", "owner": "{name: New, login: new@acme.test}"}

    async def story() -> None:
        world = await set_up(fleet(instance("acme", **old)))
        assert (await world.reconcile(fleet(instance("acme", state="suspended", **old)))).ok
        assert (await world.reconcile(fleet())).ok
        await asyncio.sleep(3600)
        planned = await world.plan(fleet(instance("acme", **new)))
        assert "acme" in {b.code for b in planned.changeset.blocked}, planned.changeset.actions
        await world.reconcile(fleet(instance("acme", **new)))
        assert world.hosts["one"].listed() == ["suspended.acme", "template_base"]

    run(story())


# -- that all of this is noticed at all ------------------------------------------------------------------------------


async def _watched() -> tuple[Universe, Customers]:
    world = await set_up(ACME)
    customers = at_work(world, ACME)
    customers.visit()
    return world, customers


def _moved(world: Universe, old: str, new: str) -> None:
    host = world.hosts["one"]
    host.databases[new] = host.databases.pop(old)


def _dropped(world: Universe) -> None:
    del world.hosts["one"].databases["acme"]


def _doubled(world: Universe) -> None:
    host = world.hosts["one"]
    host.databases["suspended.acme"] = host.databases["template_base"].fork()


def _copied(world: Universe) -> None:
    host = world.hosts["one"]
    host.databases["building-261124120000abcde.acme"] = host.databases["acme"].fork()


def _replaced(world: Universe) -> None:
    host = world.hosts["one"]
    _moved(world, "acme", "switching.acme")
    host.databases["acme"] = host.databases["template_base"].fork()


def _emptied(world: Universe) -> None:
    table = world.hosts["one"].databases["acme"].writable("customer.order")
    table.rows.clear()


HARMS: dict[str, tuple[Callable[[Universe], None], str]] = {
    "dropped": (_dropped, "is gone"),
    "to a building name": (lambda w: _moved(w, "acme", "building-261124120000abcde.acme"), "given up"),
    "to trash": (lambda w: _moved(w, "acme", "trash-261124120000.acme"), "given up"),
    "to nobody's name": (lambda w: _moved(w, "acme", "acme.old"), "no document's name"),
    "two of one name": (_doubled, "two databases are one customer's"),
    "copied": (_copied, "rows of another database"),
    "an empty one in its place": (_replaced, "two databases are one customer's"),
    "rows lost": (_emptied, "has lost"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_customers_notice_every_harm(harm: str) -> None:
    async def story() -> None:
        world, customers = await _watched()
        do, why = HARMS[harm]
        do(world)
        with pytest.raises(promises.Broken, match=why):
            customers.visit()
        with pytest.raises(promises.Broken, match=why):
            customers.sure()

    run(story())


def test_customers_notice_files_that_stayed_behind_and_who_is_not_served_as_declared() -> None:
    async def story() -> None:
        world, customers = await _watched()
        files = world.hosts["one"].filestore
        files["building-261124120000abcde.acme"] = files.pop("acme")
        customers.served_as_declared(read(ACME))
        with pytest.raises(promises.Broken, match="lacks"):
            customers.everything_is_there(read(ACME))
        with pytest.raises(promises.Broken, match="is reachable"):
            customers.served_as_declared(read(ASLEEP))
        _moved(world, "acme", "switching.acme")
        with pytest.raises(promises.Broken, match="is not reachable"):
            customers.served_as_declared(read(ACME))

    run(story())


def test_a_build_that_lost_a_race_may_wait_out_of_reach() -> None:
    async def story() -> None:
        world, customers = await _watched()
        host = world.hosts["one"]
        for name in ("switching.acme", "trash-261124120000.acme", "building-261124120000abcde.acme"):
            host.databases[name] = host.databases["template_base"].fork()
            customers.visit()
            del host.databases[name]
            customers.visit()
        host.databases["suspended.acme"] = host.databases["template_base"].fork()
        with pytest.raises(promises.Broken, match="two databases"):
            customers.visit()

    run(story())
