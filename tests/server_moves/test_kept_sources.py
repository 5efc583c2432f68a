"""What a move keeps as a backup of what it packs, what it tells on its way, and where that is if it fails."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.backups.catalogue import BackupEntry
from reconciler.core.deciding import Limits, Planned
from reconciler.core.model.outcomes import Outcome, Result
from reconciler.engine import backing_up
from reconciler.engine.reconcile import carry_out, plan
from reconciler.engine.worlds import World
from reconciler.fleet.desired import Desired
from reconciler.loading.secrets import SecretResolver
from reconciler.notices.events import ActionStep
from reconciler.simulator import FaultSpec
from reconciler.targets.directories import Directory
from reconciler.wiring import DeclaredTargets
from tests.harness.universe import ENVIRON, Process, Universe, read
from tests.harness.virtual_time import run
from tests.server_moves.stage import begun, text

ONE = "{keep: {last: 1, daily: 0, weekly: 0, monthly: 0}}"
IN_MAIN = "{target: main, keep: {last: 5}}"


class Kept:
    """A customer on alpha whose text may ask for backups, with targets of these names."""

    def __init__(self, root: Path, *targets: str) -> None:
        self.root, self.targets, self.world = root, targets, begun()
        for each in targets:
            (root / each).mkdir()

    def text(self, server: str, policy: str = "") -> str:
        written = text(server).replace("code: starter\n", f"code: starter\nbackup: {policy or 'false'}\n", 1)
        urls = ", ".join(f"{each}: {{url: 'file://{self.root / each}'}}" for each in self.targets)
        return written.replace("secret_key:", f"backup_targets: {{{urls}}}\nsecret_key:", 1)

    def ports(self, written: str) -> tuple[Desired, World]:
        desired = read(written)
        targets = DeclaredTargets(desired, Path("fleet"), SecretResolver(desired, ENVIRON, Path("fleet")))
        return desired, replace(self.world.world(desired, Process()), targets=targets)

    async def planned(self, written: str) -> Planned:
        desired, ports = self.ports(written)
        return await plan(desired, ports, Limits())

    async def carried_out(self, planned: Planned, written: str) -> Outcome:
        """Move it as planned, while this is the text."""
        desired, ports = self.ports(written)
        (outcome,) = (await carry_out(planned, desired, ports, Limits())).outcomes
        assert outcome.result is Result.DONE, outcome
        return outcome

    async def moved(self, policy: str, server: str = "beta") -> Outcome:
        written = self.text(server, policy)
        return await self.carried_out(await self.planned(written), written)

    async def backups(self, target: str = "main") -> list[BackupEntry]:
        return await backing_up.entries(Directory(target, self.root / target), "demo")


def test_older_backups_are_thinned_out_as_its_policy_says(tmp_path: Path) -> None:
    made = Kept(tmp_path, "main")

    async def story() -> None:
        for server in ("beta", "alpha", "beta"):
            await made.moved(ONE, server)
            await made.world.clock.sleep(3600)
        assert sorted(each.server for each in await made.backups()) == ["alpha", "beta"], "the last of each server"

    run(story())


def test_of_several_targets_it_is_kept_in_the_one_that_its_policy_names(tmp_path: Path) -> None:
    made = Kept(tmp_path, "main", "other")

    async def story() -> None:
        outcome = await made.moved(IN_MAIN)
        (kept,) = await made.backups()
        assert outcome.detail.endswith(f"; backed up as {kept.id} in main")
        assert await made.backups("other") == []

    run(story())


@pytest.mark.parametrize("later", ["", IN_MAIN], ids=["no policy", "a policy since"])
def test_what_the_plan_does_not_show_is_not_kept(tmp_path: Path, later: str) -> None:
    made = Kept(tmp_path, "main")

    async def story() -> None:
        outcome = await made.carried_out(await made.planned(made.text("beta")), made.text("beta", later))
        assert re.fullmatch(r"what was on alpha is moved-\d{12}\.acme there", outcome.detail)
        assert await made.backups() == []

    run(story())


# What is told, and what becomes of it


def steps(world: Universe) -> list[str]:
    told = [event for event in world.events if isinstance(event, ActionStep)]
    assert {event.action.id for event in told} <= {"move instance/acme on beta"}
    return [event.step for event in told]


def test_each_step_is_told_while_it_is_under_way(tmp_path: Path) -> None:
    made = Kept(tmp_path, "main")

    async def story() -> None:
        made.world.events.clear()
        await made.moved(ONE)
        told = steps(made.world)
        packed = ["taking out of reach", "packing on alpha", "keeping a backup", "unpacking on beta"]
        assert told[:4] == packed
        assert "leaving alpha" in told[4:]

    run(story())


@pytest.mark.parametrize(("state", "name"), [("active", "acme"), ("suspended", "suspended.acme")])
def test_one_that_fails_is_back_as_it_was_in_service_or_out_of_it(state: str, name: str) -> None:
    world = begun(before=text("alpha", state=state))

    async def story() -> None:
        alpha = world.hosts["alpha"]
        awake = {row["id"] for row in alpha.databases[name].rows("ir.cron").values() if row["active"]}
        world.hosts["beta"].faults.add(FaultSpec.parse("page.web/database/restore:502"))
        world.events.clear()
        (outcome,) = (await world.reconcile(text("beta", state=state))).outcomes
        assert outcome.result is not Result.DONE
        assert "it is back on alpha as it was" in outcome.detail
        assert alpha.listed() == sorted([name, "shop", "template_base"])
        assert {row["id"] for row in alpha.databases[name].rows("ir.cron").values() if row["active"]} == awake
        assert bool(awake) is ("waking scheduled actions" in steps(world)) is (state == "active")

    run(story())
