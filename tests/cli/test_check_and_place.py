"""`check` and `place`: the questions that come before a server is used, and before an instance is placed."""

from __future__ import annotations

import json

from tests.cli.world import World


def test_each_test_has_its_answer(converged: World) -> None:
    ran = converged.run("check", "prod-1")
    assert ran.code == 0
    assert [line.split()[0] for line in ran.out.splitlines()[1:7]] == [*["passed"] * 5, "skipped"]
    assert ran.out.splitlines()[-1] == "Nothing speaks against activation."


def test_a_failed_test_says_what_to_do_and_exits_with_1(world: World) -> None:
    world.replace("prod-1.yaml", '"19.0"', '"18.0"')
    ran = world.run("check", "prod-1")
    assert ran.code == 1
    assert "failed   version               19.0, declared is 18.0\n           → correct odoo_version" in ran.out
    assert ran.out.splitlines()[-1] == "1 test failed: prod-1 cannot be activated as it is."


def test_check_for_machines(world: World) -> None:
    document = json.loads(world.run("check", "prod-2", "-o", "json").out)
    assert (document["format"], document["server"], document["ok"]) == (1, "prod-2", True)
    assert set(document["checks"][0]) == {"name", "answer", "seen", "advice", "for_activation"}


def test_a_new_instance_goes_where_the_plan_puts_it(world: World) -> None:
    ran = world.run("place", "bistro")
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "instance/bistro would be placed on prod-1.",
        "  ✓ prod-1: 90 % free, the best place",
        "  - prod-2: 90 % free",
    ]


def test_an_instance_that_exists_stays(converged: World) -> None:
    ran = converged.run("place", "bistro")
    assert ran.out.startswith("instance/bistro is on prod-1, and stays there until its text names another")


def test_a_pinned_instance_goes_where_its_text_says(world: World) -> None:
    document = json.loads(world.run("place", "cafe", "-o", "json").out)
    assert (document["server"], document["pinned"], document["current"]) == ("prod-2", "prod-2", None)


def test_nowhere_is_said_with_the_reason_of_each_server(world: World) -> None:
    for code in world.hosts:
        world.replace(f"{code}.yaml", "state: active", "state: maintenance")
    ran = world.run("place", "bistro")
    assert ran.code == 1
    assert ran.out.splitlines() == [
        "No server can take instance/bistro.",
        "  ✗ no server is fit",
        "  - prod-1: its state is maintenance",
        "  - prod-2: its state is maintenance",
    ]
