"""A neutralized copy that gets more modules: what they bring is off before anybody could run it, whatever dies on the way."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from reconciler.core.deciding import Limits
from reconciler.core.depths import Depth
from reconciler.core.model.observed import NOTED_UPGRADE
from reconciler.core.model.outcomes import Result
from reconciler.simulator import Code, neutralizing
from reconciler.simulator.environment import Env
from tests.backups.copying import active, begun, both, copy_of, require_neutral, text
from tests.faults.shares import moments
from tests.harness.universe import Killed, Process, Universe
from tests.harness.virtual_time import run

pytestmark = pytest.mark.usefixtures("copied_worlds")
MORE = "[crm]"
"""A module that brings scheduled actions which are due at once."""


def whole(version: str, **fields: object) -> str:
    return text(copy_of("acme", "", **fields), version=version)


async def copied(version: str, **fields: object) -> Universe:
    """A copy in service, of which every step of its host is watched: nothing in it is ever awake but Odoo's tidying up."""
    world = begun(version)
    assert (await world.reconcile(whole(version, **fields))).ok
    host = world.hosts["one"]

    def watch(step: str) -> None:
        for name, database in host.databases.items():
            if name.endswith("acme-staging") and database.stage == "ready" and database.parameter("odoo_fleet.code"):
                assert active(database, "ir.cron") <= {database.reference("base.autovacuum_job")}, (step, name)
        host.advance()

    host.watchers.append(watch)
    return world


async def settles(world: Universe, version: str, **fields: object) -> None:
    whole_text, everything = whole(version, modules=MORE, **fields), Limits(depth=Depth(refresh=True))
    for _ in range(2):
        await asyncio.sleep(3 * 3600)
        await world.reconcile(whole_text, limits=everything)
    passed = await world.reconcile(whole_text, limits=everything)
    assert passed.ok, passed
    assert not passed.outcomes
    name = "suspended.acme-staging" if fields else "acme-staging"
    copy = world.hosts["one"].databases[name]
    assert copy.modules()["crm"] == "installed"
    assert copy.parameter("odoo_fleet.asleep") is None
    require_neutral(copy, version)
    ran = [each.what for each in world.hosts["one"].outbox if each.name.endswith("acme-staging")]
    assert {each for each in ran if "Auto-vacuum" not in each} == set()


@both
@pytest.mark.parametrize("fields", [{}, {"state": "suspended"}], ids=["published", "suspended"])
def test_modules_that_come_later_bring_nothing_awake_and_it_is_neutralized_and_proven_again(
    version: str, fields: dict[str, object]
) -> None:
    async def story() -> None:
        world = await copied(version, **fields)
        (copy,) = [d for name, d in world.hosts["one"].databases.items() if name.endswith("acme-staging")]
        copy.insert("mail.mail", {"subject": "tried", "state": "outgoing"})
        before = len(copy.rows("ir.cron"))
        passed = await world.reconcile(whole(version, modules=MORE, **fields))
        assert [o.result for o in passed.outcomes] == [Result.DONE], passed
        assert len(copy.rows("ir.cron")) > before, "they bring some"
        tidying = {copy.reference("base.autovacuum_job")}
        assert active(copy, "ir.cron") == (set() if fields else tidying)
        await settles(world, version, **fields)
        if fields:
            assert (await world.reconcile(whole(version, modules=MORE))).ok
            assert active(copy, "ir.cron") == tidying

    run(story())


@both
def test_what_was_being_installed_in_its_source_brings_nothing_awake_in_the_copy_before_it_is_neutralized(
    version: str,
) -> None:
    async def story() -> None:
        world = begun(version)
        acme = world.hosts["one"].databases["acme"]
        for row in acme.matching("ir.module.module", name="sms"):
            acme.update("ir.module.module", row["id"], {"state": "to install"})
        before = len(world.hosts["one"].outbox)
        assert (await world.reconcile(whole(version))).ok
        copy = world.hosts["one"].databases["acme-staging"]
        assert copy.modules()["sms"] == "installed"
        assert copy.parameter("odoo_fleet.asleep") is None
        require_neutral(copy, version)
        ran = [each.what for each in world.hosts["one"].outbox[before:] if each.name.endswith("acme-staging")]
        assert {each for each in ran if "Auto-vacuum" not in each} == set()

    run(story())


@both
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_any_request_it_is_neutralized_and_proven_by_the_next_runs(version: str, moment: str) -> None:
    async def story() -> None:
        start, process = await copied(version), Process()
        assert (await start.branch().reconcile(whole(version, modules=MORE), process)).ok
        for number in moments(1, process.sent + 1, 6):
            world = await copied(version)
            dying = Process(kill_before=number) if moment == "before" else Process(kill_after=number)
            with contextlib.suppress(Killed, BaseExceptionGroup):
                await world.reconcile(whole(version, modules=MORE), dying)
            await settles(world, version)

    run(story())


@both
def test_where_it_cannot_be_proven_everything_stays_asleep_until_it_is(
    monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    play, broken = neutralizing.play, [True]

    def half_done(env: Env) -> dict[str, object]:
        answer = play(env)
        if broken and env.context["odoo_fleet"]["write"]:
            env.database.insert("mail.mail", {"subject": "an invoice", "state": "outgoing"})
        return answer

    async def story() -> None:
        world = await copied(version)
        monkeypatch.setattr(neutralizing, "play", half_done)
        (outcome,) = (await world.reconcile(whole(version, modules=MORE))).outcomes
        assert (outcome.result, "1 mails that wait" in outcome.detail) == (Result.FAILED, True)
        copy = world.hosts["one"].databases["acme-staging"]
        assert active(copy, "ir.cron") == set()
        # Its text is reverted: what was begun is brought to its end all the same.
        passed = await world.reconcile(whole(version))
        assert "asleep" in [c.field for o in passed.outcomes for c in o.action.changes]
        assert copy.parameter("odoo_fleet.asleep") == "yes"
        broken.clear()
        await settles(world, version)

    run(story())


@both
@pytest.mark.parametrize("column", ["", "res_partner.nickname"], ids=["newer", "broken"])
def test_an_upgrade_brings_nothing_awake_and_it_is_neutralized_and_proven_again(version: str, column: str) -> None:
    async def story() -> None:
        world = await copied(version)
        host, follows = world.hosts["one"], whole(version).replace("secret_key:", "upgrade: follow\nsecret_key:", 1)
        assert (await world.reconcile(follows)).ok
        host.deploy("mail", Code("1.1", column))
        host.kill()
        host.start()
        copy = host.databases["acme-staging"]
        brought = {
            **next(iter(copy.rows("ir.cron").values())),
            "name": "new",
            "active": True,
            "nextcall": "2000-01-01 00:00:00",
        }

        def bring(step: str) -> None:
            is_its_own = step == "upgrade.finished" and copy.parameter(NOTED_UPGRADE) is not None
            if is_its_own and not column and not any(copy.matching("ir.cron", name="new")):
                copy.insert("ir.cron", brought)

        host.on_step = bring
        for _ in range(2):
            await world.reconcile(follows)
        passed = await world.reconcile(follows)
        assert passed.ok, (passed.outcomes, passed.after.changeset.blocked)
        assert any(copy.matching("ir.cron", name="new")) is not bool(column)
        (row,) = copy.matching("ir.module.module", name="mail")
        assert str(row["latest_version"]).endswith("1.1")
        assert active(copy, "ir.cron") == {copy.reference("base.autovacuum_job")}
        assert copy.parameter("odoo_fleet.asleep") is None
        require_neutral(copy, version)

    run(story())
