"""The reconciler or the host dies at any point of a template's swap; two reconcilers with one text or two are at it at once.

A host never has two databases for one template, and after one more run there is one from which customers are cloned.
"""

from __future__ import annotations

import asyncio
import functools
import itertools

import pytest

from reconciler.core.model import names
from reconciler.core.model.names import NameState
from reconciler.core.model.specs import template_spec
from reconciler.core.policies import template_versions
from reconciler.simulator import STEPS
from tests.faults.shares import EXHAUSTIVE, moments
from tests.faults.stories import killed_pass
from tests.faults.test_two_reconcilers import one_alone
from tests.harness import promises
from tests.harness.schedules import Turns
from tests.harness.universe import DictMemory, Process, Universe, fleet, instance, read, universe
from tests.harness.virtual_time import run

VERSIONS = ["19.0", "14.0"]
SAMPLED = 25
MONTH = 31 * 86400
MODULES = "modules: [base, web, mail]"
STEPS_OF_HOST = (*STEPS["rename"], *STEPS["create_database"])


def before(version: str) -> str:
    return fleet(instance("acme", server="one"), servers={"one": version})


def reverted(version: str) -> str:
    return fleet(instance("acme", server="one"), instance("bistro", server="one"), servers={"one": version})


def after(version: str) -> str:
    """The template has other modules and parameters, and there is a new customer."""
    return reverted(version).replace(MODULES, "modules: [base, web, contacts]\nparameters: {our.note: hello}")


def other(version: str) -> str:
    return before(version).replace(MODULES, f"{MODULES}\nparameters: {{our.note: bye}}")


@functools.cache
def _begun(version: str) -> Universe:
    async def make() -> Universe:
        world = universe({"one": version}, seed=5)
        world.hosts["one"].add_database("shop")
        assert (await world.reconcile(before(version))).ok
        return world

    return run(make())


def begun(version: str, *, alone: bool = True) -> Universe:
    """Return a world of its own with a template and a customer, in which there are never two databases for the template.

    Of two reconcilers, which are not `alone`, the second one bears the lock for a moment, sees the other one, and gives up.
    """
    world = _begun(version).branch()

    def never_two(_step: str) -> None:
        forms = [name for name in forms_of_template(world) if name.state in names.FORMS]
        assert len(forms) <= 1, forms

    if alone:
        world.hosts["one"].watchers.append(never_two)
    return world


def forms_of_template(world: Universe) -> list[names.DatabaseName]:
    return [name for name in map(names.parse, world.hosts["one"].listed()) if name.target == "template_base"]


async def converges(world: Universe, written: str, *, alone: bool = True) -> None:
    """A few runs make all as the text says, the template too, and what a crash left is gone in time.

    A run that another one overtakes in the midst of a write may take a row, that of the version too: that is noted nowhere then.
    """
    told: list[object] = []
    for hours in (0.1, 0.1, 7, 7, 0.1):  # what could not be built is tried again after six
        passed = await world.reconcile(written)
        told = [(o.action.id, o.result, o.detail) for o in passed.outcomes] + list(passed.after.changeset.blocked)
        if passed.ok and passed.after.changeset.is_converged and not passed.after.changeset.withheld:
            break
        await asyncio.sleep(hours * 3600)
    else:
        raise AssertionError(told)
    promises.check(world.hosts, read(written))
    host, desired = world.hosts["one"], read(written)
    template = host.databases["template_base"]
    spec = template_spec(desired, desired.templates["base"], desired.servers["one"])
    assert template.parameter("odoo_fleet.made_of") in {template_versions.version(spec), *(() if alone else (None,))}
    assert template.parameter("our.note") == spec.parameters.get("our.note")
    await asyncio.sleep(MONTH)
    for _ in range(2):
        assert (await world.reconcile(written)).ok
    too_late = {name for name in host.listed() if name.startswith("trash-") and name.endswith(".bistro")}
    assert all(host.databases[name].parameter("odoo_fleet.in_service") == "no" for name in too_late)
    assert set(host.listed()) - too_late == {"shop", "template_base", *desired.instances}


