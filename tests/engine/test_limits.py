"""What an instance uses of what its plan includes: measured once a day, told as it comes near, acted on if its plan says so.

It is 24 November 2026.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from reconciler.core.deciding import Limits
from reconciler.core.depths import Depth
from reconciler.core.model.actions import Reason
from reconciler.core.model.failures import Refused
from reconciler.core.model.observed import Inside
from reconciler.core.policies.usage import GIGABYTE
from reconciler.engine.reconcile import Passed
from reconciler.notices.notices import NoticeName
from reconciler.odoo.databases import OdooDatabase
from tests.daemon.stage import Stage, play
from tests.harness.universe import Universe, fleet, instance, universe
from tests.harness.virtual_time import run

DAY = timedelta(days=1)


def limited(*documents: str, users: int = 10, **plan: object) -> str:
    lines = "".join(f"{name}: {value}\n" for name, value in {"max_users": users, "grace_days": 2, **plan}.items())
    return fleet(*(documents or (instance("acme"),))).replace("kind: plan\n", f"kind: plan\n{lines}")


def hire(world: Universe, number: int, *, database: str = "acme", **fields: object) -> None:
    found = world.hosts["one"].databases[database]
    somebody = found.rows("res.users")[2]
    for _ in range(number):
        found.insert("res.users", {**somebody, "login": f"user {len(found.rows('res.users'))}", **fields})


def dismiss(world: Universe, number: int) -> None:
    users = world.hosts["one"].databases["acme"]
    for key in sorted(users.rows("res.users"))[-number:]:
        users.update("res.users", key, {"active": False})


async def day(world: Universe, text: str) -> Passed:
    """A pass, a day after the last."""
    world.clock.skew += DAY
    return await world.reconcile(text)


async def told(world: Universe, text: str) -> list[str]:
    return [e.what for e in (await world.plan(text)).changeset.left_alone]


def users_of(world: Universe) -> int:
    assert world.memory is not None
    return world.memory.usage["acme"].users


def test_internal_users_that_are_active_and_bytes_of_rows_and_files_are_measured_once_a_day() -> None:
    async def story() -> None:
        world, text = universe(), limited(max_storage_gb=1)
        await world.reconcile(text)
        assert users_of(world) == 0  # the operator's account is nobody of the customer's
        hire(world, 3)
        hire(world, 1, active=False)
        acme = world.hosts["one"].databases["acme"]
        portal = [acme.reference("base.group_portal")]
        hire(world, 1, groups_id=portal, group_ids=portal)
        acme.insert("ir.attachment", {"name": "film", "store_fname": "ab/cd", "file_size": GIGABYTE})
        await world.reconcile(text)
        assert users_of(world) == 0
        await day(world, text)
        assert users_of(world) == 3
        assert world.memory is not None
        assert GIGABYTE < world.memory.usage["acme"].bytes < 1.1 * GIGABYTE
        assert not acme.rows("ir.actions.server")

    run(story())


def test_it_is_told_at_each_level_and_once() -> None:
    async def story() -> None:
        world, text = universe(), limited()
        assert (await world.reconcile(text)).ok
        seen = []
        for hired in (7, 1, 0, 1, 1, 1):
            hire(world, hired)
            await day(world, text)
            seen.append(await told(world, text))
        near = "instance/acme uses {} % or more of the 10 users of plan/starter".format
        over = "instance/acme uses more than the 10 users of plan/starter: nothing is done (`on_limit: warn`)"
        assert seen == [[], [near(80)], [near(80)], [near(90)], [near(100)], [over]]
        await day(world, text)
        assert (await world.reconcile(text)).planned.changeset.is_converged

    run(story())


def test_who_is_over_a_limit_longer_than_the_grace_goes_out_of_service_and_comes_back_with_a_larger_plan() -> None:
    async def story() -> None:
        world, text = universe(), limited(on_limit="suspend")
        assert (await world.reconcile(text)).ok
        hire(world, 11)
        assert not (await day(world, text)).outcomes
        assert await told(world, text) == [
            "instance/acme uses more than the 10 users of plan/starter: suspended from 2026-11-27 on"
        ]
        assert not (await day(world, text)).outcomes
        (outcome,) = (await day(world, text)).outcomes
        assert (outcome.action.id, outcome.action.reason) == ("suspend instance/acme on one", Reason.OVER_LIMIT)
        assert world.hosts["one"].listed() == ["suspended.acme", "template_base"]
        for _ in range(3):
            assert not (await day(world, text)).outcomes
        passed = await world.reconcile(limited(users=11, on_limit="suspend"))
        assert [o.action.verb for o in passed.outcomes] == ["resume"]
        assert not (await day(world, limited(users=11, on_limit="suspend"))).outcomes

    run(story())


def test_who_gets_below_it_within_the_grace_stays_and_has_the_whole_grace_the_next_time() -> None:
    async def story() -> None:
        world, text = universe(), limited(on_limit="suspend")
        assert (await world.reconcile(text)).ok
        hire(world, 11)
        await day(world, text)
        dismiss(world, 1)
        for _ in range(4):
            assert not (await day(world, text)).outcomes
        hire(world, 1)
        assert not (await day(world, text)).outcomes
        assert not (await day(world, text)).outcomes
        assert (await day(world, text)).outcomes

    run(story())


def test_a_store_that_is_new_suspends_nobody_and_begins_the_grace_anew() -> None:
    async def story() -> None:
        world, text = universe(), limited(on_limit="suspend")
        assert (await world.reconcile(text)).ok
        hire(world, 11)
        await day(world, text)
        world.memory.usage.clear()  # type: ignore[union-attr]
        await day(world, text)
        await day(world, text)
        assert world.hosts["one"].listed() == ["acme", "template_base"]

    run(story())


def unmeasured(change: Callable[[Universe], str], limits: Limits | None = None) -> None:
    """Whatever `change` makes of it, nothing is made or removed in the database of a customer."""

    async def story() -> None:
        world = universe()
        assert (await world.reconcile(limited(users=99).replace("max_users: 99\n", ""))).ok
        text = change(world)
        before = world.hosts["one"].databases["acme"].cache_sequences.copy()
        await world.reconcile(text, limits=limits)
        assert world.memory is not None
        assert "acme" not in world.memory.usage
        assert world.hosts["one"].databases["acme"].cache_sequences == before

    run(story())


def test_nothing_is_measured_where_nothing_is_touched() -> None:
    unmeasured(lambda _: limited(instance("acme", paused="true")))
    unmeasured(lambda _: limited(instance("acme"), instance("beta")), Limits(depth=Depth(shallow=True)))
    unmeasured(_renamed_away)
    unmeasured(_anothers)


def _renamed_away(world: Universe) -> str:
    """Its host lists no database of this fleet any more, and is frozen."""
    host = world.hosts["one"]
    host.faults.add("db.list:shrink=1")
    return limited()


def _anothers(world: Universe) -> str:
    """Somebody put another database in its place, which opens to the same password."""
    acme = world.hosts["one"].databases["acme"]
    (row,) = acme.matching("ir.config_parameter", key="database.uuid")
    acme.update("ir.config_parameter", row["id"], {"value": "another"})
    return limited()


def test_a_plan_measures_nothing_and_of_many_a_few_are_measured_in_a_pass() -> None:
    async def story() -> None:
        world = universe()
        text = limited(*(instance(f"shop-{n}") for n in range(5)))
        assert (await world.reconcile(text.replace("max_users: 10\n", ""))).ok
        await world.plan(text, Limits(depth=Depth(refresh=True)))
        assert world.memory is not None
        assert not world.memory.usage
        await world.reconcile(text)
        assert len(world.memory.usage) == 3
        await world.reconcile(text)
        assert len(world.memory.usage) == 5

    run(story())


def test_a_daemon_measures_and_tells() -> None:
    async def story(stage: Stage) -> None:
        stage.source.write(limited(users=1))
        await stage.converged()
        hire(stage.universe, 1)
        await stage.universe.clock.sleep(2 * DAY.total_seconds())
        (notice,) = [n for n in stage.notices if n.name is NoticeName.LIMIT_NEAR]
        assert "uses 100 % or more of the 1 user " in notice.detail

    play(universe(), story)


def test_a_server_that_leaves_the_text_while_it_is_measured_is_not_looked_at_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inside, looked = OdooDatabase.inside, []

    async def slow(database: OdooDatabase, *tables: Sequence[str]) -> Inside:
        looked.append(database.name)
        await asyncio.sleep(60)
        return await inside(database, *tables)

    monkeypatch.setattr(OdooDatabase, "inside", slow)

    async def story(stage: Stage) -> None:
        two = {"one": "19.0", "two": "19.0"}
        kinds = "kind: plan\nmax_users: 5\n"
        stage.source.write(fleet(instance("acme", server="two"), servers=two).replace("kind: plan\n", kinds))
        while not looked:
            await asyncio.sleep(1)
        stage.source.write(fleet().replace("kind: plan\n", kinds))
        await asyncio.sleep(3600)

    stage = play(universe({"one": "19.0", "two": "19.0"}), story)
    assert looked == ["acme"]
    assert not stage.defects


def test_those_that_cannot_be_measured_keep_no_other_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    inside = OdooDatabase.inside

    async def refuse(database: OdooDatabase, *tables: Sequence[str]) -> Inside:
        if database.name != "shop-4":
            raise Refused("somebody took that right away", server="one", database=database.name)
        return await inside(database, *tables)

    monkeypatch.setattr(OdooDatabase, "inside", refuse)

    async def story() -> None:
        world = universe()
        text = limited(*(instance(f"shop-{n}") for n in range(8)))
        assert (await world.reconcile(text)).ok
        for _ in range(30):
            world.clock.skew += timedelta(minutes=5)
            await world.reconcile(text)
        assert world.memory is not None
        assert list(world.memory.usage) == ["shop-4"]

    run(story())
