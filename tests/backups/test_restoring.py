"""An instance that is built from a backup: its source's rows, files and people, its own name, password and address."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.core.deciding import Limits
from reconciler.core.model import verbs
from reconciler.core.model.outcomes import Result
from reconciler.simulator.databases import SimulatedDatabase
from tests.backups.stage import Stage, stage
from tests.faults.shares import EXHAUSTIVE
from tests.harness.universe import Killed, Process, instance
from tests.harness.virtual_time import run

both = pytest.mark.parametrize("version", ["19.0", "14.0"])
COPY = "{backup: latest, of: acme}"


async def lived_in(root: Path, version: str) -> Stage:
    """A customer with a user of their own, a mail server, and a backup."""
    made = await stage(root, version)
    acme = made.universe.hosts["one"].databases["acme"]
    acme.insert("res.users", {**acme.rows("res.users")[2], "login": "pilot", "password": "their own"})
    acme.insert("ir.mail_server", {"name": "out", "active": True, "smtp_host": "mail"})
    acme.insert("ir.mail_server", {"name": "old", "active": False, "smtp_host": "mail"})
    await made.back_up()
    return made


def building(made: Stage) -> list[str]:
    return [name for name in made.universe.hosts["one"].listed() if name.startswith("building-")]


def active(database: SimulatedDatabase, model: str) -> set[int]:
    return {row["id"] for row in database.matching(model, active=True)}


@both
def test_a_second_one_has_all_of_the_first_and_is_itself(tmp_path: Path, version: str) -> None:
    async def story() -> None:
        made = await lived_in(tmp_path / "target", version)
        host = made.universe.hosts["one"]
        text = made.text(instance("beta", restore_from=COPY))
        passed = await made.apply(text)
        assert passed.ok, passed
        assert [o.action.id for o in passed.outcomes] == ["restore instance/beta on one"]
        acme, beta = host.databases["acme"], host.databases["beta"]
        for model in ("res.partner", "res.users", "ir.attachment"):
            assert len(beta.rows(model)) == len(acme.rows(model)), model
        assert host.files("beta") == host.files("acme")
        assert next(beta.matching("res.users", login="pilot"))["password"] == "their own"
        admins = [next(each.matching("res.users", login="admin"))["password"] for each in (acme, beta)]
        assert admins[0] != admins[1]
        assert beta.parameter("web.base.url") == "https://beta.example.com"
        assert beta.uuid != acme.uuid
        assert (beta.parameter("odoo_fleet.code"), beta.parameter("odoo_fleet.uuid")) == ("beta", beta.uuid)
        for model in ("ir.cron", "ir.mail_server"):
            assert active(beta, model) == active(acme, model)
        assert beta.parameter("odoo_fleet.quiesced_mail_servers") is None
        again = await made.apply(text)
        assert not again.planned.changeset.actions

    run(story())


@both
def test_nothing_of_it_runs_or_is_mailed_before_it_is_published(tmp_path: Path, version: str) -> None:
    async def story() -> None:
        made = await lived_in(tmp_path / "target", version)
        host = made.universe.hosts["one"]
        sent = len(host.outbox)
        passed = await made.apply(made.text(instance("beta", restore_from=COPY)))
        assert passed.ok, passed
        names = {each.name for each in host.outbox[sent:]}
        assert names <= {"acme", "beta", "switching.beta", "template_base"}, names

    run(story())


@both
def test_a_suspended_one_stays_asleep_until_it_is_resumed(tmp_path: Path, version: str) -> None:
    async def story() -> None:
        made = await lived_in(tmp_path / "target", version)
        host = made.universe.hosts["one"]
        passed = await made.apply(made.text(instance("beta", restore_from=COPY, state="suspended")))
        assert passed.ok, passed
        beta = host.databases["suspended.beta"]
        assert (active(beta, "ir.cron"), active(beta, "ir.mail_server")) == (set(), set())
        passed = await made.apply(made.text(instance("beta", restore_from=COPY)))
        assert passed.ok, passed
        for model in ("ir.cron", "ir.mail_server"):
            assert active(host.databases["beta"], model) == active(host.databases["acme"], model)

    run(story())


@both
def test_a_customer_who_was_lost_comes_back_under_the_same_name(tmp_path: Path, version: str) -> None:
    async def story() -> None:
        made = await lived_in(tmp_path / "target", version)
        host = made.universe.hosts["one"]
        gone = host.databases.pop("acme")
        host.filestore.pop("acme")
        text = made.text(restore_from="{}")
        frozen = await made.apply(text)
        assert not [o for o in frozen.outcomes if o.action.verb is verbs.RESTORE], (
            "a list that has shrunk is not believed"
        )
        passed = await made.apply(text, Limits(confirmed_listings={"one"}))
        assert passed.ok, passed
        assert len(host.databases["acme"].rows("res.users")) == len(gone.rows("res.users"))

    run(story())


def test_without_a_backup_nothing_is_made(tmp_path: Path) -> None:
    async def story() -> None:
        made = await stage(tmp_path / "target")
        text = made.text(instance("beta", restore_from="{of: nobody}"))
        (outcome,) = (await made.apply(text)).outcomes
        assert outcome.result is Result.FAILED
        assert "there is no backup of instance/nobody" in outcome.detail
        text = made.text(instance("beta", restore_from="{backup: 2020-01-01, of: acme}"))
        await made.back_up()
        made.universe.clock.skew += timedelta(hours=1)
        (outcome,) = (await made.apply(text)).outcomes
        assert "there is no backup '2020-01-01' of instance/acme" in outcome.detail
        assert not [call for call in made.universe.hosts["one"].calls if "restore" in call.method]

    run(story())


@both
@pytest.mark.parametrize("step", ["restore.listed", "restore.rows", "restore.done", "rename.database", "rename.files"])
def test_a_host_that_dies_on_the_way_leaves_one_customer_or_none_and_the_next_passes_end_it(
    tmp_path: Path, version: str, step: str
) -> None:
    async def story() -> None:
        made = await lived_in(tmp_path / "target", version)
        host = made.universe.hosts["one"]
        text = made.text(instance("beta", restore_from=COPY))

        def die(reached: str) -> None:
            if reached == step:
                host.on_step = lambda _step: None
                host.kill()

        host.on_step = die
        await made.apply(text)
        host.start()
        sent = len(host.outbox)
        for _ in range(3):
            made.universe.clock.skew += timedelta(hours=3)
            await made.apply(text)
        assert "beta" in host.listed()
        assert building(made) == []
        assert host.files("beta") == host.files("acme")
        assert len(host.databases["beta"].rows("res.users")) == len(host.databases["acme"].rows("res.users"))
        assert {each.name for each in host.outbox[sent:]} <= {"acme", "beta", "switching.beta", "template_base"}

    run(story())


@both
def test_a_reconciler_killed_at_any_request_leaves_one_customer_or_none_and_the_next_passes_end_it(
    tmp_path: Path, version: str
) -> None:
    async def story() -> None:
        made = await lived_in(tmp_path / "target", version)
        start, text = made.universe, made.text(instance("beta", restore_from=COPY))
        made.universe, whole = start.branch(), Process()
        await made.apply(text, process=whole)
        step = 1 if EXHAUSTIVE else 5
        for number in range(1, whole.sent + 1, step):
            made.universe = start.branch()
            with contextlib.suppress(Killed, BaseExceptionGroup):
                await made.apply(text, process=Process(kill_after=number))
            for _ in range(3):
                made.universe.clock.skew += timedelta(hours=3)
                await made.apply(text)
            host = made.universe.hosts["one"]
            assert [name for name in host.listed() if name.endswith("beta")] == ["beta"], number
            assert host.files("beta") == host.files("acme")
            assert {each.name for each in host.outbox} <= {"acme", "beta", "switching.beta", "template_base"}

    run(story())
