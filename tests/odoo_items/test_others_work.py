"""Modules that somebody else installs, upgrades or removes: that work is left alone; what this fleet began is finished.

Odoo keeps no list of who is at work. It is told from the states of modules, from when they last changed, and from a note that
the tool leaves before it presses an install in a database that others reach too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from reconciler.core.deciding import Limits
from reconciler.core.model.outcomes import Result
from reconciler.engine.reconcile import carry_out, plan
from reconciler.simulator.databases import SimulatedDatabase
from reconciler.simulator.seed import utc_text
from tests.harness.universe import Process, read
from tests.harness.virtual_time import run
from tests.odoo_items.stage import ACME, Stage, both, failed, instance, password

MODEL = "ir.module.module"
INSTALL, RESET = f"{MODEL}.button_immediate_install", f"{MODEL}.button_reset_state"
NOTE = "odoo_fleet.pending_modules"
WITH_CONTACTS = instance("acme", server="one", modules="[contacts]")
SEVERAL = instance("acme", server="one", modules="[calendar, crm]")
RENAMED_COMPANY = instance("acme", server="one", company="Another name")


def set_state(stage: Stage, database: SimulatedDatabase, module: str, state: str) -> None:
    row = next(database.matching(MODEL, name=module))
    database.update(MODEL, row["id"], {"state": state, "write_date": utc_text(stage.host.now())})


class Upgrade:
    """`odoo -u base` by an operator: all modules are scheduled at once, then one after the other is through."""

    def __init__(self, stage: Stage, name: str = "acme") -> None:
        self.stage, self.database = stage, stage.database(name)
        self.left = sorted(self.database.installed())
        self.disturbed = ""
        for module in self.left:
            set_state(stage, self.database, module, "to upgrade")

    async def run(self, seconds_a_module: float) -> None:
        while self.left:
            await asyncio.sleep(seconds_a_module)
            states = self.database.modules()
            reset = [m for m in self.left if states[m] != "to upgrade"]
            self.disturbed = self.disturbed or f"{reset} are {states[reset[0]]}" if reset else self.disturbed
            set_state(self.stage, self.database, self.left.pop(0), "installed")


async def press_install(stage: Stage, module: str) -> object:
    """Press it as a person does, with the account that the tool uses too."""
    client, secret = stage.client, password("instance/acme")
    found = await client.execute("acme", MODEL, "search", [["name", "=", module]], password=secret)
    return await client.execute("acme", MODEL, "button_immediate_install", found, password=secret)


@contextmanager
def nothing_changed(stage: Stage, name: str = "acme") -> Iterator[None]:
    before = stage.database(name).revision, stage.host.listed()
    yield
    assert (stage.database(name).revision, stage.host.listed()) == before


@both
@pytest.mark.parametrize(
    "text", [ACME, RENAMED_COMPANY, WITH_CONTACTS, instance("acme", server="one", state="suspended")]
)
def test_a_database_in_which_somebody_upgrades_modules_is_left_alone_and_says_why(version: str, text: str) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied(ACME)
        Upgrade(stage)
        stage.forget()
        with nothing_changed(stage):
            passed = await stage.apply(text)
        assert passed.outcomes == ()
        (blocked,) = passed.planned.changeset.blocked
        assert blocked.address == "instance/acme"
        assert "somebody is at work in it: modules a" in blocked.why
        assert "are 'to upgrade' since 2026-11-24 12:0" in blocked.why
        assert "looked at again later" in blocked.why
        assert "reset the states" in blocked.advice

    run(scenario())


@both
def test_an_upgrade_that_runs_for_minutes_is_not_disturbed_and_what_was_asked_for_is_done_after_it(
    version: str,
) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied(ACME)
        upgrade = Upgrade(stage)
        running = asyncio.ensure_future(upgrade.run(20))
        while not running.done():
            stage.forget()
            await stage.apply(RENAMED_COMPANY)
            await asyncio.sleep(10)
        assert upgrade.disturbed == ""
        assert stage.calls(RESET) == 0
        await stage.applied(RENAMED_COMPANY)
        assert stage.database("acme").rows("res.company")[1]["name"] == "Another name"

    run(scenario())


@both
@pytest.mark.parametrize("minutes", [299, 301])
def test_states_that_nobody_changed_for_longer_than_odoo_waits_are_put_right(version: str, minutes: int) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied(WITH_CONTACTS)
        set_state(stage, stage.database("acme"), "contacts", "to upgrade")
        await asyncio.sleep(minutes * 60)
        stage.forget()
        if minutes > 300:
            await stage.applied(WITH_CONTACTS)
            assert stage.database("acme").modules()["contacts"] == "installed"
        else:
            passed = await stage.apply(WITH_CONTACTS)
            assert passed.outcomes == ()
            assert stage.database("acme").modules()["contacts"] == "to upgrade"

    run(scenario())


@both
@pytest.mark.parametrize("state", ["to install", "to upgrade", "to remove"])
def test_what_stood_still_ends_with_no_module_removed_and_nothing_left_half_way(version: str, state: str) -> None:
    """A module that no text declares. Up to 18 the next install would carry out a removal that somebody scheduled."""

    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied(ACME)
        acme = stage.database("acme")
        if state != "to install":
            await press_install(stage, "contacts")
        set_state(stage, acme, "contacts", state)
        before = set(acme.rows("ir.model"))
        await asyncio.sleep(6 * 3600)
        stage.forget()
        await stage.applied(instance("acme", server="one", modules="[calendar]"))
        assert acme.modules()["contacts"] == "installed"
        assert before <= set(acme.rows("ir.model"))

    run(scenario())


@both
def test_a_long_upgrade_that_goes_on_is_not_stale_however_long_ago_it_began(version: str) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied(ACME)
        upgrade = Upgrade(stage)
        running = asyncio.ensure_future(upgrade.run(3600))
        await asyncio.sleep(7 * 3600 + 60)
        stage.forget()
        passed = await stage.apply(RENAMED_COMPANY)
        assert "somebody is at work" in passed.planned.changeset.blocked[0].why
        await running
        assert upgrade.disturbed == ""

    run(scenario())


@both
@pytest.mark.parametrize("text", [RENAMED_COMPANY, WITH_CONTACTS])
def test_one_that_begins_between_the_plan_and_the_act_is_left_alone_too(version: str, text: str) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied(ACME)
        desired = read(stage.text(text))
        world = stage.world.world(desired, Process())
        planned = await plan(desired, world, Limits())
        assert [a.verb for a in planned.changeset.actions] == ["configure"]
        Upgrade(stage)
        with nothing_changed(stage):
            passed = await carry_out(planned, desired, world, Limits())
        assert "somebody is at work" in failed(passed, "configure instance/acme")

    run(scenario())


@both
def test_one_that_begins_just_before_an_install_is_pressed_is_left_alone_too(version: str) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied(ACME)
        begun: list[Upgrade] = []

        def begin(step: str) -> None:
            if not begun and step == "execute.committed" and stage.database("acme").parameter(NOTE):
                begun.append(Upgrade(stage))

        stage.host.on_step = begin
        before = stage.calls(INSTALL)
        passed = await stage.apply(WITH_CONTACTS)
        stage.host.on_step = lambda _step: None
        assert begun
        assert "somebody is at work" in failed(passed, "configure instance/acme")
        assert stage.calls(RESET) == 0
        assert stage.calls(INSTALL) == before
        assert stage.database("acme").parameter(NOTE) is None
        await begun[0].run(1)
        assert begun[0].disturbed == ""
        await stage.applied(WITH_CONTACTS)

    run(scenario())


@both
def test_an_install_that_the_customer_pressed_is_not_reset(version: str) -> None:
    async def scenario() -> None:
        stage = Stage(version, speed=20.0)
        await stage.applied(ACME)
        pressed = asyncio.ensure_future(press_install(stage, "crm"))
        while "to install" not in stage.database("acme").modules().values():
            await asyncio.sleep(0.1)
        stage.forget()
        passed = await stage.apply(RENAMED_COMPANY)
        assert "somebody is at work" in passed.planned.changeset.blocked[0].why
        await pressed
        assert stage.database("acme").modules()["crm"] == "installed"

    run(scenario())


@both
@pytest.mark.parametrize("occurrence", [1, 2, 3])
def test_an_install_of_ours_that_was_cut_short_with_both_sides_dead_is_known_by_its_note_and_finished(
    version: str, occurrence: int
) -> None:
    async def scenario() -> None:
        whole, stage = Stage(version), Stage(version)
        await whole.applied(SEVERAL)
        await stage.applied(ACME)
        seen = 0

        def both_die(step: str) -> bool:
            nonlocal seen
            seen += step == "install.module"
            if step == "install.module" and seen == occurrence:
                stage.host.kill()
                return True
            return False

        await stage.apply_killed(both_die, SEVERAL)
        stage.host.start()
        acme = stage.database("acme")
        assert acme.parameter(NOTE) == "calendar,crm"
        assert "to install" in acme.modules().values()
        await stage.applied(SEVERAL)
        assert acme.installed() == whole.database("acme").installed()
        assert acme.parameter(NOTE) is None

    run(scenario())


@both
def test_an_install_of_ours_that_still_runs_is_waited_for(version: str) -> None:
    async def scenario() -> None:
        stage = Stage(version, speed=30.0)
        await stage.applied(ACME)
        await stage.apply_killed(lambda step: step == "install.scheduled", WITH_CONTACTS)
        await stage.applied(WITH_CONTACTS)
        assert stage.calls(RESET) == 0
        assert stage.calls(INSTALL) == 2, "the template's, and the one that was cut"

    run(scenario())


@both
def test_a_note_whose_install_never_began_claims_nothing_of_what_others_begin(version: str) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied(ACME)
        acme = stage.database("acme")
        acme.set_parameter(NOTE, "contacts")
        for module in ("crm", "sales_team"):
            set_state(stage, acme, module, "to install")
        stage.forget()
        with nothing_changed(stage):
            passed = await stage.apply(WITH_CONTACTS)
        assert "somebody is at work" in passed.planned.changeset.blocked[0].why

    run(scenario())


@both
def test_a_note_that_nothing_came_of_is_found_and_finished(version: str) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied(ACME)
        stage.database("acme").set_parameter(NOTE, "contacts")
        stage.forget()
        await stage.applied(ACME)
        assert stage.database("acme").parameter(NOTE) is None
        assert stage.database("acme").modules()["contacts"] == "installed"

    run(scenario())


@both
def test_a_template_in_which_somebody_is_at_work_is_neither_changed_nor_cloned(version: str) -> None:
    """A clone made meanwhile would kill the operation, and be half-made."""

    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied()
        Upgrade(stage, "template_base")
        stage.forget()
        with nothing_changed(stage, "template_base"):
            passed = await stage.apply(ACME)
        assert passed.outcomes == ()
        assert {b.address for b in passed.planned.changeset.blocked} == {"template/base", "instance/acme"}
        assert stage.calls("db.duplicate_database") == 0

    run(scenario())


@both
def test_a_template_that_memory_takes_for_ready_is_not_cloned_while_somebody_is_at_work_in_it(version: str) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied()
        Upgrade(stage, "template_base")
        with nothing_changed(stage, "template_base"):
            passed = await stage.apply(ACME)
        assert "are being changed" in failed(passed, "clone instance/acme")
        assert stage.calls("db.duplicate_database") == 0

    run(scenario())


@both
def test_what_is_not_looked_at_deeply_is_looked_at_before_it_is_renamed(version: str) -> None:
    """A rename ends whatever works in a database, and memory alone plans a suspension."""

    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied(ACME)
        Upgrade(stage)
        with nothing_changed(stage):
            passed = await stage.apply(instance("acme", server="one", state="suspended"))
        assert "somebody is at work" in failed(passed, "suspend instance/acme")

    run(scenario())


@both
def test_an_install_that_the_host_refuses_leaves_no_note_and_no_server_action(version: str) -> None:
    async def scenario() -> None:
        stage = Stage(version)
        await stage.applied(ACME)
        actions = set(stage.database("acme").rows("ir.actions.server"))
        stage.fault("object.ir.module.module.button_immediate_install:error=module-cron:for=1h")
        passed = await stage.apply(WITH_CONTACTS)
        assert passed.outcomes[0].result is Result.FAILED
        assert stage.database("acme").parameter(NOTE) is None
        assert set(stage.database("acme").rows("ir.actions.server")) == actions
        stage.host.faults.clear()
        await stage.applied(WITH_CONTACTS)

    run(scenario())