def length_of(version: str) -> int:
    process = Process()
    assert run(begun(version).reconcile(after(version), process)).ok
    return process.sent


@pytest.mark.parametrize("then", ["goes on", "is reverted"])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_reconciler_killed_at_any_request_leaves_a_template_for_the_next_run(
    version: str, moment: str, then: str
) -> None:
    async def one(world: Universe, number: int) -> None:
        last = after(version) if then == "goes on" else reverted(version)
        process = Process(kill_before=number) if moment == "before" else Process(kill_after=number)
        await killed_pass(world, after(version), process)
        assert process.dead
        await world.reconcile(last)
        assert "template_base" in world.hosts["one"].listed(), "one run brings back what there was, or goes on"
        await converges(world, last)

    length = length_of(version)
    for number in moments(1, length + 1, SAMPLED):
        try:
            run(one(begun(version), number))
        except BaseException as error:
            error.add_note(f"killed {moment} request {number} of {length}, which {then}, on {version}")
            raise


@pytest.mark.parametrize("version", VERSIONS)
def test_a_host_that_dies_at_any_step_comes_back_with_a_template_for_the_next_run(version: str) -> None:
    async def one(world: Universe, step: str, occurrence: int) -> bool:
        host, seen = world.hosts["one"], 0

        def kill(reached: str) -> None:
            nonlocal seen
            seen += reached == step
            if reached == step and seen == occurrence:
                host.kill()
                asyncio.get_running_loop().call_later(20.0, host.start)

        host.on_step = kill
        await world.reconcile(after(version))
        host.on_step = lambda _step: None
        await asyncio.sleep(30)
        await converges(world, after(version))
        return seen >= occurrence

    for step in STEPS_OF_HOST:
        for occurrence in itertools.count(1) if EXHAUSTIVE else (1, 2):
            try:
                if not run(one(begun(version), step, occurrence)):
                    break
            except BaseException as error:
                error.add_note(f"killed at {step}, occurrence {occurrence}, on {version}")
                raise


@pytest.mark.parametrize("theirs", [after, before, other], ids=["one text", "the former text", "another text"])
def test_two_reconcilers_may_overtake_each_other_at_any_request(theirs: object) -> None:
    async def interleaved(world: Universe, schedule: list[tuple[int, int]]) -> None:
        turns = Turns(schedule)
        async with asyncio.TaskGroup() as group:
            for who, written in enumerate((after("19.0"), theirs("19.0"))):  # type: ignore[operator]
                group.create_task(one_alone(world, written, who, turns, DictMemory()))
        await converges(world, after("19.0"), alone=False)

    for first in moments(0, length_of("19.0"), 31):
        for schedule in ([(0, first), (1, 10**6)], [(0, first), (1, first // 2 + 9), (0, 10**6)]):
            try:
                run(interleaved(begun("19.0", alone=False), schedule))
            except BaseException as error:
                error.add_note(f"schedule {schedule}")
                raise


def test_what_is_replaced_is_found_by_a_run_without_memory() -> None:
    """The old one is trash and the new one is not there yet: what comes back is the old one, and not an empty new one."""

    async def story(world: Universe) -> None:
        host, uuid = world.hosts["one"], world.hosts["one"].databases["template_base"].uuid
        process = Process()

        def die(step: str) -> None:
            states = [name.state for name in forms_of_template(world)]
            if step == "rename.files" and NameState.TRASH in states and not {*states} & {*names.FORMS}:
                process.dead = True

        host.watchers.append(die)
        await killed_pass(world, after("19.0"), process)
        host.watchers.remove(die)
        assert process.dead
        assert {name.state for name in forms_of_template(world)} == {NameState.TRASH, NameState.BUILDING}
        world.memory = None
        (first, *_) = (await world.reconcile(before("19.0"))).outcomes
        assert first.action.id == "untrash template/base on one"
        assert host.databases["template_base"].uuid == uuid
        await converges(world, after("19.0"))

    run(story(begun("19.0")))
