"""Modules that the text wants absent: all that goes is shown before, nothing else goes, and what is cut short is ended."""

from __future__ import annotations

import asyncio

import pytest

from reconciler.core.deciding import Limits
from reconciler.core.model import verbs
from reconciler.core.model.actions import FieldChange, Reason
from reconciler.core.model.observed import NOTED_REMOVAL
from reconciler.core.model.outcomes import Result
from reconciler.engine.reconcile import Passed
from reconciler.reports.changeset_markdown import render_changeset_markdown
from reconciler.simulator import SimulatedHost
from reconciler.simulator.module_service import UNINSTALL_STEPS
from tests.engine.test_upgrades import killed_at, parameters
from tests.faults.shares import moments
from tests.harness.universe import Process, Universe, fleet, instance, read, universe
from tests.harness.virtual_time import run

VERSIONS = pytest.mark.parametrize("version", ["19.0", "14.0"])
WITH = "[crm]"
ALONG = {"modules.crm": "uninstalled", "modules.crm_sms": "uninstalled with crm, which it depends on"}


def text_of(version: str = "19.0", says: str = "", **fields: object) -> str:
    return fleet(instance("acme", **fields), servers={"one": version}).replace("secret_key:", f"{says}secret_key:", 1)


async def built(version: str = "19.0", workers: int = 0) -> tuple[Universe, SimulatedHost]:
    world = universe({"one": version}, workers=workers)
    assert (await world.reconcile(text_of(version, modules=WITH))).ok
    return world, world.hosts["one"]


def module(host: SimulatedHost, name: str, database: str = "acme") -> str:
    return host.databases[database].modules()[name]


def set_modules(host: SimulatedHost, state: str, *names: str) -> None:
    database = host.databases["acme"]
    for name in names:
        (row,) = database.matching("ir.module.module", name=name)
        database.update("ir.module.module", row["id"], {"state": state, "write_date": "2026-01-01 00:00:00"})


def shown(passed: Passed) -> dict[str, str]:
    found = [a for a in passed.planned.changeset.actions if a.verb is verbs.UNINSTALL]
    return {change.field: change.desired for action in found for change in action.changes}


@VERSIONS
@pytest.mark.parametrize("workers", [0, 3])
@pytest.mark.parametrize("state", ["active", "suspended"])
def test_what_is_wanted_absent_goes_with_what_depends_on_it_as_the_plan_shows(
    version: str, workers: int, state: str
) -> None:
    async def scenario() -> None:
        world, host = await built(version, workers)
        text = text_of(version, modules_absent=WITH, state=state)
        passed = await world.reconcile(text)
        assert shown(passed) == ALONG
        assert passed.ok
        assert passed.after.changeset.is_converged
        name = "acme" if state == "active" else "suspended.acme"
        assert {module(host, each, name) for each in ("crm", "crm_sms")} == {"uninstalled"}
        assert module(host, "mail", name) == "installed"
        assert NOTED_REMOVAL not in parameters(host, name)
        assert not (await world.reconcile(text)).outcomes

    run(scenario())


def test_a_reviewer_reads_who_loses_what() -> None:
    async def scenario() -> None:
        world, _ = await built()
        text = text_of(modules_absent=WITH)
        page = render_changeset_markdown((await world.plan(text)).changeset, read(text))
        assert "> **1 customer loses modules and what is in them:** `acme`" in page
        for field, becomes in ALONG.items():
            assert f"  - `{field}`: installed → {becomes}" in page

    run(scenario())


def test_what_somebody_installs_again_goes_again_and_a_line_that_is_taken_out_installs_nothing() -> None:
    async def scenario() -> None:
        world, host = await built()
        text = text_of(modules_absent=WITH)
        await world.reconcile(text)
        set_modules(host, "installed", "crm")
        await world.clock.sleep(25 * 3600)
        passed = await world.reconcile(text)
        assert [(o.action.verb, o.action.reason) for o in passed.outcomes] == [(verbs.UNINSTALL, Reason.DRIFTED)]
        assert (await world.reconcile(text_of())).ok
        assert module(host, "crm") == "uninstalled"

    run(scenario())


