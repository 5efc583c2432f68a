"""`apply`: what is shown is done, and every end is told."""

from __future__ import annotations

import json

import pytest

from reconciler.core.model.inventory import Inventory
from reconciler.store.failures import StoreError
from reconciler.store.forgetful import NoMemory
from reconciler.store.opening import open_store
from tests.cli.world import KEY, MASTER, MATCHES, World, without_times


def test_a_fleet_converges_and_stays_so(world: World) -> None:
    world.store = f"sqlite:///{world.root}/state.sqlite"
    first = world.run("apply", "--yes")
    assert first.code == 0, first.err
    assert first.out.splitlines()[-1] == "7 actions done; a fresh look finds nothing left to do."
    assert sorted(world.hosts["prod-1"].databases) == ["acme", "bistro", "template_restaurant"]
    assert sorted(world.hosts["prod-2"].databases) == ["suspended.cafe", "template_restaurant"]
    calls = {code: len(host.calls) for code, host in world.hosts.items()}
    second = world.run("apply", "--yes")
    assert (second.code, without_times(second.out)) == (0, MATCHES)
    assert {code: len(host.calls) - calls[code] for code, host in world.hosts.items()} == {"prod-1": 2, "prod-2": 2}


def test_progress_goes_to_stderr_in_plain_lines(world: World) -> None:
    ran = world.run("apply", "--yes", "--target", "instance/cafe")
    assert without_times(ran.err).splitlines() == [
        "started  activate server/prod-2",
        "done     activate server/prod-2 in 0.0 s (1/3)",
        "started  create template/restaurant on prod-2",
        "done     create template/restaurant on prod-2 in 0.0 s (2/3)",
        "started  clone instance/cafe on prod-2",
        "done     clone instance/cafe on prod-2 in 0.0 s (3/3)",
    ]


def test_without_a_terminal_it_asks_for_yes(world: World) -> None:
    ran = world.run("apply")
    assert ran.code == 64
    assert "run with --yes" in ran.err
    assert not any(host.calls for host in world.hosts.values())


def test_a_failure_is_told_with_what_was_skipped_because_of_it(world: World) -> None:
    world.replace("fleet.yaml", "country_code: BE", "modules: [base, web, no_such_module]")
    ran = world.run("apply", "--yes", "--target", "instance/cafe")
    assert ran.code == 1
    report = " ".join(ran.out.partition("Plan:")[2].split())
    assert "Failed - create template/restaurant on prod-2: " in report
    assert "no_such_module" in report
    assert "Skipped - 'create template/restaurant on prod-2' failed: clone instance/cafe on prod-2" in report
    assert report.endswith("1 action done, 1 failed, 1 skipped; a fresh look finds 2 actions still to do.")


def test_what_is_still_to_do_for_what_it_built_is_told_and_is_no_success(world: World) -> None:
    """Which modules a new customer has, only the new database tells: what is to go is shown by the next plan, before it goes."""
    world.replace("instances.yaml", "state: suspended\n", "state: suspended\nmodules_absent: [phone_validation]\n")
    first, second = (world.run("apply", "--yes", "--target", "instance/cafe") for _ in range(2))
    assert (first.code, second.code) == (1, 0)
    assert first.out.endswith(
        "\n\nStill to do\n  - uninstall instance/cafe on prod-2: it drifted from its text\n\n"
        "3 actions done; a fresh look finds 1 action still to do.\n"
    )
    assert second.out.endswith("\n\n1 action done; a fresh look finds nothing left to do.\n")
    assert world.hosts["prod-2"].databases["suspended.cafe"].modules()["phone_validation"] == "uninstalled"


