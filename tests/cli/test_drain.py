"""`drain`: a patch of the text by which a server is emptied, and nothing on any host before that is applied."""

from __future__ import annotations

import subprocess

from tests.cli.world import World


def test_its_patch_or_what_it_writes_moves_all_of_them_and_who_fits_nowhere_is_said(world: World) -> None:
    world.store = f"sqlite:///{world.root}/state.sqlite"
    assert world.run("apply", "--yes").code == 0
    before = (world.fleet / "instances.yaml").read_text()
    world.replace("prod-2.yaml", "state: active", "state: maintenance")
    ran = world.run("drain", "prod-1")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines() == [
        "instance/acme stays: prod-2: its state is maintenance",
        "instance/bistro stays: prod-2: its state is maintenance",
        "0 of 2 would move.",
    ]
    world.replace("prod-2.yaml", "state: maintenance", "state: active")

    ran = world.run("drain", "prod-1")
    assert (ran.code, ran.err) == (0, "2 of 2 would move.\n")
    assert (world.fleet / "instances.yaml").read_text() == before, "it shows, and writes nothing"
    subprocess.run(["git", "apply", "-"], input=ran.out.encode(), cwd=world.fleet, check=True)
    after = (world.fleet / "instances.yaml").read_text()
    assert after == before.replace("server: prod-1", "server: prod-2").replace(
        "code: bistro\ntemplate: restaurant\nplan: starter\n",
        "code: bistro\ntemplate: restaurant\nplan: starter\nserver: prod-2\n",
    )

    world.write("instances.yaml", before)
    ran = world.run("drain", "prod-1", "--write")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == f"changed {world.fleet}/instances.yaml\n2 of 2 would move.\n"
    assert (world.fleet / "instances.yaml").read_text() == after

    planned = world.run("plan").out
    assert "~ move instance/acme    its text names another server, prod-1 → prod-2" in planned
    assert "Plan: 2 to move." in planned
    saved = str(world.root / "moves.plan")
    assert world.run("plan", "--out", saved).code == 0
    ran = world.run("apply", saved, "--yes")
    assert ran.code == 0, ran.err
    assert {"acme", "bistro"} <= set(world.hosts["prod-2"].listed())


def test_no_patch_is_shown_where_secrets_may_stand_in_the_lines_around(world: World) -> None:
    world.replace("fleet.yaml", "format: 1", "format: 1\nallow_literal_secrets: true")
    world.replace("instances.yaml", "server: prod-1\n", "server: prod-1\nadmin_password: hunter2hunter2\n")
    ran = world.run("drain", "prod-1")
    assert (ran.code, "hunter2" in ran.out + ran.err) == (0, False)
    assert "instance/acme would move to prod-2." in ran.err
    assert "No patch is shown" in ran.err
    ran = world.run("drain", "prod-1", "--write")
    assert (ran.code, "hunter2" in ran.out + ran.err) == (0, False)
    assert "server: prod-2\nadmin_password: hunter2hunter2\n" in (world.fleet / "instances.yaml").read_text()
