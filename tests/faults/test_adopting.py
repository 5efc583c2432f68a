"""A database is taken over whole or not at all: whoever dies at whatever request, and whoever else takes it over at once."""

import asyncio
import itertools
from collections.abc import Callable

import pytest

from reconciler.core.model import verbs
from reconciler.core.model.outcomes import Result
from reconciler.simulator import SimulatedHost
from tests.faults.shares import EXHAUSTIVE, moments
from tests.faults.stories import killed_pass
from tests.harness.customers import Broken, Customers
from tests.harness.schedules import Turns
from tests.harness.universe import THEIRS, DictMemory, Process, Universe, fleet, instance, read, universe
from tests.harness.virtual_time import run

VERSIONS = ["19.0", "14.0"]
EACH, PAIRS = 5, 120 if EXHAUSTIVE else 24
"""Every so many-th request is tried, and so many pairs of moments."""
OPENS = "{admin_password: {env: THEIRS}}"


def text(version: str) -> str:
    return fleet(
        instance("acme", server="one", company="Acme NV", modules="[contacts]", adopt=OPENS),
        instance("shut", server="one", adopt=OPENS),
        servers={"one": version},
    )


def of_another_fleet(version: str) -> str:
    """The same customer, claimed by another fleet."""
    theirs = text(version).replace("code: demo", "code: other").replace("{env: KEY}", "{env: OTHER_KEY}")
    return theirs.replace("template_base", "template_other")


def held(version: str) -> Universe:
    """A host with a template of each fleet, with a customer's database that opens, and one that does not."""

    async def make() -> Universe:
        world = universe({"one": version}, seed=3)
        nothing = fleet(servers={"one": version})
        assert (await world.reconcile(nothing)).ok
        others = Universe(world.hosts, world.clock, DictMemory(), seed=4)
        head = of_another_fleet(version).partition("---\nkind: instance")[0]
        assert (await others.reconcile(head)).ok
        world.hosts["one"].add_database("acme", admin_password=THEIRS, watched=False)
        world.hosts["one"].add_database("shut", admin_password="another")
        return world

    return run(make())


@pytest.fixture(scope="module", params=VERSIONS)
def begun(request: pytest.FixtureRequest) -> tuple[str, Callable[[], Universe]]:
    """A version, and what gives a world of its own each time."""
    version: str = request.param
    world = held(version)
    return version, world.branch


class Whole:
    """Looks at every durable step whether the customer's database is somebody's wholly, or nobody's as it was."""

    def __init__(self, host: SimulatedHost) -> None:
        self.host, self.broken, self.shut = host, "", host.snapshot()["shut"]

    def __call__(self, _step: str = "") -> None:
        state = self.host.snapshot()["acme"]
        parameters, logins = state["parameters"], state["logins"]
        assert isinstance(parameters, dict)
        assert isinstance(logins, dict)
        marks = {key for key in parameters if key.startswith("odoo_fleet.")}
        is_theirs = logins["admin"] == THEIRS
        if bool(marks) == is_theirs:
            self.broken = f"it has {'their' if is_theirs else 'our'} password and {len(marks)} rows of a mark"
        if marks and (parameters["odoo_fleet.in_service"], parameters["odoo_fleet.uuid"]) != ("yes", state["uuid"]):
            self.broken = f"its mark says {parameters}"
        if any(name.endswith(".acme") for name in self.host.databases):
            self.broken = f"another one was made beside it: {sorted(self.host.databases)}"
        for sent in self.host.outbox:
            if sent.what.startswith("mail: "):
                self.broken = f"{sent.what} went out of {sent.name}"
        if self.host.snapshot()["shut"] != self.shut:
            self.broken = "what does not open was changed"

    def sure(self) -> None:
        self()
        if self.broken:
            raise Broken(self.broken)


def watched(world: Universe, version: str, seed: int) -> tuple[Whole, Customers]:
    host = world.hosts["one"]
    customers, whole = Customers(world.hosts, seed=seed), Whole(host)
    customers.join(read(text(version)))
    customers.begin()
    customers.visit()
    host.watchers.append(whole)
    return whole, customers


async def taken_over(world: Universe, fleet_text: str, whole: Whole, customers: Customers) -> None:
    """The next runs take it over, and then there is nothing to do but to correct what is shut."""
    await asyncio.sleep(120)  # 14 takes no right password for a minute after ten wrong ones
    await world.reconcile(fleet_text)
    passed = await world.reconcile(fleet_text)  # what was unknown is looked at again
    assert passed.after.changeset.actions == (), passed.after.changeset
    assert [b.code for b in passed.after.changeset.blocked] == ["shut"]
    whole.sure()
    customers.sure()
    state = world.hosts["one"].snapshot()["acme"]
    assert state["parameters"]["odoo_fleet.code"] == "acme"  # type: ignore[index]
    assert state["modules"]["contacts"] == "installed"  # type: ignore[index]


