"""A hundred ways to ask for a deletion by mistake: nothing is dropped, and the right text finds everybody again.

The fleet says `prune: true`, its store knows everybody, and one customer is in the trash already. What is told by mistake is told
again and again for two days, with and without `--allow-removals`, as a job would that somebody gave it once and for all.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.core.deciding import Limits
from reconciler.core.model import names
from reconciler.core.model.names import NameState
from reconciler.fleet.desired import resolve
from reconciler.fleet.diagnostics import has_errors
from reconciler.loading.fleet_directory import load_fleet
from reconciler.loading.yaml_reader import read_documents
from reconciler.simulator.faults import FaultSpec
from tests.faults.stories import prepared
from tests.harness.universe import DictMemory, Universe, fleet, instance
from tests.harness.virtual_time import EPOCH, VirtualClock, run

VERSION = "19.0"
CODES = [f"customer-{number}" for number in range(12)]
LEFT = "left"
DAY = 86400
PASSES = 3


def documents(left: str = "absent", **fields: object) -> list[str]:
    first, second, third, *others = CODES
    return [
        instance(first, server="one", state="suspended", **fields),
        instance(second, server="one", deletion_protection="true", **fields),
        instance(third, server="one", owner="{name: Boss, login: boss@acme.example}", **fields),
        *(instance(code, server="one", **fields) for code in others),
        instance(LEFT, server="one", state=left),
    ]


def written(*of: str, prune: bool = True) -> str:
    text = fleet(*of, servers={"one": VERSION})
    return text.replace("code: demo\n", "code: demo\nprune: true\n", 1) if prune else text


RIGHT = written(*documents())


@functools.cache
def _begun() -> Universe:
    async def make() -> Universe:
        world = await prepared(VERSION, written(*documents(left="active")), 5)
        assert (await world.reconcile(RIGHT)).ok
        await asyncio.sleep(20 * DAY)
        assert (await world.reconcile(RIGHT)).ok
        return world

    return run(make())


def begun() -> Universe:
    world = _begun().branch()
    later(world, timedelta(days=20), hosts=True)
    return world


def later(world: Universe, by: timedelta, *, hosts: bool = False) -> None:
    """Let the machine of the tool, or that and the hosts, believe in another time."""
    if hosts:
        world.clock.skew += by
        return
    believed = VirtualClock()
    believed.skew = world.clock.skew + by
    world.clock = believed


Mistake = Callable[[Universe], str]
MISTAKES: dict[str, Mistake] = {}
"""What may be wrong: each may change the world, and says which text is in force then."""


def mistake(name: str) -> Callable[[Mistake], Mistake]:
    def add(made: Mistake) -> Mistake:
        MISTAKES[name] = made
        return made

    return add


def says(name: str, text: str) -> None:
    MISTAKES[name] = lambda _world: text


def lost(*codes: str) -> str:
    return written(*(d for d in documents() if not any(f"code: {code}\n" in d for code in codes)))


says("nothing but the fleet document", RIGHT.partition("---\n")[0])
says("no instances", written())
says("no instance but the one that is absent", written(documents()[-1]))
for number in (1, 2, 4, 7, 11):
    says(f"a merge that lost {number} files", lost(*CODES[:number]))
for code in (CODES[0], CODES[1], CODES[2], CODES[5], LEFT):
    says(f"the file of {code} is lost", lost(code))
says("a merge that lost what is in the trash and the rest", lost(LEFT, *CODES[3:]))
for code in (CODES[2], CODES[5]):
    says(f"{code} is called otherwise", RIGHT.replace(f"code: {code}\n", f"code: {code}-new\n", 1))
says("all are called otherwise", RIGHT.replace("code: customer-", "code: client-"))

says(
    "the server is called otherwise", RIGHT.replace("code: one\n", "code: two\n").replace("server: one", "server: two")
)
says("another fleet's branch", RIGHT.replace("code: demo\n", "code: another\n", 1))
says(
    "another fleet's branch that ends all",
    written(*documents(left="absent")).replace("code: demo\n", "code: another\n", 1),
)
says("another key", RIGHT.replace("{env: KEY}", "{env: MASTER}", 1))
says("the text of last year", written(documents()[3], prune=False))
says("the text of last year, which prunes", written(documents()[3]))
says(
    "everybody absent by the defaults",
    RIGHT.replace("code: demo\n", "code: demo\ndefaults: {instance: {state: absent}}\n", 1),
)
says(
    "everybody expires by the defaults",
    RIGHT.replace("code: demo\n", 'code: demo\ndefaults: {instance: {expires: "2006-06-30"}}\n', 1),
)
says(
    "one expires in the wrong century",
    RIGHT.replace(f"code: {CODES[5]}\n", f'code: {CODES[5]}\nexpires: "1927-06-30"\n', 1),
)
says("one is absent by mistake", RIGHT.replace(f"code: {CODES[5]}\n", f"code: {CODES[5]}\nstate: absent\n", 1))
says(
    "two of one fleet on one host, the other without anybody",
    written(prune=True).replace("code: demo\n", "code: beta\n", 1),
)
for share in range(1, 20):
    says(f"a checkout that was cut after {share} of 20 parts", RIGHT[: len(RIGHT) * share // 20])
for percent in (30, 55, 80):
    at = RIGHT.index("---\n", len(RIGHT) * percent // 100)
    says(f"a checkout that was cut between two documents, at {percent} %", RIGHT[:at])


def lists(what: str, text: str) -> Mistake:
    def lie(world: Universe) -> str:
        world.hosts["one"].faults.add(FaultSpec.parse(f"db.list:{what}"))
        return text

    return lie


for lie in ("empty", "shrink=1", "shrink=5", "shrink=12"):
    MISTAKES[f"the host lies: {lie}"] = lists(lie, RIGHT)
    MISTAKES[f"the host lies: {lie}, and a file is lost"] = lists(lie, lost(CODES[5]))
    MISTAKES[f"the host lies once: {lie}"] = lists(f"{lie}:count=1", RIGHT)


@mistake("the clock is at 1970")
def _clock_of_1970(world: Universe) -> str:
    later(world, datetime(1970, 1, 1, tzinfo=EPOCH.tzinfo) - EPOCH)
    return RIGHT


@mistake("the clock is at 2100")
def _clock_of_2100(world: Universe) -> str:
    later(world, datetime(2100, 1, 1, tzinfo=EPOCH.tzinfo) - EPOCH)
    return RIGHT


@mistake("the clock is two months ahead, and a file is lost")
def _clock_ahead(world: Universe) -> str:
    later(world, timedelta(days=61))
    return lost(CODES[4])


@mistake("the clock is at 2100, and a trial has an end")
def _trial_in_2100(world: Universe) -> str:
    later(world, datetime(2100, 1, 1, tzinfo=EPOCH.tzinfo) - EPOCH)
    return RIGHT.replace(f"code: {CODES[6]}\n", f'code: {CODES[6]}\nexpires: "2030-06-30"\n', 1)


@mistake("the clock of the host is two months ahead")
def _host_ahead(world: Universe) -> str:
    believed = world.clock
    believed.skew += timedelta(days=61)  # the hosts' own, from here on
    later(world, timedelta(days=-61))
    return RIGHT


@mistake("the store is lost, and files are")
def _store_lost(world: Universe) -> str:
    world.memory = DictMemory()
    return lost(*CODES[3:7])


@mistake("prune is switched on over an old store")
def _old_store(world: Universe) -> str:
    assert world.memory is not None
    world.memory.states = {k: v for k, v in world.memory.states.items() if k in world.hosts}
    return lost(*CODES[3:9])


@mistake("prune is switched on by the commit that loses a file")
def _switched_on(world: Universe) -> str:
    assert world.memory is not None
    world.memory.states = {k: v for k, v in world.memory.states.items() if k in world.hosts}
    return lost(CODES[5])


@mistake("somebody calls a customer trash by hand")
def _by_hand(world: Universe) -> str:
    host, trash = world.hosts["one"], "trash-200101000000." + CODES[5]
    host.databases[trash] = host.databases.pop(CODES[5])
    host.filestore[trash] = host.filestore.pop(CODES[5], {})
    return lost(CODES[5])


@mistake("somebody gives the trash an older name by hand")
def _older_by_hand(world: Universe) -> str:
    host = world.hosts["one"]
    (young,) = [n for n in host.databases if names.parse(n).state is NameState.TRASH]
    old = f"trash-200101000000.{LEFT}"
    host.databases[old] = host.databases.pop(young)
    host.filestore[old] = host.filestore.pop(young, {})
    return RIGHT


ALLOWED = Limits(allowed=["removals"])


async def told(world: Universe, text: str, limits: Limits) -> None:
    """Apply a text as often as a job would, if it is one."""
    read, problems = read_documents("fleet.yaml", text.encode())
    desired, more = resolve(read)
    if desired is None or has_errors((*problems, *more)):
        return
    for _ in range(PASSES):
        await world.reconcile(text, limits=limits)
        await asyncio.sleep(DAY)


@pytest.mark.parametrize("limits", [Limits(), ALLOWED], ids=["", "allow-removals"])
@pytest.mark.parametrize("name", MISTAKES)
def test_nothing_is_dropped_and_the_right_text_finds_everybody_again(name: str, limits: Limits) -> None:
    async def scenario(world: Universe) -> None:
        host, text = world.hosts["one"], MISTAKES[name](world)
        before = bearing(world)
        await told(world, text, limits)
        gone = before.keys() - bearing(world).keys()
        assert not gone, f"dropped: {[before[key] for key in gone]}"
        host.faults.clear()
        world.clock = VirtualClock()
        world.clock.skew = timedelta(seconds=host.now()) + (datetime.fromtimestamp(0, UTC) - VirtualClock().now())
        for _ in range(PASSES):
            await world.reconcile(RIGHT, limits=Limits(confirmed_listings=["one"], allowed=["removals"]))
        served = {key: bears for key, bears in before.items() if names.parse(bears).state in names.IN_SERVICE}
        assert {key: bearing(world)[key] for key in served} == served

    run(scenario(begun()))


def bearing(world: Universe) -> dict[int, str]:
    """Say which name each database bears: one is told by the object that the simulated host keeps of it."""
    return {id(database): bears for bears, database in world.hosts["one"].databases.items()}


@pytest.mark.parametrize("what", ["empty", "not there", "another directory", "a file", "unreadable"])
def test_a_directory_that_is_not_the_fleets_ends_nobody(tmp_path: Path, what: str) -> None:
    place = tmp_path / "fleet"
    match what:
        case "empty":
            place.mkdir()
        case "another directory":
            place.mkdir()
            (place / "values.yaml").write_text("replicas: 3\n")
        case "a file":
            place.write_text(RIGHT)
        case "unreadable":
            place.mkdir()
            (place / "fleet.yaml").write_text("kind: fleet\nformat: 1\ncode: [demo\n")
    try:
        loaded = load_fleet(place)
    except OSError:
        return
    assert loaded.desired is None
    assert loaded.diagnostics


def test_two_fleets_on_one_host_end_only_their_own() -> None:
    """Both have one key and declare a customer of the same code and name, and the other one ends it, and prunes."""
    other = written(instance(CODES[5], server="one", state="absent"), instance("theirs", server="one", state="absent"))
    other = other.replace("code: demo\n", "code: theirs\n", 1)
    other = other.replace("template_db: template_base", "template_db: template_theirs")

    async def scenario(world: Universe) -> None:
        host = world.hosts["one"]
        theirs = Universe(world.hosts, world.clock, DictMemory(), seed=77)
        before = bearing(world)
        assert (await theirs.reconcile(other.replace("state: absent", "state: active", 2))).ok is False, "it is ours"
        own = host.databases["theirs"]
        for _ in range(40):
            await theirs.reconcile(other, limits=ALLOWED)
            await world.reconcile(RIGHT, limits=ALLOWED)
            await asyncio.sleep(DAY)
        assert own not in host.databases.values(), "their own is dropped when its time is over"
        left = {key: name for key, name in before.items() if names.parse(name).target != LEFT}
        assert {key: name for key, name in bearing(world).items() if key in left} == left

    run(scenario(begun()))


def test_it_is_a_hundred_ways_and_some_of_them_do_take_customers_out_of_service() -> None:
    assert 2 * len(MISTAKES) >= 100

    async def ended(text: str, limits: Limits) -> int:
        world = begun()
        await told(world, text, limits)
        return sum(names.parse(name).state is NameState.TRASH for name in bearing(world).values()) - 1

    assert run(ended(lost(*CODES[3:6]), Limits())) == 3  # of twelve: under all limits
    assert run(ended(lost(*CODES[3:8]), Limits())) == 0
    assert run(ended(lost(*CODES[:8]), ALLOWED)) == 7  # all but the one that is protected
