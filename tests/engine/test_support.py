"""The operator is let into a customer's database for a while, and is out when that is over, whatever dies meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from datetime import timedelta

import pytest

from reconciler.core.model.actions import Reason
from reconciler.core.model.failures import HostError
from reconciler.core.model.pauses import Pause
from reconciler.engine.support import Opened, find, let_in
from reconciler.store.forgetful import NoMemory
from tests.daemon.stage import Stage, play
from tests.harness.universe import Killed, Process, Universe, fleet, instance, read, universe
from tests.harness.virtual_time import run

VERSIONS = pytest.mark.parametrize("version", ["14.0", "19.0"])
HALF_AN_HOUR = timedelta(minutes=30)
TEXT = fleet(instance("acme"), instance("shop"))
FORBIDDEN = fleet(instance("acme", allow_support="false"), instance("shop"))


async def made(text: str = TEXT, version: str = "19.0") -> Universe:
    world = universe({"one": version})
    assert (await world.reconcile(text)).ok
    return world


async def enter(world: Universe, text: str = TEXT, process: Process | None = None) -> Opened:
    desired = read(text)
    ports = world.world(desired, process or Process())
    acme = desired.instances["acme"]
    return await let_in(ports, desired, acme, await find(ports, desired, acme), HALF_AN_HOUR)


def inside(world: Universe, database: str = "acme") -> list[str]:
    """The names of the accounts for support that are in use."""
    rows = world.hosts["one"].databases[database].rows("res.users").values()
    return [row["login"] for row in rows if row["login"].startswith("odoo-fleet-support-") and row["active"]]


async def killed(work: Awaitable[object]) -> None:
    """Wait for work that is killed on the way, or not."""
    with contextlib.suppress(Killed):
        try:
            await work
        except BaseExceptionGroup as group:
            if not group.subgroup(Killed):
                raise


def ends(passed_or_planned: object) -> list[str]:
    return [a.id for a in passed_or_planned.changeset.actions if a.verb == "end-support"]  # type: ignore[attr-defined]


@VERSIONS
def test_whoever_was_let_in_is_out_at_the_first_pass_after_the_end_and_not_before(version: str) -> None:
    text = fleet(instance("acme"), instance("shop"), servers={"one": version})

    async def story() -> None:
        world = await made(text, version)
        opened = await enter(world, text)
        assert inside(world) == [opened.visit.login]
        assert opened.link.reveal().startswith("https://acme.example.com/web/reset_password?db=acme&token=")
        for _ in range(5):
            await asyncio.sleep(300)
            assert (await world.reconcile(text)).ok
            assert len(inside(world)) == 1
        await asyncio.sleep(301)
        passed = await world.reconcile(text)
        (outcome,) = passed.outcomes
        assert (outcome.action.id, outcome.action.reason) == ("end-support instance/acme on one", Reason.TIME_IS_UP)
        assert passed.after.changeset.is_converged
        assert not inside(world)
        sent = Process()
        await world.reconcile(text, sent)
        assert sent.sent < 5, "what is over is looked into no more"

    run(story())


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_process_that_dies_at_any_request_leaves_nobody_inside_for_longer(moment: str) -> None:
    async def story() -> None:
        world = await made()
        counted = Process()
        await enter(world.branch(), process=counted)
        for number in range(1, counted.sent + 1):
            other = world.branch()
            process = Process(kill_before=number) if moment == "before" else Process(kill_after=number)
            await killed(enter(other, process=process))
            await asyncio.sleep(HALF_AN_HOUR.total_seconds() + 1)
            assert (await other.reconcile(TEXT)).after.changeset.is_converged, number
            assert not inside(other), number
            assert other.hosts["one"].databases["acme"].parameter("odoo_fleet.support") is None

    run(story())


def test_an_end_that_is_killed_at_any_request_is_brought_about_by_the_next_pass() -> None:
    async def story() -> None:
        world = await made()
        await enter(world)
        await asyncio.sleep(HALF_AN_HOUR.total_seconds() + 1)
        counted = Process()
        await world.branch().reconcile(TEXT, counted)
        for number in range(1, counted.sent + 1):
            other = world.branch()
            other.clock.skew += HALF_AN_HOUR
            await killed(other.reconcile(TEXT, Process(kill_after=number)))
            await asyncio.sleep(120)
            assert (await other.reconcile(TEXT)).after.changeset.is_converged, number
            assert not inside(other), number

    run(story())


def test_a_look_that_was_under_way_meanwhile_hides_nobody() -> None:
    async def story() -> None:
        world = await made()
        assert world.memory is not None
        verified = world.memory.entries["instance", "acme", "one"]
        await enter(world)
        world.memory.entries["instance", "acme", "one"] = (
            verified  # it saw the database before, and is written down after
        )
        await asyncio.sleep(HALF_AN_HOUR.total_seconds() + 1)
        assert (await world.reconcile(TEXT)).ok
        assert not inside(world)
        assert not [row for row, text in world.memory.states.items() if row.startswith("support/") and text]

    run(story())


def test_a_store_that_is_lost_hides_nobody_and_a_new_one_finds_who_is_over() -> None:
    async def story() -> None:
        world = await made()
        await enter(world)
        world.memory = None
        await asyncio.sleep(HALF_AN_HOUR.total_seconds() + 1)
        assert (await world.reconcile(TEXT)).ok
        assert not inside(world)

    run(story())


def test_who_forbids_it_has_nobody_in_the_database_and_whoever_is_in_goes_at_once() -> None:
    async def story() -> None:
        world = await made(FORBIDDEN)
        with pytest.raises(HostError, match="allow_support: false"):
            await enter(world, FORBIDDEN)
        assert not inside(world)
        await enter(world)
        assert ends(await world.plan(TEXT)) == []
        passed = await world.reconcile(FORBIDDEN)
        assert [o.action.reason for o in passed.outcomes if o.action.verb == "end-support"] == [Reason.CHANGED]
        assert not inside(world)

    run(story())


@pytest.mark.parametrize("state", ["suspended", "absent"])
def test_nobody_is_let_into_what_is_not_in_service(state: str) -> None:
    text = fleet(instance("acme", state=state), instance("shop"))

    async def story() -> None:
        world = await made()
        assert (await world.reconcile(text)).ok
        with pytest.raises(HostError):
            await enter(world, text)

    run(story())


def test_nobody_is_let_into_what_is_anothers() -> None:
    async def story() -> None:
        world = await made()
        world.hosts["one"].databases["acme"].set_parameter("odoo_fleet.code", "somebody-else")
        with pytest.raises(HostError, match="its mark says that it is instance/somebody-else"):
            await enter(world)
        assert not inside(world)

    run(story())


def test_neither_a_pause_nor_a_freeze_leaves_anybody_inside_for_longer() -> None:
    whole = f"{TEXT}".replace("secret_key:", "freezes: [{from: '2026-11-20', to: '2026-12-20'}]\nsecret_key:", 1)

    async def story(stage: Stage) -> None:
        stage.source.write(TEXT)
        await stage.converged()
        stage.source.write(whole)
        await enter(stage.universe)
        stage.store.pause("instance", "acme", "a call", stage.universe.clock.now())
        assert stage.store.pauses()["instance", "acme"] == Pause(
            "instance", "acme", "a call", stage.universe.clock.now()
        )
        await asyncio.sleep(25 * 60)
        assert len(inside(stage.universe)) == 1
        await asyncio.sleep(10 * 60 + 5)
        assert not inside(stage.universe), "the pass after the end, of one in five minutes, has ended it"

    assert not play(universe(), story, store=NoMemory()).defects


FREEZE = "freezes: [{from: '2026-11-20', to: '2026-12-20'}]\n"


def said(text: str, line: str) -> str:
    return text.replace("secret_key:", f"{line}secret_key:", 1)


@pytest.mark.parametrize(
    "text",
    [
        fleet(instance("acme", modules="[no_such_module]"), instance("shop")),
        said(fleet(instance("acme", parameters="{a.b: c}"), instance("shop")), FREEZE),
        said(
            fleet(instance("acme", parameters="{a.b: c}"), instance("shop", parameters="{a.b: c}")),
            "safety: {max_changes: 1}\n",
        ),
        said(fleet(instance("acme2", renamed_from="acme"), instance("shop")), FREEZE),
        said(fleet(instance("acme", allow_support="false", company="Acme"), instance("shop")), FREEZE),
        fleet(instance("acme", state="suspended"), instance("shop")),
        fleet(instance("acme", state="absent"), instance("shop")),
    ],
    ids=["an edit that fails", "a freeze", "a threshold", "a rename", "what forbids it", "a suspension", "an ending"],
)
def test_it_waits_for_nothing_else_of_the_instance_whatever_becomes_of_that(text: str) -> None:
    async def story() -> None:
        world = await made()
        await enter(world)
        await asyncio.sleep(HALF_AN_HOUR.total_seconds() + 1)
        await world.reconcile(text)
        assert [inside(world, name) for name in world.hosts["one"].databases if "acme" in name] == [[]]

    run(story())


@pytest.mark.parametrize(
    "text",
    [
        fleet(instance("acme"), "kind: instance\ncode: staging\nclone_of: acme\nplan: starter\n"),
        fleet(instance("acme", state="absent")),
    ],
    ids=["a copy", "trash"],
)
def test_what_is_made_of_a_database_and_what_becomes_of_it_lets_nobody_in(text: str) -> None:
    async def story() -> None:
        world = await made()
        await enter(world)
        await world.reconcile(text)
        others = [name for name in world.hosts["one"].databases if name not in ("acme", "shop", "template_base")]
        assert [inside(world, name) for name in others] == [[]]

    run(story())


def test_who_was_inside_before_a_move_is_outside_after_it() -> None:
    async def story() -> None:
        both = {"one": "19.0", "two": "19.0"}
        there, moved = (fleet(instance("acme", server=code), servers=both) for code in both)
        world = universe(both)
        assert (await world.reconcile(there)).ok
        await enter(world, there)
        assert (await world.reconcile(moved)).ok
        rows = world.hosts["two"].databases["acme"].rows("res.users").values()
        assert not [row for row in rows if row["login"].startswith("odoo-fleet-support-") and row["active"]]
        (left,) = [name for name in world.hosts["one"].databases if name.startswith("moved-")]
        assert not inside(world, left)

    run(story())
