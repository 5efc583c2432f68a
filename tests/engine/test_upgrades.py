"""Newer code on a host: who follows it is upgraded wave by wave, who holds is left alone, and who is broken by it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from reconciler.core.deciding import Limits
from reconciler.core.depths import Depth
from reconciler.core.model import verbs
from reconciler.core.model.observed import NOTED_UPGRADE, UPGRADED
from reconciler.core.model.outcomes import Result
from reconciler.core.model.selection import Selection
from reconciler.engine.reconcile import Passed
from reconciler.notices.events import DatabaseObserved
from reconciler.simulator import Code, SimulatedHost
from tests.faults.shares import moments
from tests.harness.universe import Killed, Process, Universe, fleet, instance, read, universe
from tests.harness.virtual_time import run

CUSTOMERS = ("anna", "bert", "carl", "dora", "emil", "fred")
COLUMN = "res_partner.nickname"
WAVES = "rollout: {waves: [{selector: {ring: canary}}, {percent: 50}, {percent: 100}], soak_minutes: 60}\n"
HOUR = 3600
VERSIONS = pytest.mark.parametrize("version", ["19.0", "14.0"])


def text_of(
    version: str = "19.0", customers: Iterable[str] = CUSTOMERS, says: str = "upgrade: follow\n" + WAVES
) -> str:
    documents = [instance(c, labels="{ring: canary}" if c == "anna" else "{}") for c in customers]
    return fleet(*documents, servers={"one": version}).replace("secret_key:", f"{says}secret_key:", 1)


def deploy(host: SimulatedHost, code: Code, module: str = "mail") -> None:
    host.deploy(module, code)
    host.kill()
    host.start()


def upgraded(passed: Passed) -> list[str]:
    return sorted(o.action.code for o in passed.outcomes if o.action.verb == verbs.UPGRADE and o.result is Result.DONE)


def version_of(host: SimulatedHost, database: str) -> str:
    (row,) = host.databases[database].matching("ir.module.module", name="mail")
    return f"{row['state']} {str(row['latest_version']).removeprefix(f'{host.version}.')}"


def parameters(host: SimulatedHost, database: str) -> dict[str, str]:
    return {row["key"]: row["value"] for row in host.databases[database].rows("ir.config_parameter").values()}


async def built(version: str = "19.0", text: str = "") -> tuple[Universe, SimulatedHost]:
    world = universe({"one": version})
    passed = await world.reconcile(text or text_of(version))
    assert passed.ok
    return world, world.hosts["one"]


@VERSIONS
def test_newer_code_is_noticed_at_once_and_goes_wave_by_wave_with_time_between(version: str) -> None:
    async def scenario() -> None:
        text = text_of(version)
        world, host = await built(version, text)
        second, third = (await world.plan(text)).course.waves[1:]
        deploy(host, Code("1.1", COLUMN))
        done = []
        for _ in range(8):
            passed = await world.reconcile(text)
            assert passed.ok
            done.append(upgraded(passed))
            await world.clock.sleep(HOUR / 2)
        assert done == [["anna", "base"], [], sorted(second), [], sorted(third), [], [], []]
        for name in ("template_base", *CUSTOMERS):
            assert version_of(host, name) == "installed 1.1"
            assert NOTED_UPGRADE not in parameters(host, name)
            assert UPGRADED in parameters(host, name)

    run(scenario())


def test_what_waits_costs_its_host_no_look() -> None:
    async def scenario() -> None:
        text = text_of()
        world, host = await built(text=text)
        deploy(host, Code("1.1"))
        await world.reconcile(text)
        before = len(host.calls)
        passed = await world.reconcile(text)
        assert len(passed.planned.changeset.withheld) == 5
        assert [c.method for c in host.calls[before:]] == ["version", "list", "login", "execute_kw"]

    run(scenario())


def test_without_a_word_nothing_happens_and_who_is_broken_is_told() -> None:
    async def scenario() -> None:
        text = text_of(says="")
        world, host = await built(text=text)
        looked = Limits(depth=Depth.of(read(text), code=True))
        await world.reconcile(text, limits=looked)
        deploy(host, Code("1.1", COLUMN))
        await world.reconcile(text, limits=looked)
        passed = await world.reconcile(text, limits=looked)
        assert not passed.outcomes
        assert not passed.ok
        blocked = {b.code: b for b in passed.planned.changeset.blocked}
        assert blocked.keys() == {*CUSTOMERS, "base"}
        assert f"column {COLUMN} does not exist" in blocked["bert"].why
        assert "mail 19.0.1.0 → 19.0.1.1" in blocked["bert"].why
        assert "upgrade: follow" in blocked["bert"].advice
        assert version_of(host, "bert") == "installed 1.0"

    run(scenario())


def test_who_holds_is_left_alone_among_those_who_follow() -> None:
    async def scenario() -> None:
        text = text_of(says="upgrade: follow\n").replace("code: bert\n", "code: bert\nupgrade: hold\n")
        world, host = await built(text=text)
        deploy(host, Code("1.1"))
        passed = await world.reconcile(text)
        assert upgraded(passed) == ["anna", "base", "carl", "dora", "emil", "fred"]
        assert version_of(host, "bert") == "installed 1.0"
        assert (await world.plan(text)).changeset.is_converged

    run(scenario())


@pytest.mark.parametrize("named", ["instance/bert", "template/base"])
def test_who_holds_and_is_named_by_hand_is_not_upgraded_and_that_is_told_with_why(named: str) -> None:
    async def scenario() -> None:
        text = text_of(says="upgrade: follow\n")
        for code in ("bert", "base"):
            text = text.replace(f"code: {code}\n", f"code: {code}\nupgrade: hold\n")
        world, host = await built(text=text)
        deploy(host, Code("1.1"))
        assert (await world.plan(text)).changeset.withheld == ()
        by_hand = Limits(Selection(frozenset([named])))
        (held,) = (await world.plan(text, by_hand)).changeset.withheld
        assert (held.action.verb, held.action.address) == (verbs.UPGRADE, named)
        assert "mail" in held.action.changes[0].field
        assert "`upgrade: hold`" in held.why
        assert upgraded(await world.reconcile(text, limits=by_hand)) == []

    run(scenario())


@VERSIONS
def test_a_failure_stops_the_rollout_and_nothing_is_half_way(version: str) -> None:
    async def scenario() -> None:
        text = text_of(version)
        world, host = await built(version, text)
        second, third = (await world.plan(text)).course.waves[1:]
        doomed = min(second)
        deploy(host, Code("1.1", COLUMN, "the script is broken", frozenset([doomed])))
        await world.reconcile(text)
        await world.clock.sleep(HOUR)
        passed = await world.reconcile(text)
        (failed,) = [o for o in passed.outcomes if o.result is Result.FAILED]
        assert failed.action.code == doomed
        assert "the script is broken" in failed.detail
        for _ in range(3):
            await world.clock.sleep(2 * HOUR)
            passed = await world.reconcile(text)
            assert not passed.outcomes
            why = {w.action.code: w.why for w in passed.planned.changeset.withheld}
            assert why.keys() >= {doomed, *third}
            assert "the script is broken" in why[doomed]
            assert f"odoo-fleet apply --target {doomed}" in why[doomed]
            assert all(f"the rollout has stopped: the upgrade of {doomed} failed" in why[code] for code in third)
        assert {version_of(host, code) for code in (doomed, *third)} == {"installed 1.0"}

        host.deploy("mail", Code("1.1", COLUMN))
        host.kill()
        host.start()
        passed = await world.reconcile(text, limits=Limits(Selection(frozenset([f"instance/{doomed}"]))))
        assert upgraded(passed) == [doomed]
        for _ in range(3):
            await world.reconcile(text)
            await world.clock.sleep(HOUR)
        assert {version_of(host, code) for code in CUSTOMERS} == {"installed 1.1"}
        assert (await world.plan(text)).changeset.is_converged

    run(scenario())


def test_mended_code_of_a_later_version_is_tried_by_itself() -> None:
    async def scenario() -> None:
        text = text_of()
        world, host = await built(text=text)
        deploy(host, Code("1.1", failure="the script is broken", fails_in=frozenset(["anna"])))
        passed = await world.reconcile(text)
        assert upgraded(passed) == ["base"]
        deploy(host, Code("1.2"))
        passed = await world.reconcile(text)
        assert upgraded(passed) == ["anna", "base"]

    run(scenario())


def test_after_a_failure_the_former_code_ends_it_for_all() -> None:
    async def scenario() -> None:
        text = text_of()
        world, host = await built(text=text)
        deploy(host, Code("1.1", COLUMN, "the script is broken"))
        await world.reconcile(text)
        deploy(host, Code("1.0"))
        passed = await world.reconcile(text)
        assert not passed.outcomes
        assert passed.planned.changeset.is_converged
        deploy(host, Code("1.2", COLUMN))
        assert upgraded(await world.reconcile(text)) == ["anna", "base"]

    run(scenario())


def test_asking_who_is_behind_looks_into_no_more_databases_than_the_rotation_does() -> None:
    async def scenario() -> None:
        names = [f"c{n}" for n in range(20)]
        text = text_of(customers=names, says="")
        world, _ = await built(text=text)
        asked = Limits(depth=Depth.of(read(text), code=True))
        await world.reconcile(text, limits=asked)
        await world.clock.sleep(25 * HOUR)
        world.events.clear()
        await world.plan(text, asked)
        assert sum(isinstance(event, DatabaseObserved) for event in world.events) == 3

    run(scenario())


def test_a_failing_template_is_the_end_of_it_for_its_instances() -> None:
    async def scenario() -> None:
        text = text_of()
        world, host = await built(text=text)
        deploy(host, Code("1.1", failure="the script is broken"))
        passed = await world.reconcile(text)
        assert {o.action.code: o.result for o in passed.outcomes} == {"base": Result.FAILED, "anna": Result.SKIPPED}
        passed = await world.reconcile(text)
        assert not passed.outcomes
        why = {w.action.code: w.why for w in passed.planned.changeset.withheld}
        assert "template/base comes first, whose upgrade failed" in why["anna"]

    run(scenario())


def test_failures_beyond_the_limit_end_a_run_in_the_midst_of_a_wave() -> None:
    async def scenario() -> None:
        says = "upgrade: follow\nrollout: {max_failures: 1}\n"
        names = [f"c{n}" for n in range(20)]
        text = text_of(customers=names, says=says)
        world, host = await built(text=text)
        deploy(host, Code("1.1", failure="the script is broken", fails_in=frozenset(names)))
        passed = await world.reconcile(text, limits=Limits(allowed=["changes"]))
        results = [o.result for o in passed.outcomes if o.action.kind == "instance"]
        assert 2 <= results.count(Result.FAILED) <= 3, "one may be under way beside the one too many"
        assert results.count(Result.SKIPPED) == len(names) - results.count(Result.FAILED)
        assert all("stopped" in w.why or "failed" in w.why for w in passed.after.changeset.withheld)

    run(scenario())


def test_code_that_breaks_databases_without_a_newer_version_has_all_their_modules_upgraded() -> None:
    async def scenario() -> None:
        text = text_of(customers=["anna"], says="upgrade: follow\n")
        world, host = await built(text=text)
        deploy(host, Code("1.0", COLUMN))
        passed = await world.reconcile(text, limits=Limits(depth=Depth(refresh=True)))
        assert upgraded(passed) == ["anna", "base"]
        shown = {c.field: c.desired for o in passed.outcomes for c in o.action.changes}
        assert shown["modules"] == "all upgraded"
        assert passed.after.changeset.is_converged

    run(scenario())


def test_who_is_named_by_hand_waits_for_no_wave_but_for_its_template() -> None:
    async def scenario() -> None:
        text = text_of()
        world, host = await built(text=text)
        last = (await world.plan(text)).course.waves[2][0]
        deploy(host, Code("1.1", COLUMN))
        passed = await world.reconcile(
            text, limits=Limits(Selection(frozenset([f"instance/{last}"])), Depth.of(read(text)))
        )
        assert [o.action.code for o in passed.outcomes] == ["base", last]

    run(scenario())


def test_what_must_be_quiet_is_quiet_after_its_upgrade_and_what_is_suspended_is_upgraded_too() -> None:
    async def scenario() -> None:
        text = text_of(says="upgrade: follow\n").replace("code: bert\n", "code: bert\nstate: suspended\n")
        world, host = await built(text=text)
        deploy(host, Code("1.1", COLUMN))
        passed = await world.reconcile(text)
        assert "bert" in upgraded(passed)
        for name in ("suspended.bert", "template_base"):
            assert version_of(host, name) == "installed 1.1"
            assert not [row for row in host.databases[name].rows("ir.cron").values() if row["active"]]
        assert [row for row in host.databases["anna"].rows("ir.cron").values() if row["active"]]

    run(scenario())


def test_a_window_holds_an_upgrade_back_and_no_new_customer() -> None:
    async def scenario() -> None:
        says = 'upgrade: follow\nwindows: [{verbs: [upgrade], from: "22:00", to: "05:00"}]\n'
        world, host = await built(text=text_of(says=says))
        deploy(host, Code("1.1"))
        text = text_of(says=says, customers=(*CUSTOMERS, "gina"))
        passed = await world.reconcile(text)
        assert [(o.action.verb, o.action.code, o.result) for o in passed.outcomes] == [
            (verbs.CLONE, "gina", Result.DONE)
        ]
        assert all("its window opens at" in w.why for w in passed.planned.changeset.withheld)

    run(scenario())


def test_a_wave_that_is_too_large_stops_and_asks_and_holds_no_new_customer_back() -> None:
    async def scenario() -> None:
        names = [f"c{n}" for n in range(20)]
        world, host = await built(text=text_of(customers=names, says="upgrade: follow\n"))
        deploy(host, Code("1.1"))
        passed = await world.reconcile(text_of(customers=[*names, "gina"], says="upgrade: follow\n"))
        assert [(o.action.verb, o.action.code, o.result) for o in passed.outcomes] == [
            (verbs.CLONE, "gina", Result.DONE)
        ]
        (told,) = {b.why for b in passed.planned.changeset.blocked if b.code == "c1"}
        assert "would be changed, more than safety.max_changes_percent (30)" in told

    run(scenario())


def test_a_host_whose_workers_run_different_code_is_not_upgraded() -> None:
    async def scenario() -> None:
        text = text_of("14.0", says="upgrade: follow\n")
        world, host = await built("14.0", text)
        host.deploy("mail", Code("1.1"))
        answers = iter(["1.1"] * 12 + ["1.0"] * 400)

        class Flickering(dict[str, Code]):
            def get(self, key: str, default: object = None) -> Code:
                return Code(next(answers)) if key == "mail" else Code()

        host.deployed = Flickering()
        passed = await world.reconcile(text)
        assert not upgraded(passed)
        assert {version_of(host, name) for name in CUSTOMERS} == {"installed 1.0"}

    run(scenario())


def test_new_code_that_lets_nobody_log_in_is_told_of_every_customer() -> None:
    async def scenario() -> None:
        text = text_of()
        world, host = await built(text=text)
        deploy(host, Code("1.1", "res_users.nickname"))
        passed = await world.reconcile(text)
        assert {b.code for b in passed.planned.changeset.blocked} == {*CUSTOMERS, "base"}
        assert all("nobody can log in" in b.why for b in passed.planned.changeset.blocked)

    run(scenario())


async def killed_at(world: Universe, text: str, process: Process) -> bool:
    """Run a process; tell whether it was killed."""
    try:
        await world.reconcile(text, process)
    except Killed:
        return True
    except BaseExceptionGroup as group:
        if group.subgroup(Killed) is None:
            raise
        return True
    return False


@VERSIONS
@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_upgrade_that_is_killed_at_any_request_is_brought_to_its_end_by_the_next_run(
    version: str, moment: str
) -> None:
    text = text_of(version, customers=["anna"], says="upgrade: follow\n")

    async def begin() -> Universe:
        world, host = await built(version, text)
        deploy(host, Code("1.1", COLUMN))
        return world

    async def scenario() -> None:
        world = await begin()
        counted = Process()
        await world.branch().reconcile(text, counted)
        for number in moments(1, counted.sent + 1, 3):
            other = world.branch()
            host = other.hosts["one"]
            process = Process(kill_before=number) if moment == "before" else Process(kill_after=number)
            if not await killed_at(other, text, process):
                continue
            await asyncio.sleep(60)
            await other.reconcile(text)
            passed = await other.reconcile(text)
            assert passed.ok, (number, [str(b) for b in passed.after.changeset.blocked])
            assert passed.after.changeset.is_converged, (number, passed.after.changeset)
            for name in ("anna", "template_base"):
                assert version_of(host, name) == "installed 1.1", number
                assert NOTED_UPGRADE not in parameters(host, name), number

    run(scenario())


@VERSIONS
def test_a_host_that_dies_at_any_step_of_an_upgrade_has_it_ended_by_the_next_run(version: str) -> None:
    text = text_of(version, customers=["anna"], says="upgrade: follow\n")

    async def scenario() -> None:
        world, first = await built(version, text)
        deploy(first, Code("1.1", COLUMN))
        steps: list[str] = []
        trial = world.branch()
        trial.hosts["one"].on_step = steps.append
        await trial.reconcile(text)
        for number in range(len(steps)):
            other = world.branch()
            host = other.hosts["one"]
            seen: list[str] = []

            def on_step(step: str, host: SimulatedHost = host, seen: list[str] = seen, number: int = number) -> None:
                seen.append(step)
                if len(seen) == number + 1:
                    host.kill()
                    asyncio.get_running_loop().call_later(20, host.start)

            host.on_step = on_step
            await other.reconcile(text)
            await asyncio.sleep(60)
            await other.reconcile(text)
            await other.reconcile(text)
            passed = await other.reconcile(text)
            assert passed.after.changeset.is_converged, (number, steps[number], passed.after.changeset)
            for name in ("anna", "template_base"):
                assert version_of(host, name) == "installed 1.1", (number, steps[number])

    run(scenario())


def test_two_reconcilers_at_once_upgrade_everything_once_and_break_nothing() -> None:
    async def scenario() -> None:
        text = text_of(says="upgrade: follow\n")
        world, host = await built(text=text)
        deploy(host, Code("1.1", COLUMN))
        other = Universe(world.hosts, world.clock, None, seed=7, _runs=7)
        await asyncio.gather(world.reconcile(text), other.reconcile(text))
        for _ in range(3):
            await world.clock.sleep(600)
            await world.reconcile(text)
        assert (await world.plan(text)).changeset.is_converged
        assert {version_of(host, code) for code in CUSTOMERS} == {"installed 1.1"}

    run(scenario())


@pytest.mark.parametrize("code", [Code("1.1"), Code("1.1", COLUMN)], ids=["newer", "breaking"])
@pytest.mark.parametrize("by_hand", [False, True])
def test_a_template_that_was_upgraded_is_built_anew_when_its_text_changes_unless_somebody_had_worked_in_it(
    code: Code, *, by_hand: bool
) -> None:
    """What the upgrade wrote is no work of anybody's; what was there before it is."""

    async def scenario() -> None:
        text = text_of(customers=["anna"])
        world, host = await built(text=text)
        await world.clock.sleep(HOUR)
        if by_hand:
            written = f"{world.clock.now():%Y-%m-%d %H:%M:%S}"
            host.databases["template_base"].insert("res.partner", {"name": "By hand", "write_date": written})
        await world.clock.sleep(HOUR)
        deploy(host, code)
        assert "base" in upgraded(await world.reconcile(text))
        await world.clock.sleep(HOUR)
        host.databases["template_base"].insert("res.users.log", {"write_date": "2199-01-01 00:00:00"})
        edited = text.replace("code: base\n", "code: base\nparameters: {our.note: hello}\n", 1)
        (rebuilt,) = (o for o in (await world.reconcile(edited)).outcomes if o.action.verb is verbs.REBUILD)
        assert (rebuilt.result is Result.DONE) is not by_hand, rebuilt.detail
        assert ("1 row of res_partner; nothing was replaced" in rebuilt.detail) is by_hand

    run(scenario())
