"""Hooks around actions, in whole passes on simulated hosts: what runs when, what a failure stops, and what an end does."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.core.deciding import Limits
from reconciler.core.model.actions import Action
from reconciler.core.model.failures import HookFailed
from reconciler.core.model.outcomes import Outcome, Result
from reconciler.engine.executor import execute
from reconciler.engine.reconcile import Passed, carry_out, plan
from reconciler.engine.worlds import World
from reconciler.notices.telling import tell_outcomes
from schemas.hooks import Hook
from tests.faults.stories import killed_pass
from tests.harness.universe import Process, Universe, fleet, instance, read, universe
from tests.harness.virtual_time import run

COMMANDS = Limits(commands=["/opt/hooks"])
AROUND = """\
hooks:
  - {verbs: [create, clone], when: before, command: [/opt/hooks/check-disk]}
  - {verbs: [clone, suspend], when: after, url: "https://hooks.example.net/odoo", secret: {env: KEY}, selector: {shop: web}}
"""


def having(hooks: str, *documents: str) -> str:
    return fleet(*documents).replace("code: demo\n", f"code: demo\n{hooks}", 1)


@dataclass
class Recorded:
    """Runs nothing and notes what it is told; `fails` says why some fail, `hangs` names those that never end."""

    hosts: Mapping[str, Any]
    fails: dict[str, str] = field(default_factory=dict)
    hangs: set[str] = field(default_factory=set)
    ran: list[Mapping[str, Any]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    listed: list[list[str]] = field(default_factory=list)

    async def occasion(self, action: Action) -> str:
        return ""

    async def run(self, number: int, hook: Hook, message: Mapping[str, Any]) -> None:
        self.ran.append(message)
        self.listed.append(sorted(self.hosts["one"].listed()))
        try:
            if hook.runs in self.hangs:
                await asyncio.sleep(1_000_000)
            if why := self.fails.get(hook.runs):
                raise HookFailed(why)
        finally:
            self.ended.append(hook.runs)


def dressed(world: Universe, text: str, hooks: Recorded) -> World:
    return replace(world.world(read(text), Process()), hooks=hooks)


async def reconcile(world: Universe, text: str, hooks: Recorded, limits: Limits = COMMANDS) -> Passed:
    desired, ports = read(text), dressed(world, text, hooks)
    return await carry_out(await plan(desired, ports, limits), desired, ports, limits)


def ends(passed: Passed) -> dict[str, Outcome]:
    return {f"{o.action.verb}": o for o in passed.outcomes}


def test_each_action_meets_the_hooks_of_its_verb_and_labels_and_tells_them_what_it_is() -> None:
    async def story() -> None:
        world = universe()
        hooks = Recorded(world.hosts)
        text = having(AROUND, instance("acme", name="Acme SA", labels="{shop: web}"), instance("bistro"))
        passed = await reconcile(world, text, hooks)
        assert passed.ok
        assert [(m["when"], m["action"]) for m in hooks.ran if m["code"] != "bistro"] == [
            ("before", "create template/base on one"),
            ("before", "clone instance/acme on one"),
            ("after", "clone instance/acme on one"),
        ]
        assert [m["when"] for m in hooks.ran if m["code"] == "bistro"] == ["before"]
        told = next(m for m in hooks.ran if m["when"] == "after")
        assert {**told, "key": "", "outcome": {**told["outcome"], "seconds": 0}} == {
            "format": 1,
            "key": "",
            "when": "after",
            "fleet": "demo",
            "action": "clone instance/acme on one",
            "verb": "clone",
            "kind": "instance",
            "code": "acme",
            "name": "Acme SA",
            "labels": {"shop": "web"},
            "server": "one",
            "database": "template_base",
            "becomes": "acme",
            "reason": "declared",
            "fields": [],
            "outcome": {"result": "done", "detail": "", "seconds": 0},
        }

    run(story())


def test_a_failure_before_stops_the_action_and_the_host_was_not_asked_to_do_anything() -> None:
    async def story() -> None:
        world = universe()
        hooks = Recorded(world.hosts, {"/opt/hooks/check-disk": "exit code 1: 3 GB free"})
        passed = await reconcile(world, having(AROUND, instance("acme")), hooks)
        outcomes = ends(passed)
        assert (outcomes["create"].result, outcomes["clone"].result) == (Result.FAILED, Result.SKIPPED)
        why = "the hook /opt/hooks/check-disk before it failed: exit code 1: 3 GB free; nothing was done"
        assert outcomes["create"].detail == why
        assert world.hosts["one"].listed() == []

    run(story())


def test_a_hook_after_hears_that_a_hook_before_stopped_the_action_and_nothing_of_what_was_skipped() -> None:
    around = AROUND.replace("verbs: [clone, suspend]", "verbs: [create, clone]").replace(", selector: {shop: web}", "")

    async def story() -> None:
        world = universe()
        hooks = Recorded(world.hosts, {"/opt/hooks/check-disk": "exit code 1: 3 GB free"})
        passed = await reconcile(world, having(around, instance("acme")), hooks)
        assert (ends(passed)["create"].result, ends(passed)["clone"].result) == (Result.FAILED, Result.SKIPPED)
        (told,) = [message for message in hooks.ran if message["when"] == "after"]
        assert (told["verb"], told["outcome"]["result"]) == ("create", "failed")
        assert "check-disk before it failed: exit code 1: 3 GB free; nothing was done" in told["outcome"]["detail"]

    run(story())


def test_a_failure_after_is_told_and_undoes_nothing() -> None:
    async def story() -> None:
        world = universe()
        hooks = Recorded(world.hosts, {"https://hooks.example.net/odoo": "it answered 500 Oops"})
        passed = await reconcile(world, having(AROUND, instance("acme", labels="{shop: web}")), hooks)
        clone = ends(passed)["clone"]
        said = "the hook https://hooks.example.net/odoo after it failed: it answered 500 Oops"
        assert (passed.ok, clone.result, clone.detail, clone.failed_hooks) == (True, Result.DONE, said, (said,))
        (notice,) = tell_outcomes(passed.outcomes, "")
        assert (notice.name, notice.level, notice.detail) == (
            "hook-failed",
            "warning",
            f"clone instance/acme on one was done; {said}",
        )
        assert world.hosts["one"].listed() == ["acme", "template_base"]

    run(story())


def test_what_failed_is_told_to_hooks_after_it_with_its_end() -> None:
    async def story() -> None:
        world = universe()
        text = having(AROUND, instance("acme", labels="{shop: web}", modules="[no_such_module]"))
        hooks = Recorded(world.hosts)
        await reconcile(world, text, hooks)
        (told,) = [m for m in hooks.ran if m["when"] == "after"]
        assert told["outcome"]["result"] == "failed"
        assert "no_such_module" in told["outcome"]["detail"]

    run(story())


def test_commands_that_may_not_run_block_their_actions_and_web_calls_do_not() -> None:
    async def story() -> None:
        world = universe()
        hooks = Recorded(world.hosts)
        passed = await reconcile(world, having(AROUND, instance("acme")), hooks, Limits(commands=["/opt/other"]))
        (create, clone) = passed.planned.changeset.blocked
        assert {create.why, clone.why} == {
            "create: its hook /opt/hooks/check-disk may not run here",
            "clone: its hook /opt/hooks/check-disk may not run here",
        }
        assert create.advice == "if it is yours, run with --allow-commands /opt/hooks"
        assert (hooks.ran, world.hosts["one"].listed()) == ([], [])
        only_calls = AROUND.replace("[create, clone]", "[end]")
        passed = await reconcile(world, having(only_calls, instance("acme")), hooks, Limits(commands=[]))
        assert passed.ok

    run(story())


def test_a_plan_says_what_each_hook_meets_and_runs_none() -> None:
    async def story() -> None:
        world = universe()
        hooks = Recorded(world.hosts)
        text = having(AROUND, instance("acme", labels="{shop: web}"))
        planned = await plan(read(text), dressed(world, text, hooks), Limits())
        assert [(h.when, h.runs, h.actions) for h in planned.changeset.hooks] == [
            ("before", "/opt/hooks/check-disk", ("create template/base on one", "clone instance/acme on one")),
            ("after", "https://hooks.example.net/odoo", ("clone instance/acme on one",)),
        ]
        assert hooks.ran == []

    run(story())


def test_told_to_stop_a_hook_before_an_action_is_ended_and_the_action_never_begins() -> None:
    async def story() -> None:
        world = universe()
        hooks = Recorded(world.hosts, hangs={"/opt/hooks/check-disk"})
        text = having(AROUND, instance("acme"))
        desired, ports = read(text), dressed(world, text, hooks)
        planned = await plan(desired, ports, COMMANDS)
        executing = asyncio.ensure_future(execute(planned.changeset, desired, ports))
        await asyncio.sleep(10)
        ports.stop.set()
        outcomes = {str(o.action.verb): o for o in await executing}
        assert outcomes["create"].result is Result.SKIPPED
        assert outcomes["create"].detail == "stopped before it began"
        assert (hooks.ended, world.hosts["one"].listed()) == (["/opt/hooks/check-disk"], [])

    run(story())


def test_told_to_stop_no_further_hook_before_an_action_is_begun() -> None:
    second = "verbs: [create, clone], when: before, command: [/opt/hooks/second]"

    async def story() -> None:
        world = universe()
        hooks = Recorded(world.hosts, hangs={"/opt/hooks/check-disk"})
        text = having(f"{AROUND}  - {{{second}}}\n", instance("acme"))
        desired, ports = read(text), dressed(world, text, hooks)
        planned = await plan(desired, ports, COMMANDS)
        executing = asyncio.ensure_future(execute(planned.changeset, desired, ports))
        await asyncio.sleep(10)
        ports.stop.set()
        await executing
        assert hooks.ended == ["/opt/hooks/check-disk"]

    run(story())


def test_given_up_while_a_hook_runs_after_it_an_action_that_was_done_is_still_told_as_done() -> None:
    async def story() -> None:
        world = universe()
        hooks = Recorded(world.hosts, hangs={"https://hooks.example.net/odoo"})
        text = having(AROUND, instance("acme", labels="{shop: web}"))
        desired, ports = read(text), dressed(world, text, hooks)
        planned = await plan(desired, ports, COMMANDS)
        executing = asyncio.ensure_future(execute(planned.changeset, desired, ports))
        while not any(m["when"] == "after" for m in hooks.ran):
            await asyncio.sleep(1)
        ports.stop.set()
        ports.abandon.set()
        clone = {str(o.action.verb): o for o in await executing}["clone"]
        said = "the hook https://hooks.example.net/odoo after it was given up"
        assert (clone.result, clone.detail) == (Result.DONE, said)
        assert hooks.ended[-1] == "https://hooks.example.net/odoo"

    run(story())


def test_what_a_crash_cut_short_is_finished_whatever_a_hook_before_it_says() -> None:
    async def story() -> None:
        world = universe()
        await world.reconcile(fleet(instance("acme")))
        suspended = instance("acme", state="suspended")
        hooks = "hooks: [{verbs: [suspend], when: before, command: [/opt/hooks/no]}]\n"
        cut = 0
        for number in range(1, 40):
            copy = world.branch()
            await killed_pass(copy, fleet(suspended), Process(kill_before=number))
            if copy.hosts["one"].listed() != ["switching.acme", "template_base"]:
                continue
            cut += 1
            recorded = Recorded(copy.hosts, {"/opt/hooks/no": "no"})
            passed = await reconcile(copy, having(hooks, suspended), recorded, Limits(commands=[]))
            assert passed.ok
            assert copy.hosts["one"].listed() == ["suspended.acme", "template_base"]
        assert cut

    run(story())
