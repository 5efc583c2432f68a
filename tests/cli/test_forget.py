"""`forget`: what a removed document had is not expected any more, and stays on its host."""

from __future__ import annotations

import json

import pytest

from tests.cli.world import World


@pytest.fixture
def left(world: World) -> World:
    """A world whose store outlives a command, in which a customer's document was removed."""
    world.store = f"sqlite:///{world.root}/state.sqlite"
    assert world.run("apply", "--yes").code == 0
    text = (world.fleet / "instances.yaml").read_text()
    world.write("instances.yaml", text.partition("---\n")[2])
    return world


def forget(world: World, *words: str) -> tuple[int, str, str]:
    ran = world.run("forget", *words)
    return ran.code, ran.out, ran.err


def test_what_was_forgotten_stays_and_is_somebody_elses(left: World) -> None:
    before = left.hosts["prod-1"].snapshot()["acme"]
    assert "acme on prod-1: orphan" in left.run("plan").out
    calls = sum(len(host.calls) for host in left.hosts.values())
    assert forget(left, "instance/acme") == (
        0,
        "instance/acme is forgotten: acme on prod-1 stays as it is, and is not looked\nafter or missed.\n",
        "",
    )
    assert sum(len(host.calls) for host in left.hosts.values()) == calls, "no host is asked"
    planned = left.run("plan")
    assert "1 of others" in planned.out
    assert "orphan" not in planned.out
    assert left.run("apply", "--yes").code == 0
    assert left.hosts["prod-1"].snapshot()["acme"] == before
    assert "acme" in left.run("status", "foreign", "prod-1").out
    assert "instance/acme was forgotten by command: acme on prod-1" in " ".join(left.run("events").out.split())


def test_status_names_what_no_document_declares_until_it_is_forgotten(left: World) -> None:
    named = "\nOrphans\n  · acme on prod-1: orphan: once published by this fleet, no longer declared\n"
    for words in (["status"], ["status", "instances"]):
        assert named in left.run(*words).out
    for words in (["status", "servers"], ["status", "bistro"], ["status", "--target", "bistro"]):
        assert named not in left.run(*words).out
    (orphan,) = json.loads(left.run("status", "-o", "json").out)["orphans"]
    assert (orphan["server"], orphan["database"]) == ("prod-1", "acme")
    assert forget(left, "instance/acme")[0] == 0
    assert "Orphans" not in left.run("status").out
    assert json.loads(left.run("status", "-o", "json").out)["orphans"] == []


def test_it_is_not_missed_when_it_is_gone(left: World) -> None:
    assert left.run("plan").code == 0
    del left.hosts["prod-1"].databases["acme"]
    assert "it no longer lists acme" in left.run("plan").out
    assert forget(left, "instance/acme")[0] == 0
    again = left.run("plan")
    assert "no longer lists" not in again.out
    assert again.out.startswith("No changes.")


def test_what_the_text_declares_is_not_forgotten(left: World) -> None:
    code, out, err = forget(left, "instance/bistro")
    assert (code, out) == (1, "")
    assert "instance/bistro is declared: remove its document first" in err
    assert "No changes. 2 instances" in left.run("plan").out
    assert forget(left, "server/prod-1")[0] == 1


def test_of_what_nothing_is_remembered_it_says_so(left: World) -> None:
    assert forget(left, "instance/nobody")[:2] == (0, "Nothing is remembered of instance/nobody: nothing to do.\n")


def test_a_server_is_forgotten_with_all_that_is_on_it(left: World) -> None:
    left.write("instances.yaml", "")
    left.replace("fleet.yaml", "servers: [prod-1, prod-2]", "server: prod-2")
    (left.fleet / "prod-1.yaml").unlink()
    code, out, _ = forget(left, "server/prod-1", "-o", "json")
    told = json.loads(out)
    assert (code, told["kind"], told["code"]) == (0, "server", "prod-1")
    assert {each["database"] for each in told["forgotten"]} >= {"acme", "template_restaurant"}
    assert forget(left, "server/prod-1")[1] == "Nothing is remembered of server/prod-1: nothing to do.\n"


def test_the_whole_fleet_or_a_plan_is_no_document_to_forget(left: World) -> None:
    for words in (("fleet/test",), ("plan/starter",)):
        code, _, err = forget(left, *words)
        assert (code, "name one" in err) == (64, True), err


def test_what_was_forgotten_before_the_next_run_is_not_ended_by_prune(left: World) -> None:
    left.replace("fleet.yaml", "code: test\n", "code: test\nprune: true\n")
    text = (left.fleet / "instances.yaml").read_text()
    assert left.run("apply", "--yes").code == 0, "from here on the store knows of `prune`"
    left.write("instances.yaml", text.partition("---\n")[2])
    assert left.run("plan", "--detailed-exitcode").code == 2, "it would be ended"
    assert forget(left, "instance/bistro")[0] == 0
    assert left.run("apply", "--yes").code == 0
    assert "bistro" in {name for host in left.hosts.values() for name in host.databases}
