"""One host under two names, which no comparison of addresses shows: nothing is built there twice, and it is said."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from tests.cli.world import World


def one_host(world: World) -> tuple[str, ...]:
    """Reach the second server at the first one's host, by another name than the first."""
    port = re.search(r"127.0.0.1:(\d+)", (world.fleet / "prod-1.yaml").read_text())
    assert port
    return ("--server-url", f"prod-2=http://localhost:{port[1]}")


def test_what_would_be_built_first_is_dropped_again_and_nothing_goes_into_service(world: World) -> None:
    ran = world.run("apply", "--yes", *one_host(world))
    assert ran.code == 1
    assert re.search(
        r"prod-1 and prod-2 are one host: building-\w+\.template_restaurant is on both", " ".join(ran.out.split())
    )
    assert "declare one of the two" in " ".join(ran.out.split())
    assert not world.hosts["prod-1"].databases


def test_a_host_in_service_that_is_declared_again_is_frozen_under_both_names(world: World) -> None:
    """All is on the first host, and a second name is declared for it, with the template to be there too."""
    world.store = f"sqlite:///{world.root}/state.sqlite"
    second = (world.fleet / "prod-2.yaml").read_text()
    (world.fleet / "prod-2.yaml").unlink()
    world.replace("fleet.yaml", "[prod-1, prod-2]", "[prod-1]")
    world.replace("instances.yaml", "server: prod-2", "server: prod-1")
    assert world.run("apply", "--yes").code == 0
    before = world.hosts["prod-1"].snapshot()

    world.write("prod-2.yaml", second)
    world.replace("fleet.yaml", "[prod-1]", "[prod-1, prod-2]")
    world.replace("instances.yaml", "company: Acme SA", "company: Acme NV")
    words = one_host(world)
    for _ in range(2):  # the second pass remembers the first, and knows no less
        plan = json.loads(world.run("plan", "-o", "json", *words, "--confirm-listing", "prod-2").out)
        assert plan["actions"] == []
        assert [each["server"] for each in plan["frozen"]] == ["prod-1", "prod-2"]
        assert re.search(
            r"prod-1 and prod-2 are one host: \w+ with the database\.uuid [-\w]+ is on both", plan["frozen"][1]["why"]
        )
        assert world.run("apply", "--yes", *words).code == 1
    assert world.hosts["prod-1"].snapshot() == before
    forgetful = replace(world, store="none").run("plan", *words)
    assert forgetful.out.count("prod-1 and prod-2 are one host") == 1
    assert "rename the others" not in forgetful.out  # each database is there twice, and none is too many

    (world.fleet / "prod-2.yaml").unlink()  # once the second is gone all goes on
    world.replace("fleet.yaml", "[prod-1, prod-2]", "[prod-1]")
    assert world.run("apply", "--yes").code == 0
    assert "No changes" in world.run("plan", "--refresh").out


def test_hosts_that_list_the_same_names_are_not_taken_for_one(world: World) -> None:
    """As two new hosts on which nothing but the template is yet."""
    world.store = f"sqlite:///{world.root}/state.sqlite"
    world.write("instances.yaml", "")
    assert world.run("apply", "--yes").code == 0
    for words in ((), ("--refresh",)):
        ran = world.run("plan", *words)
        assert "No changes" in ran.out
        assert "rozen" not in ran.out