def length_of(world: Universe, fleet_text: str) -> int:
    process = Process()
    run(world.reconcile(fleet_text, process))
    return process.sent


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_any_request_it_is_taken_over_whole_or_not_at_all(
    begun: tuple[str, Callable[[], Universe]], moment: str
) -> None:
    version, world_of_its_own = begun

    async def one(number: int) -> None:
        world = world_of_its_own()
        whole, customers = watched(world, version, number)
        await killed_pass(
            world, text(version), Process(kill_before=number) if moment == "before" else Process(kill_after=number)
        )
        whole.sure()
        await taken_over(world, text(version), whole, customers)

    for number in moments(1, length_of(world_of_its_own(), text(version)) + 1, EACH):
        try:
            run(one(number))
        except BaseException as error:
            error.add_note(f"killed {moment} request {number} on {version}")
            raise


def test_a_host_that_dies_after_whatever_it_has_committed_keeps_it_whole(
    begun: tuple[str, Callable[[], Universe]],
) -> None:
    version, world_of_its_own = begun

    async def one(occurrence: int) -> bool:
        world = world_of_its_own()
        whole, customers = watched(world, version, occurrence)
        host, seen = world.hosts["one"], itertools.count(1)

        def kill(reached: str) -> None:
            if reached == "execute.committed" and next(seen) == occurrence:
                host.kill()
                asyncio.get_running_loop().call_later(20.0, host.start)

        host.on_step = kill
        await world.reconcile(text(version))
        host.on_step = lambda _step: None
        whole.sure()
        await taken_over(world, text(version), whole, customers)
        return next(seen) > occurrence

    occurrence = 1
    while run(one(occurrence)):
        occurrence += 1
    assert occurrence > 2, "it is made, and run"


async def both(world: Universe, texts: tuple[str, str], schedule: list[tuple[int, int]]) -> list[list[Result]]:
    """Two reconcilers without a common store, interleaved."""
    turns = Turns(schedule)

    async def alone(who: int) -> list[Result]:
        process = Process()
        process.turn = lambda _request: turns.take(who)
        own = Universe(world.hosts, world.clock, DictMemory(), seed=who + 10)
        try:
            passed = await own.reconcile(texts[who], process)
        finally:
            await turns.end(who)
        return [o.result for o in passed.outcomes if o.action.verb is verbs.ADOPT]

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(alone(who)) for who in (0, 1)]
    return [task.result() for task in tasks]


def pairs_of(length: int) -> list[tuple[int, int]]:
    every = [(first, second) for first in range(1, length + 1) for second in range(1, length + 1)]
    return every[:: max(1, len(every) // PAIRS)]


def test_two_reconcilers_at_once_take_it_over_once(begun: tuple[str, Callable[[], Universe]]) -> None:
    version, world_of_its_own = begun

    async def one(schedule: list[tuple[int, int]]) -> None:
        world = world_of_its_own()
        whole, customers = watched(world, version, 1)
        await both(world, (text(version), text(version)), schedule)
        await taken_over(world, text(version), whole, customers)

    for first, second in pairs_of(length_of(world_of_its_own(), text(version))):
        schedule = [(0, first), (1, second), (0, 10**6)]
        try:
            run(one(schedule))
        except BaseException as error:
            error.add_note(f"schedule {schedule} on {version}")
            raise


def test_of_two_fleets_that_claim_it_at_once_one_has_it_and_the_other_is_told(
    begun: tuple[str, Callable[[], Universe]],
) -> None:
    version, world_of_its_own = begun

    async def one(schedule: list[tuple[int, int]]) -> str:
        world = world_of_its_own()
        whole, customers = watched(world, version, 1)
        texts = (text(version), of_another_fleet(version))
        await both(world, texts, schedule)
        whole.sure()
        await asyncio.sleep(120)
        owner = str(world.hosts["one"].snapshot()["acme"]["parameters"]["odoo_fleet.fleet"])  # type: ignore[index]
        mine, theirs = (texts[0], texts[1]) if owner == "demo" else (texts[1], texts[0])
        await taken_over(world, mine, whole, customers)
        loser = await Universe(world.hosts, world.clock, DictMemory(), seed=9).plan(theirs)
        assert loser.changeset.actions == ()
        assert {b.code for b in loser.changeset.blocked} == {"acme", "shut"}
        return owner

    owners = set()
    for first, second in pairs_of(length_of(world_of_its_own(), text(version))):
        schedule = [(0, first), (1, second), (0, 10**6)]
        try:
            owners.add(run(one(schedule)))
        except BaseException as error:
            error.add_note(f"schedule {schedule} on {version}")
            raise
    assert owners == {"demo", "other"}
