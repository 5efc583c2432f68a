"""Hooks from the outside: programs run only where they are allowed, looking runs none, and no secret goes along."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.saving import save
from tests.cli.world import World
from tests.hooks.programs import ended, program
from tests.hosts.receiver import Receiver, receiving

NOTES = "open(here / 'ran', 'a').write(sys.stdin.read())\n"


def declare(world: World, *hooks: str) -> None:
    lines = "".join(f"  - {hook}\n" for hook in hooks)
    world.replace("fleet.yaml", "code: test\n", f"code: test\nhooks:\n{lines}")
    world.store = f"sqlite:///{world.root}/state.sqlite"


def before(path: Path, verbs: str = "clone") -> str:
    return f"{{verbs: [{verbs}], when: before, command: ['{path}']}}"


def after(receiver: Receiver, verbs: str = "clone, suspend, resume") -> str:
    return f"{{verbs: [{verbs}], when: after, url: '{receiver.url}', secret: {{env: HOOK_SECRET}}}}"


def ran(path: Path) -> list[dict[str, Any]]:
    notes = path.parent / "ran"
    return [json.loads(line) for line in notes.read_text().splitlines()] if notes.exists() else []


def keys(receiver: Receiver) -> list[str]:
    return [each.headers["idempotency-key"] for each in receiver.came]


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", "the-hook-secret")


def test_nothing_that_only_looks_runs_a_hook(world: World, tmp_path: Path) -> None:
    path = program(tmp_path / "hooks", NOTES)
    with receiving() as receiver:
        declare(world, before(path, "activate, create, clone"), after(receiver, "activate, create, clone"))
        assert world.run("validate").code == 0
        for words in (("plan",), ("plan", "-o", "json"), ("plan", "-o", "markdown"), ("status",), ("check", "prod-1")):
            shown = world.run(*words)
            assert shown.code == 0, shown.err
        assert (ran(path), receiver.came) == ([], [])


def test_a_plan_says_which_hooks_it_meets(world: World, tmp_path: Path) -> None:
    path = program(tmp_path / "hooks", NOTES)
    declare(world, before(path))
    text = " ".join(world.run("plan", "--target", "cafe").out.split())
    assert f"Hooks * {path} before clone instance/cafe on prod-2 Plan:" in text
    plain = json.loads(world.run("plan", "--target", "cafe", "-o", "json").out)
    assert plain["hooks"] == [{"when": "before", "runs": str(path), "actions": ["clone instance/cafe on prod-2"]}]
    markdown = world.run("plan", "--target", "cafe", "-o", "markdown").out
    assert f"#### Hooks\n\n- `{path}` before `clone instance/cafe on prod-2`\n" in markdown


def test_without_permission_no_program_runs_and_its_verbs_are_refused(world: World, tmp_path: Path) -> None:
    path = program(tmp_path / "hooks", NOTES)
    declare(world, before(path))
    for allowed in ((), ("--allow-commands", str(tmp_path / "fleet"))):
        refused = world.run("apply", "--yes", *allowed)
        assert refused.code == 1
        text = " ".join(refused.out.split())
        assert f"clone: its hook {path} may not run here" in text
        assert f"→ if it is yours, run with --allow-commands {path.parent}" in text
    assert ran(path) == []
    assert sorted(world.hosts["prod-1"].databases) == ["template_restaurant"]
    done = world.run("apply", "--yes", "--allow-commands", str(path.parent))
    assert done.code == 0, done.err
    assert sorted((m["when"], m["verb"], m["code"]) for m in ran(path)) == [
        ("before", "clone", "acme"),
        ("before", "clone", "bistro"),
        ("before", "clone", "cafe"),
    ]


def test_whoever_carries_a_saved_plan_out_says_what_may_run_and_not_whoever_planned_it(
    world: World, tmp_path: Path
) -> None:
    path = program(tmp_path / "hooks", NOTES)
    declare(world, before(path))
    file = save(world, "--target", "cafe")
    refused = world.run("apply", str(file), "--yes")
    assert refused.code == 1
    assert "may not run here" in refused.err
    assert ran(path) == []
    done = world.run("apply", str(file), "--yes", "--allow-commands", str(path.parent))
    assert done.code == 0, done.err
    assert [m["code"] for m in ran(path)] == ["cafe"]


def test_a_program_that_says_no_stops_its_action_and_is_quoted(world: World, tmp_path: Path) -> None:
    path = program(tmp_path / "hooks", "sys.exit('3 GB free, 10 wanted')")
    declare(world, before(path))
    failed = world.run("apply", "--yes", "--target", "cafe", "--allow-commands", str(path.parent))
    assert failed.code == 1
    text = " ".join(failed.out.split())
    why = f"the hook {path} before it failed: exit code 1: 3 GB free, 10 wanted; nothing was done"
    assert f"Failed - clone instance/cafe on prod-2: {why}" in text
    assert sorted(world.hosts["prod-2"].databases) == ["template_restaurant"]
    assert not any(call.method == "duplicate_database" for call in world.hosts["prod-2"].calls)
    assert why in " ".join(world.run("history", "instance/cafe").out.split())


def test_a_shop_hears_that_a_customer_is_ready_and_suspended_and_each_time_anew(world: World) -> None:
    with receiving() as receiver:
        declare(world, after(receiver))
        world.replace("instances.yaml", "labels: {tier: gold}", "labels: {tier: gold, order: '4711'}")
        for state in ("active", "suspended", "active", "suspended"):
            world.replace("instances.yaml", "company: Acme SA", f"state: {state}\ncompany: Acme SA")
            assert world.run("apply", "--yes", "--target", "acme").code == 0
            world.replace("instances.yaml", f"state: {state}\ncompany: Acme SA", "company: Acme SA")
    told = [json.loads(each.body) for each in receiver.came]
    assert [(m["verb"], m["outcome"]["result"], m["labels"]["order"]) for m in told] == [
        ("clone", "done", "4711"),
        ("suspend", "done", "4711"),
        ("resume", "done", "4711"),
        ("suspend", "done", "4711"),
    ]
    assert len(set(keys(receiver))) == 4
    assert [m["key"] for m in told] == keys(receiver)


def test_a_repeated_action_bears_the_same_key_until_it_is_done(world: World, tmp_path: Path) -> None:
    path = program(tmp_path / "hooks", f"{NOTES}sys.exit(0 if (here / 'yes').exists() else 1)")
    with receiving() as receiver:
        declare(world, before(path), after(receiver))
        run = ("apply", "--yes", "--target", "cafe", "--allow-commands", str(path.parent))
        assert [world.run(*run).code for _ in range(2)] == [1, 1]
        (path.parent / "yes").touch()
        assert world.run(*run).code == 0
    assert len({m["key"] for m in ran(path)}) == 1
    failed, again, done = keys(receiver)
    assert failed == again != done


def test_a_hook_that_fails_after_it_is_told_and_the_run_ends_well(world: World) -> None:
    with receiving(410) as receiver:
        declare(world, after(receiver))
        done = world.run("apply", "--yes", "--target", "cafe")
    assert done.code == 0
    said = f"clone instance/cafe on prod-2: the hook {receiver.url} after it failed: it answered 410 Gone"
    assert f"Worth knowing - {said}" in " ".join(done.out.split())


def test_a_secret_that_is_not_there_fails_the_hook_with_its_place(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOOK_SECRET")
    with receiving() as receiver:
        declare(world, after(receiver))
        done = world.run("apply", "--yes", "--target", "cafe")
    assert "HOOK_SECRET" in done.out
    assert "the environment variable is not set" in " ".join(done.out.split())
    assert receiver.came == []


def test_no_secret_goes_to_a_hook_or_is_printed(world: World, tmp_path: Path) -> None:
    path = program(tmp_path / "hooks", f"{NOTES}open(here / 'ran', 'a').write(json.dumps(dict(os.environ)) + '\\n')\n")
    with receiving() as receiver:
        declare(world, before(path, "activate, create, clone"), after(receiver, "activate, create, clone"))
        done = world.run("apply", "--yes", "--allow-commands", str(path.parent), "--log-level", "debug")
    assert done.code == 0, done.err
    everything = done.out + done.err + (path.parent / "ran").read_text() + str(receiver.came)
    for value in ("0123456789abcdef", "the-master-password", "the-hook-secret"):
        assert value not in everything


HANGS = "(here / 'pid').write_text(str(os.getpid()))\ntime.sleep(600)\n"


def process(world: World, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "reconciler", *words, "--fleet", str(world.fleet), "--store", "none"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_ctrl_c_ends_a_program_that_hangs_before_an_action_which_then_never_begins(
    world: World, tmp_path: Path
) -> None:
    path = program(tmp_path / "hooks", HANGS)
    declare(world, before(path))
    with process(world, "apply", "--yes", "--target", "cafe", "--allow-commands", str(path.parent)) as applying:
        while not (path.parent / "pid").exists():
            time.sleep(0.05)
        applying.send_signal(signal.SIGINT)
        out, err = applying.communicate(timeout=20)
    assert (applying.returncode, "Traceback" in err) == (130, False)
    assert "stopped before it began: clone instance/cafe on prod-2" in " ".join(out.split())
    assert ended(int((path.parent / "pid").read_text()))
    assert sorted(world.hosts["prod-2"].databases) == ["template_restaurant"]


def test_a_daemon_runs_programs_only_where_it_may_and_goes_on_while_one_hangs(world: World, tmp_path: Path) -> None:
    path = program(tmp_path / "hooks", f"{NOTES}{HANGS}")
    declare(world, before(path).replace("when:", "selector: {tier: gold}, when:"))
    daemon = ("daemon", "--listen", "none", "--log-format", "json")
    with process(world, *daemon) as barred:
        assert barred.stderr is not None
        blocked = next(json.loads(line) for line in barred.stderr if '"blocked"' in line)
        assert f"its hook {path} may not run here" in blocked["detail"]
        barred.terminate()
        barred.communicate(timeout=20)
    with process(world, *daemon, "--allow-commands", str(path.parent)) as allowed:
        while not (path.parent / "pid").exists() or "suspended.cafe" not in world.hosts["prod-2"].databases:
            time.sleep(0.05)
        allowed.terminate()
        allowed.communicate(timeout=20)
    assert [m["code"] for m in ran(path)] == ["acme"]
    assert ended(int((path.parent / "pid").read_text()))
