"""A copy of an instance: its source's rows, files and people, neutralized, under a name, password and address of its own."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.core.deciding import Limits
from reconciler.core.depths import Depth
from reconciler.core.model.outcomes import Result
from reconciler.core.policies.replacements import Replacing
from reconciler.engine.reconcile import Passed, carry_out, plan
from reconciler.reports.paragraphs import Paper
from reconciler.reports.plan_text import render_plan
from reconciler.simulator import FaultSpec, neutralizing
from reconciler.simulator.databases import Database
from reconciler.simulator.environment import Env
from tests.backups.stage import stage
from tests.faults.shares import moments
from tests.faults.test_two_reconcilers import one_alone
from tests.harness.schedules import Turns
from tests.harness.universe import DictMemory, Killed, Process, Universe, fleet, instance, read, universe
from tests.harness.virtual_time import run

OUT = {"name": "out", "active": True, "smtp_host": "mail", "smtp_user": "u", "smtp_pass": "p"}
both = pytest.mark.parametrize("version", ["19.0", "14.0"])


def copy_of(source: str, code: str = "", **fields: object) -> str:
    lines = [f"{name}: {value}" for name, value in fields.items()]
    head = ["kind: instance", f"code: {code or source + '-staging'}", f"clone_of: {source}", "plan: starter"]
    return "\n".join([*head, *lines]) + "\n"


def text(*documents: str, version: str = "19.0") -> str:
    return fleet(instance("acme", company="Acme SA"), *documents, servers={"one": version})


async def lived_in(version: str = "19.0") -> Universe:
    """A customer with people, a way to send and to fetch mail, a mail that waits, a payment provider, and what is due now."""
    world = universe({"one": version})
    assert (await world.reconcile(text(version=version))).ok
    live_in(world.hosts["one"].databases["acme"], version)
    return world


def live_in(acme: Database, version: str) -> None:
    """Leave in a database what people do."""
    acme.insert("res.users", {**acme.rows("res.users")[2], "login": "pilot", "password": "their own"})
    acme.insert(
        "ir.mail_server", {"name": "out", "active": True, "smtp_host": "mail", "smtp_user": "u", "smtp_pass": "p"}
    )
    acme.insert("ir.mail_server", {"name": "old", "active": False, "smtp_host": "mail", "smtp_pass": "p"})
    acme.insert("fetchmail.server", {"name": "in", "active": True, "state": "done", "server": "mail", "password": "p"})
    acme.insert("mail.mail", {"subject": "an invoice", "state": "outgoing", "email_to": "theirs@example.net"})
    for state in ("enabled", "test"):
        acme.insert(of_payments(version), {"name": state, "state": state})


def copied(version: str) -> str:
    return text(copy_of("acme"), version=version)


@functools.cache
def _begun(version: str) -> Universe:
    return run(lived_in(version))


@pytest.fixture(autouse=True)
def _made(_no_threads: None) -> None:
    for version in ("19.0", "14.0"):
        _begun(version)


def begun(version: str) -> Universe:
    """A world of its own in which a customer works; one is made of each version."""
    return _begun(version).branch()


def active(database: Database, model: str) -> set[int]:
    return {row["id"] for row in database.matching(model, active=True)}


def states(database: Database, model: str) -> list[object]:
    return [row["state"] for row in database.rows(model).values()]


def of_payments(version: str) -> str:
    return "payment.provider" if version == "19.0" else "payment.acquirer"


def require_neutral(database: Database, version: str) -> None:
    tidying = database.reference("base.autovacuum_job")
    assert database.parameter("database.is_neutralized") == "true"
    assert active(database, "ir.cron") <= {tidying}
    servers = [database.rows("ir.mail_server")[each] for each in active(database, "ir.mail_server")]
    assert [server["smtp_host"] for server in servers] == ["invalid"]
    for row in database.rows("ir.mail_server").values():
        assert (row["smtp_host"], row.get("smtp_user") or row.get("smtp_pass") or "") == ("invalid", "")
    for row in database.rows("fetchmail.server").values():
        assert (row["active"], row["state"], row["password"]) == (False, "draft", False)
    assert {*states(database, "mail.mail")} == {"cancel"}
    assert states(database, of_payments(version)) == ["disabled", "test"]
    assert database.parameter("odoo_fleet.quiesced_mail_servers") is None


def require_nothing_reached_the_outside(world: Universe, since: int = 0) -> None:
    """Nobody was reached from a copy, by whatever name; but for the tidying up of one that is published."""
    for each in world.hosts["one"].outbox[since:]:
        is_copy = each.name.endswith("acme-staging")
        assert not is_copy or (each.what == TIDIES and not each.name.startswith("building-")), each


TIDIES = "cron: Base: Auto-vacuum internal data"


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
    def in_name_only(database: Database) -> None:
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


async def ends_well(world: Universe, whole: str, version: str) -> None:
    for _ in range(3):
        await asyncio.sleep(3 * 3600)
        await world.reconcile(whole)
    host = world.hosts["one"]
    left = [name for name in host.listed() if name.endswith("acme-staging") and not name.startswith("trash-")]
    assert left == ["acme-staging"]
    assert "acme" in host.listed()
    copy = host.databases["acme-staging"]
    require_neutral(copy, version)
    assert host.files("acme-staging") == host.files("acme")
    assert len(copy.rows("res.users")) == len(host.databases["acme"].rows("res.users"))
    require_nothing_reached_the_outside(world)


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


REFRESHED = Limits(depth=Depth(refresh=True), replacing=Replacing("acme-staging", backup_first=False))


async def tried_in(version: str) -> tuple[Universe, str]:
    """A copy in which something was tried, and a source that went on."""
    world, whole = begun(version), copied(version)
    assert (await world.reconcile(whole)).ok
    host = world.hosts["one"]
    host.databases["acme-staging"].insert("res.partner", {"name": "tried"})
    host.databases["acme"].insert("res.partner", {"name": "new customer"})
    return world, whole


def has(database: Database, name: str) -> bool:
    return any(database.matching("res.partner", name=name))


def forms(world: Universe) -> list[str]:
    return [name for name in world.hosts["one"].listed() if name.endswith("acme-staging")]


@both
def test_a_refreshed_one_is_as_its_source_is_now_and_the_former_lies_in_the_trash(version: str) -> None:
    async def story() -> None:
        world, whole = await tried_in(version)
        host = world.hosts["one"]
        shown = render_plan((await world.plan(whole, REFRESHED)).changeset, read(whole), Paper())
        assert "~ replace instance/acme-staging  by command, acme-staging becomes" in shown
        assert "instance/acme as it is then" in shown
        passed = await world.reconcile(whole, limits=REFRESHED)
        assert passed.ok, passed
        copy = host.databases["acme-staging"]
        assert (has(copy, "new customer"), has(copy, "tried")) == (True, False)
        require_neutral(copy, version)
        (trash,) = [name for name in forms(world) if name.startswith("trash-")]
        assert has(host.databases[trash], "tried")
        assert not (await world.reconcile(whole)).planned.changeset.actions
        back = Limits(depth=Depth(refresh=True), replacing=Replacing("acme-staging", trash, backup_first=False))
        passed = await world.reconcile(whole, limits=back)
        assert passed.ok, passed
        assert has(host.databases["acme-staging"], "tried")
        require_neutral(host.databases["acme-staging"], version)
        require_nothing_reached_the_outside(world)

    run(story())


@both
def test_one_that_cannot_be_made_anew_stays_what_it_was(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    async def story() -> None:
        world, whole = await tried_in(version)
        host = world.hosts["one"]
        monkeypatch.setattr(neutralizing, "_live", lambda _database: iter([("mails that wait", "", {}, {})]))
        monkeypatch.setattr(neutralizing, "play", _tells_alone(neutralizing.play))
        passed = await world.reconcile(whole, limits=REFRESHED)
        (outcome,) = passed.outcomes
        assert outcome.result is Result.FAILED
        assert "1 mails that wait" in outcome.detail
        assert forms(world) == ["acme-staging"]
        assert has(host.databases["acme-staging"], "tried")
        gone = fleet(instance("acme", state="absent"), copy_of("acme", state="absent"), servers={"one": version})
        assert not [a for a in (await world.plan(gone, REFRESHED)).changeset.actions if a.verb == "replace"]

    run(story())


def _tells_alone(play: Callable[[Env], dict[str, object]]) -> Callable[[Env], dict[str, object]]:
    return lambda env: {} if env.context["odoo_fleet"]["write"] else play(env)


@both
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_while_it_is_refreshed_there_is_one_neutralized_copy_always(version: str, moment: str) -> None:
    async def story() -> None:
        start, whole = await tried_in(version)
        process = Process()
        assert (await start.branch().reconcile(whole, process, REFRESHED)).outcomes
        for number in moments(1, process.sent + 1, 9):
            world = start.branch()
            dying = Process(kill_before=number) if moment == "before" else Process(kill_after=number)
            with contextlib.suppress(Killed, BaseExceptionGroup):
                await world.reconcile(whole, dying, REFRESHED)
            await ends_well(world, whole, version)
            copy = world.hosts["one"].databases["acme-staging"]
            assert has(copy, "tried") is not has(copy, "new customer"), "one of the two, whole"

    run(story())


def test_one_that_a_removed_document_left_behind_is_taken_over_as_the_plan_says() -> None:
    async def story() -> None:
        world, edited = begun("19.0"), text(copy_of("acme", company="Try SA"))
        assert (await world.reconcile(text(copy_of("acme")))).ok
        was = world.hosts["one"].databases["acme-staging"]
        assert (await world.reconcile(text())).ok
        (blocked,) = (await world.reconcile(edited)).planned.changeset.blocked
        assert "write a `template`, `neutralize: true` and `adopt: {}` in the place of `clone_of`" in blocked.advice
        taken = instance("acme-staging", company="Try SA", neutralize="true", adopt="{}")
        assert (await world.reconcile(text(taken))).ok
        assert (await world.reconcile(edited)).ok
        assert not (await world.reconcile(edited)).planned.changeset.actions
        assert world.hosts["one"].databases["acme-staging"] is was
        require_neutral(was, "19.0")

    run(story())


def weekly(version: str, **fields: object) -> str:
    """A copy that is made anew each Monday at four in the morning in Brussels."""
    return text(
        copy_of("acme", "acme-staging", refresh='"0 4 * * 1"', timezone="Europe/Brussels", **fields), version=version
    )


MONDAY = datetime(2026, 3, 9, 3, tzinfo=UTC)


def now_is(world: Universe, moment: datetime) -> None:
    world.clock.skew += moment - world.clock.now()


def made_anew(passed: Passed) -> bool:
    assert passed.ok, passed
    return any(o.action.verb == "replace" for o in passed.outcomes)


@both
def test_by_its_rhythm_it_is_made_anew_once_each_time_and_once_for_all_that_were_missed(version: str) -> None:
    async def story() -> None:
        world, whole = begun(version), weekly(version)
        host = world.hosts["one"]
        now_is(world, MONDAY - timedelta(days=2))
        assert (await world.reconcile(whole)).ok
        seen = []
        for hours in range(-47, 7 * 24 + 3, 5):
            now_is(world, MONDAY + timedelta(hours=hours))
            host.databases["acme"].insert("res.partner", {"name": f"customer {hours}"})
            if made_anew(await world.reconcile(whole)):
                seen.append(hours)
                assert has(host.databases["acme-staging"], f"customer {hours}")
                require_neutral(host.databases["acme-staging"], version)
        assert seen == [3, 168]
        now_is(world, MONDAY + timedelta(days=40))
        assert made_anew(await world.reconcile(whole))
        assert not made_anew(await world.reconcile(whole))
        require_nothing_reached_the_outside(world)

    run(story())


def test_what_holds_it_back_puts_it_off_and_does_not_let_it_be_forgotten() -> None:
    async def story() -> None:
        world, whole = begun("19.0"), weekly("19.0")
        now_is(world, MONDAY - timedelta(days=2))
        assert (await world.reconcile(whole)).ok
        now_is(world, MONDAY + timedelta(minutes=1))
        for _ in range(3):
            passed = await world.reconcile(weekly("19.0", paused="true"))
            assert [held.action.reason for held in passed.planned.changeset.withheld] == ["scheduled"]
        asleep = weekly("19.0", state="suspended")
        assert not made_anew(await world.reconcile(asleep))
        assert not made_anew(await world.reconcile(asleep))
        now_is(world, MONDAY + timedelta(days=3))
        first = await world.reconcile(whole)  # it is brought back into service first, and that is not all
        assert [str(o.action.verb) for o in first.outcomes] == ["resume"]
        assert ([str(a.verb) for a in first.after.changeset.actions], first.ok) == (["replace"], False)
        now_is(world, MONDAY + timedelta(days=3, minutes=5))
        assert made_anew(await world.reconcile(whole, limits=Limits(depth=Depth(refresh=True))))

    run(story())


@both
@pytest.mark.parametrize("meanwhile", ["made anew", "put in earnest"])
def test_a_rhythm_looks_once_more_before_it_begins(version: str, meanwhile: str) -> None:
    async def story() -> None:
        world, whole = begun(version), weekly(version)
        desired, copies = read(whole), world.hosts["one"].databases
        now_is(world, MONDAY - timedelta(days=2))
        assert (await world.reconcile(whole)).ok
        now_is(world, MONDAY + timedelta(minutes=1))
        ports = world.world(desired, Process())
        planned = await plan(desired, ports, Limits())
        if meanwhile == "made anew":
            assert made_anew(await world.reconcile(whole))
        else:
            copies["acme-staging"].set_parameter("database.is_neutralized", "false")
        before = (copies["acme-staging"].uuid, forms(world))
        (outcome,) = (await carry_out(planned, desired, ports, Limits())).outcomes
        told = {"made anew": "it was made anew meanwhile", "put in earnest": "it is not neutralized any more"}
        assert told[meanwhile] in outcome.detail
        assert (copies["acme-staging"].uuid, forms(world)) == before

    run(story())


@both
def test_what_comes_back_from_the_trash_stays_until_its_next_time(version: str) -> None:
    async def story() -> None:
        world, whole = begun(version), weekly(version)
        databases = world.hosts["one"].databases
        now_is(world, MONDAY - timedelta(days=2))
        assert (await world.reconcile(whole)).ok
        databases["acme-staging"].insert("res.partner", {"name": "tried"})
        now_is(world, MONDAY + timedelta(minutes=1))
        assert made_anew(await world.reconcile(whole))
        now_is(world, MONDAY + timedelta(hours=5))
        (trash,) = [name for name in forms(world) if name.startswith("trash-")]
        back = Limits(depth=Depth(refresh=True), replacing=Replacing("acme-staging", trash, backup_first=False))
        assert made_anew(await world.reconcile(whole, limits=back))
        assert f" uuid {databases['acme'].uuid} at " in str(
            databases["acme-staging"].parameter("odoo_fleet.restored_from")
        )
        for hours in (6, 6 * 24):
            now_is(world, MONDAY + timedelta(hours=hours))
            assert not made_anew(await world.reconcile(whole, limits=Limits(depth=Depth(refresh=True))))
            assert has(databases["acme-staging"], "tried")
        now_is(world, MONDAY + timedelta(days=7, minutes=1))
        assert made_anew(await world.reconcile(whole))

    run(story())


@pytest.mark.parametrize("fields", [{"company": "Acme NV"}, {"code": "beta", "renamed_from": "acme"}])
def test_what_is_done_to_its_source_in_the_same_run_comes_first(fields: dict[str, str]) -> None:
    async def story() -> None:
        world, whole = begun("19.0"), weekly("19.0")
        now_is(world, MONDAY - timedelta(days=2))
        assert (await world.reconcile(whole)).ok
        now_is(world, MONDAY + timedelta(minutes=1))
        edited = whole.replace(instance("acme", company="Acme SA"), instance(**{"code": "acme", **fields}))
        edited = edited.replace("clone_of: acme", f"clone_of: {fields.get('code', 'acme')}")
        passed = await world.reconcile(edited)
        assert made_anew(passed)
        assert passed.outcomes[-1].action.verb == "replace"

    run(story())


@pytest.mark.parametrize(
    ("says", "noted"),
    [
        ("false", ""),
        ("true", ""),
        ("true", "main instance/shop 2026-01-01T02-30-00Z-prod-1 uuid 0-0 at 2026-01-02T02-30-00Z"),
        ("true", "instance/shop on two uuid 0-0 at 2026-01-02T02-30-00Z"),
        ("true", "/srv/theirs.zip uuid 0-0 at 2026-01-02T02-30-00Z"),
    ],
    ids=["a customer", "one that says so", "restored", "moved", "taken in"],
)
def test_its_rhythm_counts_for_no_threshold_and_touches_nothing_that_it_has_not_made(says: str, noted: str) -> None:
    async def story() -> None:
        world, whole = begun("19.0"), weekly("19.0")
        strict = whole.replace("kind: fleet\n", "kind: fleet\nsafety: {max_removals: 0}\n", 1)
        assert strict != whole
        now_is(world, MONDAY - timedelta(days=2))
        assert (await world.reconcile(strict)).ok
        now_is(world, MONDAY + timedelta(minutes=1))
        assert made_anew(await world.reconcile(strict))
        # The text takes a customer's own database for the copy: it was written over one that is there.
        taken = text(copy_of("acme", code="shop", refresh='"0 4 * * 1"'))
        before = fleet(instance("acme", company="Acme SA"), instance("shop"), servers={"one": "19.0"})
        assert (await world.reconcile(before)).ok
        world.hosts["one"].databases["shop"].insert("res.partner", {"name": "theirs"})
        world.hosts["one"].databases["shop"].set_parameter("database.is_neutralized", says)
        if noted:
            world.hosts["one"].databases["shop"].set_parameter("odoo_fleet.restored_from", noted)
        now_is(world, MONDAY + timedelta(days=8))
        for _ in range(2):
            passed = await world.reconcile(taken, limits=Limits(depth=Depth(refresh=True)))
            assert not any(a.verb == "replace" for a in passed.planned.changeset.actions)
            (why,) = [each.why for each in passed.planned.changeset.blocked]
            assert ("made it as a copy" if says == "true" else "is not neutralized") in why
            assert has(world.hosts["one"].databases["shop"], "theirs")

    run(story())


@both
def test_a_rhythm_whose_refresh_brings_its_host_down_is_tried_again_after_hours_and_by_command_at_once(
    version: str,
) -> None:
    async def story() -> None:
        world, whole = begun(version), weekly(version)
        host, tries = world.hosts["one"], []
        now_is(world, MONDAY - timedelta(days=2))
        assert (await world.reconcile(whole)).ok
        kept = host.databases["acme-staging"].uuid

        def dies(step: str) -> None:
            if step == "restore.rows":
                tries.append(world.clock.now())
                host.kill()

        host.on_step = dies
        for minutes in range(5, 8 * 60, 10):
            now_is(world, MONDAY + timedelta(minutes=minutes))
            if not host.alive:
                host.start()
            passed = await world.reconcile(whole)
            (held,) = passed.planned.changeset.withheld or (None,)
            assert passed.outcomes or (held and "tried again at 2026-03-09" in held.why), passed
        assert [round((each - MONDAY).total_seconds() / 3600) for each in tries] == [0, 6]
        assert host.databases["acme-staging"].uuid == kept
        if not host.alive:
            host.start()
        host.on_step = lambda _: None
        by_hand = Limits(depth=Depth(refresh=True), replacing=Replacing("acme-staging", backup_first=False))
        assert made_anew(await world.reconcile(whole, limits=by_hand))
        now_is(world, MONDAY + timedelta(days=7, minutes=1))  # the new one knows of no try
        assert made_anew(await world.reconcile(whole))

    run(story())


def test_while_it_waits_for_its_refresh_what_is_edited_is_done_and_shown() -> None:
    async def story() -> None:
        window = 'windows: [{verbs: [replace], days: [sun], from: "02:00", to: "03:00"}]\n'

        def whole(**fields: object) -> str:
            return weekly("19.0", **fields).replace("kind: fleet\n", f"kind: fleet\n{window}", 1)

        world = begun("19.0")
        copies = world.hosts["one"].databases
        now_is(world, MONDAY - timedelta(days=2))
        assert (await world.reconcile(whole())).ok
        now_is(world, MONDAY + timedelta(minutes=5))
        edited = whole(admin_password="{derived: {generation: 2}}", company="Other SA")
        passed = await world.reconcile(edited)
        assert passed.ok
        assert [o.action.verb for o in passed.outcomes] == ["rotate-password", "configure"]
        assert [held.action.verb for held in passed.planned.changeset.withheld] == ["replace"]
        assert copies["acme-staging"].rows("res.company")[1]["name"] == "Other SA"
        now_is(world, MONDAY + timedelta(days=5, hours=23, minutes=30))
        assert made_anew(await world.reconcile(edited))
        assert copies["acme-staging"].rows("res.company")[1]["name"] == "Other SA"

    run(story())


def test_a_source_that_is_built_in_the_same_run_is_not_copied_over_what_its_copy_still_has() -> None:
    async def story() -> None:
        world, whole = begun("19.0"), weekly("19.0")
        host = world.hosts["one"]
        host.databases["acme"].insert("res.partner", {"name": "the last"})
        now_is(world, MONDAY - timedelta(days=2))
        assert (await world.reconcile(whole)).ok
        now_is(world, MONDAY + timedelta(minutes=5))
        del host.databases["acme"]
        passed = await world.reconcile(whole, limits=Limits(confirmed_listings=("one",)))
        assert [(o.action.verb, o.action.code) for o in passed.outcomes] == [("clone", "acme")]
        (held,) = passed.planned.changeset.withheld
        assert "instance/acme, of which it is a copy, is built in this very run" in held.why
        for days in (0, 7):
            now_is(world, MONDAY + timedelta(days=days, minutes=20))
            passed = await world.reconcile(whole)
            (blocked,) = passed.after.changeset.blocked
            assert "instance/acme is another database than the one that it was made of" in blocked.why
            assert "`odoo-fleet refresh acme-staging`" in blocked.advice
            assert (passed.outcomes, has(host.databases["acme-staging"], "the last")) == ((), True)
        assert (await world.reconcile(whole, limits=REFRESHED)).ok
        assert not has(host.databases["acme-staging"], "the last")
        now_is(world, MONDAY + timedelta(days=14, minutes=20))
        assert made_anew(await world.reconcile(whole))

    run(story())


@both
def test_a_source_that_is_exchanged_after_the_plan_is_not_copied_by_a_rhythm(version: str) -> None:
    async def story() -> None:
        world, whole = begun(version), weekly(version)
        host = world.hosts["one"]
        now_is(world, MONDAY - timedelta(days=2))
        assert (await world.reconcile(whole)).ok
        kept = host.databases["acme-staging"].uuid
        now_is(world, MONDAY + timedelta(minutes=5))
        desired, ports = read(whole), world.world(read(whole), Process())
        planned = await plan(desired, ports, Limits())
        for key in ("database.uuid", "odoo_fleet.uuid"):
            host.databases["acme"].set_parameter(key, "another")
        (outcome,) = (await carry_out(planned, desired, ports, Limits())).outcomes
        assert outcome.result is Result.FAILED
        assert "its source is another database than the one that it was made of (another, not" in outcome.detail
        assert (host.databases["acme-staging"].uuid, forms(world)) == (kept, ["acme-staging"])

    run(story())


def test_an_old_copy_that_is_given_a_rhythm_is_shown_with_when_it_was_made() -> None:
    async def story() -> None:
        world, whole = begun("19.0"), weekly("19.0")
        now_is(world, MONDAY - timedelta(days=2))
        assert (await world.reconcile(text(copy_of("acme", timezone="Europe/Brussels")))).ok
        now_is(world, MONDAY + timedelta(days=3))
        planned = await world.plan(whole, Limits(depth=Depth(refresh=True)))
        (action,) = planned.changeset.actions
        assert [c.observed for c in action.changes] == ["as of now, made 2026-03-07 03:00 UTC"]

    run(story())


def test_of_all_that_unpacks_archives_a_host_does_one_at_a_time() -> None:
    async def story() -> None:
        world = begun("19.0")
        host, builds = world.hosts["one"], [0]
        host.watchers.append(lambda _: builds.append(sum(name.startswith("building-") for name in host.databases)))
        four = [copy_of("acme", f"c{n}", refresh='"0 4 * * 1"') for n in range(4)]
        now_is(world, MONDAY - timedelta(days=2))
        assert (await world.reconcile(text(*four))).ok
        now_is(world, MONDAY + timedelta(hours=2))
        passed = await world.reconcile(text(*four, copy_of("acme", "c4")))
        assert passed.ok
        assert sorted(o.action.verb for o in passed.outcomes) == ["copy", *["replace"] * 4]
        assert max(builds) == 1

    run(story())


@both
@pytest.mark.parametrize("lost", ["504-after=1s", "504-after=100ms", "502-after=1s", "reset-after"])
def test_one_whose_restore_a_proxy_does_not_wait_for_is_found_done_and_made(version: str, lost: str) -> None:
    async def story() -> None:
        world, whole = begun(version), copied(version)
        host = world.hosts["one"]
        host.faults.add(FaultSpec.parse(f"page.web/database/restore:{lost}:count=1"))
        passed = await world.reconcile(whole)
        assert passed.ok, passed
        assert not [name for name in host.databases if name.startswith("building-")]
        require_neutral(host.databases["acme-staging"], version)
        assert host.files("acme-staging") == host.files("acme")
        assert host.databases["acme-staging"].uuid != host.databases["acme"].uuid
        assert not (await world.plan(whole)).changeset.actions

    run(story())


@pytest.mark.parametrize("answer", ["502", "504"])
def test_one_whose_restore_no_host_was_asked_for_is_told_so(answer: str) -> None:
    async def story() -> None:
        world, whole = begun("19.0"), copied("19.0")
        host = world.hosts["one"]
        host.faults.add(FaultSpec.parse(f"page.web/database/restore:{answer}:count=1"))
        (outcome,) = (await world.reconcile(whole)).outcomes
        assert (outcome.result, "the host shows no trace of it" in outcome.detail) == (Result.FAILED, True)
        assert "keeps its pages" not in outcome.detail
        assert "acme-staging" not in host.databases

    run(story())
