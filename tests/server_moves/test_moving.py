"""An instance whose text names another server goes on there, with all that is in it; what it was is kept for a while."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.core.deciding import Limits
from reconciler.core.model import names
from reconciler.core.model.names import NameState
from reconciler.engine import backing_up
from reconciler.engine.reconcile import Passed, carry_out, plan
from reconciler.loading.secrets import SecretResolver
from reconciler.simulator import SimulatedHost
from reconciler.simulator.databases import SimulatedDatabase
from reconciler.targets.directories import Directory
from reconciler.wiring import DeclaredTargets
from tests.engine.rounds_stage import Stage, play
from tests.faults.stories import killed_pass
from tests.harness.universe import ENVIRON, Process, Universe, instance, read
from tests.harness.virtual_time import run
from tests.server_moves.stage import begun, text

both = pytest.mark.parametrize("version", ["19.0", "14.0"])
MONTH = 31 * 86400


def rows(database: SimulatedDatabase) -> dict[str, object]:
    """All that people have made, and what tells who they are."""
    tables = ("res.partner", "res.users", "ir.attachment", "customer.order")
    identity = [database.parameter(key) for key in ("database.uuid", "database.secret")]
    return {"identity": identity, **{table: dict(database.rows(table)) for table in tables}}


def lived_in(version: str = "19.0", **fields: object) -> Universe:
    world = begun(version, before=text("alpha", version, **fields) if fields else "")
    (acme,) = [d for name, d in world.hosts["alpha"].databases.items() if names.parse(name).target == "acme"]
    acme.insert("customer.order", {"number": 1})
    acme.insert("res.users", {**acme.rows("res.users")[2], "login": "pilot", "password": "their own"})
    return world


def left_on(host: SimulatedHost) -> list[str]:
    return [name for name in host.listed() if names.parse(name).state is NameState.MOVED]


def ok(world: Universe, written: str) -> Passed:
    passed = run(world.reconcile(written))
    assert passed.ok, [(o.action.id, o.detail) for o in passed.outcomes] + list(passed.after.changeset.blocked)
    assert not run(world.plan(written)).changeset.actions
    return passed


@both
def test_it_has_all_that_it_had_and_is_who_it_was(version: str) -> None:
    world = lived_in(version)
    alpha, beta = world.hosts.values()
    before, files = rows(alpha.databases["acme"]), dict(alpha.files("acme"))
    active = {row["id"] for row in alpha.databases["acme"].rows("ir.cron").values() if row["active"]}
    (outcome,) = ok(world, text("beta", version)).outcomes
    assert re.fullmatch(r"what was on alpha is moved-\d{12}\.acme there", outcome.detail)
    acme = beta.databases["acme"]
    assert (rows(acme), beta.files("acme")) == (before, files)
    assert {row["id"] for row in acme.rows("ir.cron").values() if row["active"]} == active
    (left,) = left_on(alpha)
    assert rows(alpha.databases[left]) == before
    assert not any(row["active"] for row in alpha.databases[left].rows("ir.cron").values())
    assert not [sent for host in world.hosts.values() for sent in host.outbox if sent.name != "acme"]


@both
def test_one_that_is_suspended_is_so_there_and_what_its_text_says_beside_is_applied(version: str) -> None:
    world = lived_in(version, state="suspended")
    ok(world, text("beta", version, state="suspended", company="Acme NV", modules="[contacts]"))
    acme = world.hosts["beta"].databases["suspended.acme"]
    assert acme.modules()["contacts"] == "installed"
    assert acme.rows("res.company")[acme.reference("base.main_company") or 0]["name"] == "Acme NV"
    assert not any(row["active"] for row in acme.rows("ir.cron").values())


def test_once_it_was_in_service_there_the_way_back_is_a_move_with_what_came_since() -> None:
    world = lived_in()
    alpha, beta = world.hosts.values()
    ok(world, text("beta"))
    beta.databases["acme"].insert("customer.order", {"number": 2})
    (action,) = run(world.plan(text("alpha"))).changeset.actions
    assert action.id == "move instance/acme on alpha"
    run(asyncio.sleep(5))
    ok(world, text("alpha"))
    assert [row["number"] for row in alpha.databases["acme"].rows("customer.order").values()] == [1, 2]
    assert (len(left_on(alpha)), len(left_on(beta))) == (1, 1)


async def later(world: Universe, written: str) -> Passed:
    await asyncio.sleep(MONTH)
    return await world.reconcile(written)


def test_what_it_left_behind_is_kept_for_the_retention_and_dropped_after_it() -> None:
    world = lived_in()
    ok(world, text("beta"))
    (left,) = left_on(world.hosts["alpha"])
    (told,) = run(world.plan(text("beta"))).changeset.left_alone
    assert (told.server, told.database) == ("alpha", left)
    assert told.what.startswith("left behind by a move: dropped for good after 2026-12-24")

    async def story() -> None:
        passed = await later(world, text("beta"))
        assert [o.action.id for o in passed.outcomes] == [f"drop {left} on alpha"]
        assert passed.ok

    run(story())
    assert world.hosts["alpha"].listed() == ["shop", "template_base"]


def test_what_it_left_behind_is_not_dropped_while_what_goes_on_is_not_in_service() -> None:
    world = lived_in()
    ok(world, text("beta"))
    (left,) = left_on(world.hosts["alpha"])
    del world.hosts["beta"].databases["acme"]

    async def story() -> None:
        passed = await later(world, text("beta"))
        assert not passed.outcomes
        lost = Limits(confirmed_listings=["beta"])
        passed = await world.reconcile(text("beta"), limits=lost)
        assert not passed.outcomes
        (blocked,) = passed.planned.changeset.blocked
        assert blocked.why == (
            f"{left} on alpha is what this instance was before it was moved: it has gone on on beta since:"
            " what is here was overtaken"
        )

    run(story())
    assert left in world.hosts["alpha"].listed()


def test_what_it_left_behind_of_one_that_has_ended_goes_with_it() -> None:
    world = lived_in()
    ok(world, text("beta"))

    async def story() -> None:
        assert (await world.reconcile(text("beta", state="absent"))).ok
        passed = await later(world, text("beta", state="absent"))
        assert passed.ok
        assert all(host.listed() == ["shop", "template_base"] for host in world.hosts.values())

    run(story())


def test_where_the_plan_asks_for_backups_the_same_archive_is_kept(tmp_path: Path) -> None:
    def kept(server: str) -> str:
        written = text(server).replace("code: starter\n", "code: starter\nbackup: true\n", 1)
        return written.replace("secret_key:", f"backup_targets: {{main: {{url: 'file://{tmp_path}'}}}}\nsecret_key:", 1)

    world = begun(before=kept("alpha"))

    async def story() -> None:
        desired = read(kept("beta"))
        targets = DeclaredTargets(desired, Path("fleet"), SecretResolver(desired, ENVIRON, Path("fleet")))
        ports = replace(world.world(desired, Process()), targets=targets)
        planned = await plan(desired, ports, Limits())
        (action,) = planned.changeset.actions
        assert [(c.field, c.desired) for c in action.changes] == [("backup", "one in main, of what is moved")]
        passed = await carry_out(planned, desired, ports, Limits())
        assert passed.ok
        (entry,) = await backing_up.entries(Directory("main", tmp_path), "demo")
        assert entry.id in passed.outcomes[0].detail
        assert (entry.code, entry.server, entry.database) == ("acme", "alpha", "suspended.acme")
        assert entry.uuid == world.hosts["beta"].databases["acme"].uuid

    run(story())


def test_several_move_one_after_the_other_while_others_are_not_touched() -> None:
    more = [instance("aaa", server="alpha"), instance("ccc", server="beta"), instance("stays", server="alpha")]
    world = begun(before=text("alpha", "19.0", *more))
    uuids = {name: d.uuid for host in world.hosts.values() for name, d in host.databases.items()}
    stays = world.hosts["alpha"].databases["stays"].revision
    swapped = [instance("aaa", server="beta"), instance("ccc", server="alpha"), instance("stays", server="alpha")]
    ok(world, text("beta", "19.0", *swapped))
    assert {name: world.hosts["beta"].databases[name].uuid for name in ("acme", "aaa")} == {
        name: uuids[name] for name in ("acme", "aaa")
    }
    assert world.hosts["alpha"].databases["ccc"].uuid == uuids["ccc"]
    assert world.hosts["alpha"].databases["stays"].revision == stays


def test_a_daemon_moves_it_when_its_text_says_so() -> None:
    world = lived_in()

    async def story(stage: Stage) -> None:
        async with asyncio.timeout(1200):
            while "acme" not in world.hosts["beta"].databases:
                await asyncio.sleep(1)
            await stage.converged()

    play(world, text("beta"), story)
    assert len(left_on(world.hosts["alpha"])) == 1


def test_one_that_was_cut_short_is_finished_in_a_freeze_and_whatever_the_limit_for_changes() -> None:
    world = lived_in()

    async def cut() -> None:
        await killed_pass(world, text("beta"), Process(kill_after=60))

    run(cut())
    assert world.hosts["alpha"].listed()[-2:] == ["suspended.acme", "template_base"]
    held = "freezes: [{from: 2026-11-01, to: 2026-12-31}]\nsafety: {max_changes: 0}\n"
    ok(world, text("beta").replace("code: demo\n", f"code: demo\n{held}", 1))
    assert "acme" in world.hosts["beta"].listed()