def test_a_new_customer_gets_none_of_what_its_template_has_brought() -> None:
    async def scenario() -> None:
        world = universe()
        assert (await world.reconcile(text_of())).ok
        both = fleet(instance("acme"), instance("beta", modules_absent="[phone_validation]"))
        first = await world.reconcile(both)
        assert [(o.action.verb, o.result) for o in first.outcomes] == [(verbs.CLONE, Result.DONE)]
        assert [a.verb for a in first.after.changeset.actions] == [verbs.UNINSTALL], "shown before it is done"
        assert not first.ok, "beta is not as its text says"
        passed = await world.reconcile(both)
        assert passed.ok
        assert module(world.hosts["one"], "phone_validation", "beta") == "uninstalled"
        assert module(world.hosts["one"], "phone_validation", "acme") == "installed"
        assert passed.after.changeset.is_converged

    run(scenario())


@VERSIONS
def test_a_name_that_is_no_modules_is_told_once_with_the_nearest_and_nothing_else_is_done(version: str) -> None:
    told = FieldChange(
        "modules.crmm", "unknown there", "absent (no module has this name: nothing goes; did you mean 'crm'?)"
    )

    async def scenario() -> None:
        world, host = await built(version)
        text = text_of(version, modules=WITH, modules_absent="[crmm, sale]")  # sale is one, and is not there
        before, calls = dict(host.databases["acme"].modules()), len(host.calls)
        (action,) = (planned := await world.plan(text)).changeset.actions
        assert action.verb is verbs.CONFIGURE
        assert [c for c in action.changes if c.field.startswith("modules")] == [told]
        asked = [call.model_method for call in host.calls[calls:]]
        assert asked.count("ir.module.module.search_read") == 1, "asked in the call that reads the modules anyway"
        passed = await world.reconcile(text)
        assert (passed.ok, passed.after.changeset.is_converged) == (True, True)
        assert planned.changeset.blocked == ()
        assert host.databases["acme"].modules() == before
        world.memory = None
        assert (await world.plan(text)).changeset.is_converged

    run(scenario())


def test_of_a_new_customer_it_is_told_when_it_is_built() -> None:
    async def scenario() -> None:
        world = universe()
        assert (await world.reconcile(text_of())).ok
        both = fleet(instance("acme"), instance("beta", modules_absent="[mailx, sale]"), instance("cafe"))
        passed = await world.reconcile(both)
        why = "modules.mailx: unknown there → absent (no module has this name: nothing goes; did you mean 'mail'?)"
        assert {o.action.code: o.detail for o in passed.outcomes} == {"beta": why, "cafe": ""}
        assert passed.ok
        assert passed.after.changeset.is_converged

    run(scenario())


@pytest.mark.parametrize(
    ("declared", "absent", "because"),
    [
        ({"modules": "[crm]"}, "[mail]", "crm"),  # through others
        ({"modules": "[crm_sms]"}, "[crm]", "crm_sms"),
        ({"modules": "[website]"}, "[crm]", ""),  # nothing to do with it
    ],
)
def test_what_is_declared_never_goes_along_and_the_rest_of_the_text_is_obeyed(
    declared: dict[str, str], absent: str, because: str
) -> None:
    async def scenario() -> None:
        world, host = await built()
        before = dict(host.databases["acme"].modules())
        text = text_of(**declared, modules_absent=absent, state="suspended")
        if because == "crm":  # the template declares mail too, which the text's own rule would refuse
            text = text.replace("modules: [base, web, mail]", "modules: [base, web]")
        passed = await world.reconcile(text)
        blocked = [b.why for b in passed.after.changeset.blocked if b.code == "acme"]
        if because:
            assert f"{because} " in blocked[0]
            assert "depends on it, which is declared" in blocked[0]
            assert host.databases["suspended.acme"].modules() == before
            assert (await world.plan(text)).changeset.blocked, "said as long as it stands"
        else:
            assert not blocked
            assert module(host, "crm", "suspended.acme") == "uninstalled"

    run(scenario())


def test_it_counts_as_a_removal_and_waits_for_pauses_and_windows() -> None:
    async def scenario() -> None:
        world, host = await built()
        text = text_of(says="safety: {max_removals: 0}\n", modules_absent=WITH)
        blocked = (await world.reconcile(text)).planned.changeset.blocked
        assert any("or lose modules, more than safety.max_removals" in b.why for b in blocked)
        window = "windows: [{verbs: [uninstall], from: '00:00', to: '00:01'}]\n"
        passed = await world.reconcile(text_of(says=window, modules_absent=WITH))
        assert [str(w.action.verb) for w in passed.planned.changeset.withheld] == ["uninstall", "configure"]
        assert module(host, "crm") == "installed"
        assert (await world.reconcile(text, limits=Limits(allowed=["removals"]))).ok
        assert module(host, "crm") == "uninstalled"

    run(scenario())


