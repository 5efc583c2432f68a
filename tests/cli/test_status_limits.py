"""`status limits`: what instances use of what their plans include, as it was measured last; no host is asked."""

from __future__ import annotations

import json

from tests.cli.world import World

OWNER = "owner: {name: M, login: m@acme.example, initial_password: {derived: {}}}"


def test_what_apply_has_measured_is_shown_without_asking_a_host(world: World) -> None:
    world.store = f"sqlite:///{world.root}/store.db"
    world.replace("instances.yaml", "code: acme\n", f"code: acme\n{OWNER}\n")
    world.run("plan")  # which makes the store, and measures nothing
    (row,) = (line.split() for line in world.run("status", "limits").out.splitlines() if line.startswith("acme"))
    assert row == ["acme", "starter", "?", "of", "5", "?", "-", "not", "yet", "-"]
    assert world.run("apply", "--yes").code == 0
    for host in world.hosts.values():
        host.kill()
    ran = world.run("status", "limits")
    assert (ran.code, ran.err) == (0, "")
    (row,) = (line.split() for line in ran.out.splitlines() if line.startswith("acme"))
    assert (row[2:5], row[7:9]) == (["1", "of", "5"], ["20", "%"])
    document = json.loads(world.run("status", "limits", "-o", "json").out)
    (plain,) = (each for each in document["limits"] if each["code"] == "acme")
    assert (plain["users"], plain["max_users"], plain["percent"], plain["suspended_at"]) == (1, 5, 20, None)
    assert world.run("status", "limits", "--target", "instance/bistro").out.splitlines()[-1].startswith("bistro")


def test_it_needs_a_store_and_no_names(world: World) -> None:
    assert "what is used is not known" in world.run("status", "limits", "--store", "none").err
    assert "shows all of them" in world.run("status", "limits", "acme").err
    assert "asks no host" in world.run("status", "limits", "--refresh").err