def test_what_is_blocked_since_is_told_with_why(world: World) -> None:
    absent = "modules: [sms]\nmodules_absent: [phone_validation]\n"
    world.replace("instances.yaml", "state: suspended\n", f"state: suspended\n{absent}")
    ran = world.run("apply", "--yes")
    assert ran.code == 1
    since = ran.out.partition("3 to clone.\n\n")[2].splitlines()
    assert since[:2] == ["Blocked", "  ! instance/cafe on prod-2: suspended.cafe: `modules_absent` cannot be done:"]
    assert since[-1] == "7 actions done; a fresh look finds 1 blocked."


def test_what_was_shown_as_blocked_is_not_told_again(world: World) -> None:
    world.hosts["prod-1"].kill()
    ran = world.run("apply", "--yes")
    assert ran.out.splitlines()[-1] == "2 actions done; a fresh look finds 5 blocked."
    assert ran.out.count("Blocked") == 1


def test_json_tells_plan_outcomes_and_what_is_left(world: World) -> None:
    ran = world.run("apply", "--yes", "-o", "json", "--target", "instance/cafe")
    document = json.loads(ran.out)
    assert list(document) == ["format", "fleet", "plan", "outcomes", "after", "converged"]
    assert [(o["id"], o["result"]) for o in document["outcomes"]] == [
        ("activate server/prod-2", "done"),
        ("create template/restaurant on prod-2", "done"),
        ("clone instance/cafe on prod-2", "done"),
    ]
    assert document["converged"] is True
    assert "Plan: 1 to activate" in ran.err


def test_the_journal_knows_the_pass_and_its_outcomes(world: World) -> None:
    world.store = f"sqlite:///{world.root}/state.sqlite"
    world.run("apply", "--yes", "--target", "instance/cafe")
    with open_store(world.store, "test") as store:
        (one,) = store.passes()
        assert (one.command, one.done, one.failed, one.ended_at is not None) == ("apply", 3, 0, True)
        assert store.outcomes()[0].action_id == "clone instance/cafe on prod-2"


def test_a_store_that_cannot_be_used_ends_it_before_anything_is_done(world: World) -> None:
    world.store = "sqlite:////proc/nowhere/state.sqlite"
    ran = world.run("apply", "--yes")
    assert ran.code == 1
    assert ran.err.startswith("Error: store /proc/nowhere/state.sqlite")
    assert not any(host.databases for host in world.hosts.values())


def test_the_log_goes_to_stderr_as_json_and_holds_no_secret(world: World) -> None:
    ran = world.run("apply", "--yes", "-o", "json", "--log-level", "debug", "--log-format", "json")
    assert json.loads(ran.out)["converged"] is True
    logged = [json.loads(line) for line in ran.err.splitlines() if line.startswith("{")]
    assert {"info", "debug"} <= {entry["level"] for entry in logged}
    password = world.run("secret", "show", "instance/acme", "admin_password").out.strip()
    for secret in (MASTER, KEY, password):
        assert secret not in ran.out + ran.err


def test_a_store_that_fails_at_the_end_takes_no_outcome_along(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    read = NoMemory.inventory

    def fail(memory: NoMemory) -> Inventory:
        if world.hosts["prod-2"].databases:
            raise StoreError("the disk is gone", where="state.sqlite", advice="find it")
        return read(memory)

    monkeypatch.setattr(NoMemory, "inventory", fail)
    ran = world.run("apply", "--yes", "--target", "instance/cafe")
    assert ran.code == 1
    assert "Error: store state.sqlite: the disk is gone (find it)" in ran.err
    assert ran.out.splitlines()[-1] == "3 actions done."


def test_what_cannot_be_written_down_is_told_and_ends_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object) -> None:
        raise StoreError("the disk is full", where="state.sqlite", advice="make room")

    monkeypatch.setattr(NoMemory, "verified", fail)
    monkeypatch.setattr(NoMemory, "record_outcome", fail)
    ran = world.run("apply", "--yes", "--target", "instance/cafe")
    assert ran.code == 0
    assert "warning: store state.sqlite: the disk is full (make room)" in ran.err
    assert ran.err.count("The history of this run is not complete") == 1