@VERSIONS
def test_nothing_goes_that_was_not_shown_though_it_depends_on_it_by_now(version: str) -> None:
    async def scenario() -> None:
        world, host = await built(version)
        set_modules(host, "uninstalled", "crm_sms")
        host.kill()
        host.start()

        def install_meanwhile(step: str) -> None:
            if step == "execute.committed" and NOTED_REMOVAL in parameters(host, "acme"):
                host.on_step = lambda _step: None
                set_modules(host, "installed", "crm_sms")

        host.on_step = install_meanwhile
        passed = await world.reconcile(text_of(version, modules_absent=WITH))
        (outcome,) = (o for o in passed.outcomes if o.action.verb is verbs.UNINSTALL)
        assert outcome.result is Result.FAILED
        assert "crm_sms would be uninstalled too, which was not shown" in outcome.detail
        assert {module(host, each) for each in ("crm", "crm_sms")} == {"installed"}
        assert NOTED_REMOVAL not in parameters(host, "acme")

    run(scenario())


def test_somebody_elses_uninstall_is_left_alone() -> None:
    async def scenario() -> None:
        world, host = await built()
        set_modules(host, "to remove", "crm", "crm_sms")
        database = host.databases["acme"]
        for row in database.matching("ir.module.module", state="to remove"):
            now = world.clock.now().strftime("%Y-%m-%d %H:%M:%S")
            database.update("ir.module.module", row["id"], {"write_date": now})
        passed = await world.reconcile(text_of(modules_absent=WITH))
        (blocked,) = passed.planned.changeset.blocked
        assert "somebody is at work in it" in blocked.why
        assert module(host, "crm") == "to remove"

    run(scenario())


@VERSIONS
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("then", ["absent", "reverted"])
def test_an_uninstall_that_is_killed_at_any_request_is_ended_by_the_next_run_as_its_text_says(
    version: str, moment: str, then: str
) -> None:
    text, after = text_of(version, modules_absent=WITH), text_of(version, modules=WITH)
    after = text if then == "absent" else after

    async def scenario() -> None:
        world, _ = await built(version)
        counted = Process()
        await world.branch().reconcile(text, counted)
        for number in moments(1, counted.sent + 1, 5):
            other = world.branch()
            host = other.hosts["one"]
            process = Process(kill_before=number) if moment == "before" else Process(kill_after=number)
            if not await killed_at(other, text, process):
                continue
            await asyncio.sleep(60)
            await other.reconcile(after)
            passed = await other.reconcile(after)
            assert passed.ok, (number, [str(b) for b in passed.after.changeset.blocked])
            assert passed.after.changeset.is_converged, (number, passed.after.changeset)
            assert module(host, "crm") == ("uninstalled" if then == "absent" else "installed"), number
            assert NOTED_REMOVAL not in parameters(host, "acme"), number

    run(scenario())


@VERSIONS
@pytest.mark.parametrize("step", UNINSTALL_STEPS)
@pytest.mark.parametrize("workers", [0, 2])
def test_a_host_that_dies_at_any_step_of_an_uninstall_has_it_ended_by_the_next_run(
    version: str, step: str, workers: int
) -> None:
    async def scenario() -> None:
        world, host = await built(version, workers)
        text = text_of(version, modules_absent=WITH)

        def die(reached: str) -> None:
            if reached == step:
                host.on_step = lambda _step: None
                host.kill()
                asyncio.get_running_loop().call_later(20, host.start)

        host.on_step = die
        await world.reconcile(text)
        await asyncio.sleep(60)
        await world.reconcile(text)
        passed = await world.reconcile(text)
        assert passed.after.changeset.is_converged, passed.after.changeset
        assert {module(host, each) for each in ("crm", "crm_sms")} == {"uninstalled"}
        assert NOTED_REMOVAL not in parameters(host, "acme")

    run(scenario())


@VERSIONS
def test_two_reconcilers_at_once_uninstall_it_once_and_break_nothing(version: str) -> None:
    async def scenario() -> None:
        world, host = await built(version)
        text = text_of(version, modules_absent=WITH)
        other = Universe(world.hosts, world.clock, None, seed=7, _runs=7)
        await asyncio.gather(world.reconcile(text), other.reconcile(text))
        await world.clock.sleep(600)
        await world.reconcile(text)
        assert (await world.plan(text)).changeset.is_converged
        assert module(host, "crm") == "uninstalled"
        assert module(host, "mail") == "installed"

    run(scenario())
