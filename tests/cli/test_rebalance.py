"""`rebalance`: a patch of the text by which servers become equally full, and nothing on any host before that is applied."""

from __future__ import annotations

from tests.cli.world import World


def test_its_patch_moves_few_and_after_it_nothing_is_worth_it(world: World) -> None:
    world.store = f"sqlite:///{world.root}/state.sqlite"
    assert world.run("apply", "--yes").code == 0
    world.replace("prod-1.yaml", "max_instances: 10", "max_instances: 4")
    before = (world.fleet / "instances.yaml").read_text()
    ran = world.run("rebalance")
    assert ran.code == 0
    assert "-server: prod-1" in ran.out
    assert "prod-1: 50 % full, 25 % then" in ran.err.splitlines()
    assert ran.err.splitlines()[-1] == "1 instance would move."
    assert (world.fleet / "instances.yaml").read_text() == before
    assert world.run("rebalance", "--write").code == 0
    assert "Plan: 1 to move." in world.run("plan").out
    for _ in range(2):
        ran = world.run("rebalance")
        assert (ran.code, ran.out) == (0, "")
        assert ran.err.splitlines()[-1].startswith("Nothing is worth moving: none is 20 points fuller")
        assert world.run("apply", "--yes").code == 0


def test_an_empty_server_has_nothing_to_drain(world: World) -> None:
    world.replace("instances.yaml", "server: prod-2", "server: prod-1")
    ran = world.run("drain", "prod-2")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "No instance is on prod-2: there is nothing to move.\n"
