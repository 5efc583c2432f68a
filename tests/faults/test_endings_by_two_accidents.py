"""Endings where two things go wrong: a run that dies while it writes down what `prune` finds, a stranger under a wanted name."""

from __future__ import annotations

import asyncio
import xmlrpc.client

from reconciler.core.model import names
from reconciler.core.model.names import NameState
from reconciler.simulator.wire import HttpRequest
from tests.harness.universe import MASTER, Killed, Process, Universe, fleet, instance, universe
from tests.harness.virtual_time import run

DAY = 86_400.0
CUSTOMERS = tuple(instance(code, server="one") for code in ("acme", "bob", "cat", "dan"))


def pruning(*documents: str) -> str:
    return fleet(*documents).replace("secret_key:", "prune: true\nsecret_key:", 1)


async def written(world: Universe, text: str, dies_at: int = 0) -> int:
    """Run a pass that dies at its n-th write into the store, if it comes so far; return how many there were."""
    process, memory, count = Process(), world.memory, 0

    def dying(name: str):  # type: ignore[no-untyped-def]  # noqa: ANN202 -- of each write
        real = getattr(type(memory), name).__get__(memory)

        def write(*args: object) -> None:
            nonlocal count
            count += 1
            if count == dies_at:
                process.dead = True
                raise Killed
            real(*args)

        return write

    writes = ("clear", "verified", "server_state", "listing")
    for name in writes:
        setattr(memory, name, dying(name))
    try:
        await world.reconcile(text, process)
    except (Killed, BaseExceptionGroup):
        pass
    finally:
        for name in writes:
            delattr(memory, name)
    return count


def test_what_is_removed_in_the_commit_that_switches_prune_on_is_ended_by_no_later_run_wherever_that_one_dies() -> None:
    async def begun() -> Universe:
        world = universe()
        assert (await world.reconcile(fleet(*CUSTOMERS))).ok
        return world

    async def story() -> None:
        text = pruning(*CUSTOMERS[1:])
        length = await written(await begun(), text)
        assert length > 1
        for number in range(1, length + 1):
            world = await begun()
            await written(world, text, number)
            for _ in range(2):
                passed = await world.reconcile(text)
                assert passed.planned.changeset.actions == (), f"after a death at write {number}"
            assert "acme" in world.hosts["one"].databases

    run(story())


async def create_by_hand(world: Universe, name: str) -> None:
    body = xmlrpc.client.dumps((MASTER, name, False, "en_US", "made by hand"), "create_database").encode()
    request = HttpRequest("POST", "/xmlrpc/2/db", {"content-type": "text/xml", "host": "localhost"}, body)
    assert (await world.hosts["one"].respond(request)).status == 200


def trash_of(world: Universe, target: str) -> list[str]:
    found = map(names.parse, world.hosts["one"].databases)
    return [name.text for name in found if name.state is NameState.TRASH and name.target == target]


def test_trash_of_a_wanted_name_is_not_dropped_because_a_stranger_bears_that_name() -> None:
    async def story() -> None:
        world = universe()
        acme = CUSTOMERS[0]
        assert (await world.reconcile(fleet(acme))).ok
        assert (await world.reconcile(fleet(instance("acme", server="one", state="absent")))).ok
        (trash,) = trash_of(world, "acme")
        await create_by_hand(world, "acme")
        for _ in range(3):
            await asyncio.sleep(31 * DAY)
            passed = await world.reconcile(fleet(acme))
            assert passed.outcomes == ()
            left = {each.database: each.what for each in passed.planned.changeset.left_alone}
            assert "a document declares acme, and may want it back" in left[trash]
        assert trash_of(world, "acme") == [trash]

    run(story())
