"""A copy of an instance: its source's rows, files and people, neutralized, under a name, password and address of its own."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from reconciler.core.model import verbs
from reconciler.core.model.outcomes import Result
from reconciler.reports.paragraphs import Paper
from reconciler.reports.plan_text import render_plan
from reconciler.simulator import Code, neutralizing
from reconciler.simulator.databases import SimulatedDatabase
from reconciler.simulator.environment import Env
from tests.backups.copying import (
    OUT,
    active,
    begun,
    both,
    copied,
    copy_of,
    ends_well,
    of_payments,
    require_neutral,
    require_nothing_reached_the_outside,
    text,
)
from tests.backups.stage import stage
from tests.engine.test_upgrades import deploy, version_of
from tests.faults.shares import moments
from tests.faults.test_two_reconcilers import one_alone
from tests.harness.schedules import Turns
from tests.harness.universe import DictMemory, Killed, Process, fleet, instance, read, universe
from tests.harness.virtual_time import run

pytestmark = pytest.mark.usefixtures("copied_worlds")


@both
def test_it_has_all_of_its_source_and_is_itself(version: str) -> None:
    async def story() -> None:
        world, whole = begun(version), copied(version)
        host = world.hosts["one"]
        planned = await world.plan(whole)
        shown = render_plan(planned.changeset, read(whole), Paper())
        assert "+ copy instance/acme-staging  new, of acme as it is then" in shown
        assert "neutralize: a live database → it mails nobody and takes no payment" in shown
        passed = await world.reconcile(whole)
        assert passed.ok, passed
        acme, copy = host.databases["acme"], host.databases["acme-staging"]
        for model in ("res.partner", "res.users", "ir.attachment"):
            assert len(copy.rows(model)) == len(acme.rows(model)), model
        assert host.files("acme-staging") == host.files("acme")
        assert next(copy.matching("res.users", login="pilot"))["password"] == "their own"
        admins = [next(each.matching("res.users", login="admin"))["password"] for each in (acme, copy)]
        assert admins[0] != admins[1]
        assert copy.parameter("web.base.url") == "https://acme-staging.example.com"
        assert copy.uuid != acme.uuid
        assert (copy.parameter("odoo_fleet.code"), copy.parameter("odoo_fleet.uuid")) == ("acme-staging", copy.uuid)
        company = copy.rows("res.company")[copy.reference("base.main_company") or 0]
        assert company["name"] == "Acme SA", "what it does not declare is as in its source"
        again = await world.reconcile(whole)
        assert not again.planned.changeset.actions

    run(story())


@both
def test_it_is_neutralized_and_its_source_is_not(version: str) -> None:
    async def story() -> None:
        world = begun(version)
        acme = world.hosts["one"].databases["acme"]
        models = ("ir.cron", "ir.mail_server", "fetchmail.server", "mail.mail", of_payments(version))
        columns = ("id", "active", "state", "smtp_host", "smtp_user", "smtp_pass", "password")
        before = [[row.get(column) for column in columns] for m in models for row in acme.rows(m).values()]
        assert (await world.reconcile(copied(version))).ok
        copy = world.hosts["one"].databases["acme-staging"]
        require_neutral(copy, version)
        assert active(copy, "ir.cron") == {copy.reference("base.autovacuum_job")}, "Odoo tidies up in it"
        assert [[r.get(c) for c in columns] for m in models for r in acme.rows(m).values()] == before
        await asyncio.sleep(7 * 86400)
        world.hosts["one"].advance()
        require_nothing_reached_the_outside(world)

    run(story())


@both
def test_what_its_document_declares_is_applied_and_it_is_suspended_and_resumed_neutralized(version: str) -> None:
    async def story() -> None:
        world = begun(version)
        host = world.hosts["one"]
        fields = {"company": "Try SA", "parameters": "{a.note: tried}", "modules": "[contacts]"}
        asleep = text(copy_of("acme", state="suspended", **fields), version=version)
        assert (await world.reconcile(asleep)).ok
        assert active(host.databases["suspended.acme-staging"], "ir.cron") == set()
        awake = text(copy_of("acme", **fields), version=version)
        assert (await world.reconcile(awake)).ok
        copy = host.databases["acme-staging"]
        require_neutral(copy, version)
        assert copy.rows("res.company")[copy.reference("base.main_company") or 0]["name"] == "Try SA"
        assert copy.parameter("a.note") == "tried"
        assert copy.modules()["contacts"] == "installed"
        assert not (await world.reconcile(awake)).planned.changeset.actions

    run(story())


@both
def test_a_suspended_source_is_copied_and_a_new_one_in_the_same_pass(version: str) -> None:
    async def story() -> None:
        world = universe({"one": version})
        new = text(copy_of("acme"), version=version)
        passed = await world.reconcile(new)
        assert passed.ok, passed
        assert {"acme", "acme-staging"} <= set(world.hosts["one"].listed())
        asleep = fleet(instance("acme", state="suspended"), copy_of("acme"), servers={"one": version})
        assert (await world.reconcile(asleep)).ok
        more = asleep + "---\n" + copy_of("acme", "second")
        passed = await world.reconcile(more)
        assert passed.ok, passed
        assert "second" in world.hosts["one"].listed()

    run(story())


def test_in_earnest_it_is_a_second_live_one() -> None:
    async def story() -> None:
        world = begun("19.0")
        host = world.hosts["one"]
        assert (await world.reconcile(text(copy_of("acme", neutralize="false")))).ok
        acme, copy = host.databases["acme"], host.databases["acme-staging"]
        for model in ("ir.cron", "ir.mail_server"):
            assert active(copy, model) == active(acme, model)
        assert copy.parameter("database.is_neutralized") is None

    run(story())


@both
def test_what_comes_from_a_backup_can_be_neutralized_too(tmp_path: Path, version: str) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target", version)
        made.universe.hosts["one"].databases["acme"].insert("ir.mail_server", {**OUT})
        await made.back_up()
        passed = await made.apply(made.text(instance("beta", restore_from="{of: acme}", neutralize="true")))
        assert passed.ok, passed
        beta = made.universe.hosts["one"].databases["beta"]
        assert beta.parameter("database.is_neutralized") == "true"
        assert active(beta, "ir.cron") == set()
        assert {beta.rows("ir.mail_server")[each]["smtp_host"] for each in active(beta, "ir.mail_server")} == {
            "invalid"
        }

    run(story())


ALIVE: dict[str, tuple[str, dict[str, object], str]] = {
    "a scheduled action": ("ir.cron", {"active": True}, "active scheduled actions"),
    "a mail server": ("ir.mail_server", {"active": True, "smtp_host": "mail"}, "mail servers that lead somewhere"),
    "a password": ("ir.mail_server", {"smtp_pass": "p"}, "mail servers that lead somewhere"),
    "none that leads nowhere": ("ir.mail_server", {"active": False}, "no mail server that leads nowhere"),
    "incoming mail": ("fetchmail.server", {"state": "done"}, "servers of incoming mail"),
    "a waiting mail": ("mail.mail", {"state": "outgoing"}, "mails that wait"),
    "a payment provider": ("payment", {"state": "enabled"}, "payment providers"),
    "the parameter": ("ir.config_parameter", {"value": "false"}, "it does not say that it was neutralized"),
    "what would wake": ("held", {"value": "1,2,3"}, "scheduled actions or mail servers that would wake"),
}
"""What is alive in a copy though it was neutralized: where, what, and what is said of it."""


@pytest.mark.parametrize("alive", ALIVE)
@both
def test_one_that_is_not_neutralized_in_one_point_is_never_published(
    monkeypatch: pytest.MonkeyPatch, version: str, alive: str
) -> None:
    model, change, said = ALIVE[alive]
    play = neutralizing.play

    def half_done(env: Env) -> dict[str, object]:
        answer = play(env)
        if env.context["odoo_fleet"]["write"]:
            keys = {"ir.config_parameter": "database.is_neutralized", "held": "odoo_fleet.quiesced"}
            name = {"payment": of_payments(version), "held": "ir.config_parameter"}.get(model, model)
            for row in list(env.database.rows(name).values()):
                if model not in keys or row["key"] == keys[model]:
                    env.database.update(name, row["id"], change)
        return answer

    monkeypatch.setattr(neutralizing, "play", half_done)

    async def story() -> None:
        world = begun(version)
        passed = await world.reconcile(copied(version))
        (outcome,) = passed.outcomes
        assert outcome.result is Result.FAILED
        assert "it is not neutralized" in outcome.detail
        assert said in outcome.detail
        assert not [name for name in world.hosts["one"].listed() if name.endswith("acme-staging")]

    run(story())


@pytest.mark.parametrize("does", ["nothing", "says so alone"])
def test_a_host_that_neutralizes_in_name_only_is_not_believed(monkeypatch: pytest.MonkeyPatch, does: str) -> None:
    def in_name_only(database: SimulatedDatabase) -> None:
        if does == "says so alone":
            database.set_parameter("database.is_neutralized", "true")

    monkeypatch.setattr(neutralizing, "neutralize", in_name_only)

    async def story() -> None:
        world = begun("19.0")
        passed = await world.reconcile(copied("19.0"))
        (outcome,) = passed.outcomes
        assert outcome.result is Result.FAILED
        assert "it is not neutralized" in outcome.detail
        assert not [name for name in world.hosts["one"].listed() if name.endswith("acme-staging")]
        require_nothing_reached_the_outside(world)

    run(story())


async def length_of(version: str) -> int:
    process = Process()
    await begun(version).reconcile(copied(version), process)
    return process.sent


@both
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_reconciler_killed_at_any_request_leaves_one_neutralized_copy_or_none(version: str, moment: str) -> None:
    async def story() -> None:
        whole = copied(version)
        for number in moments(1, await length_of(version) + 1, 7):
            world = begun(version)
            process = Process(kill_before=number) if moment == "before" else Process(kill_after=number)
            with contextlib.suppress(Killed, BaseExceptionGroup):
                await world.reconcile(whole, process)
            await ends_well(world, whole, version)

    run(story())


@both
@pytest.mark.parametrize("step", ["restore.listed", "restore.rows", "restore.done", "rename.database", "rename.files"])
def test_a_host_that_dies_on_the_way_leaves_one_neutralized_copy_or_none(version: str, step: str) -> None:
    async def story() -> None:
        world, whole = begun(version), copied(version)
        host = world.hosts["one"]

        def die(reached: str) -> None:
            if reached == step:
                host.on_step = lambda _step: None
                host.kill()

        host.on_step = die
        await world.reconcile(whole)
        host.start()
        await ends_well(world, whole, version)

    run(story())


@both
def test_two_reconcilers_make_one_copy(version: str) -> None:
    async def story() -> None:
        whole = copied(version)
        for first in moments(0, await length_of(version) + 1, 13):
            world, turns = begun(version), Turns([(0, first), (1, 10**6)])
            async with asyncio.TaskGroup() as group:
                for who in (0, 1):
                    group.create_task(one_alone(world, whole, who, turns, DictMemory()))
            await ends_well(world, whole, version)

    run(story())


def test_one_on_its_sources_own_host_is_made_whatever_code_that_runs_by_now() -> None:
    """What it is made of works there; on another host the same difference would be told before anything is restored."""

    async def story() -> None:
        world = begun("19.0")
        deploy(world.hosts["one"], Code("1.1"))
        passed = await world.reconcile(copied("19.0"))
        assert [(o.action.verb, o.result) for o in passed.outcomes] == [(verbs.COPY, Result.DONE)], passed
        assert (
            version_of(world.hosts["one"], "acme-staging") == version_of(world.hosts["one"], "acme") == "installed 1.0"
        )

    run(story())
