"""`plan`: what would be done and why, and that nothing is."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.world import MATCHES, World, without_times

NEW = """\
prod-1 Server 1
  + activate server/prod-1      new: its tests come first
  + create template/restaurant  new, database template_restaurant
  + clone instance/acme         new, from template_restaurant
  + clone instance/bistro       new, from template_restaurant

prod-2 Server 2
  + activate server/prod-2      new: its tests come first
  + create template/restaurant  new, database template_restaurant
  + clone instance/cafe         new, from template_restaurant, suspended

Plan: 2 to activate, 2 to create, 3 to clone.
"""


def test_a_new_fleet_is_shown_by_server_with_reasons(world: World) -> None:
    ran = world.run("plan")
    assert (ran.code, ran.out, ran.err) == (0, NEW, "")
    assert not any(host.databases for host in world.hosts.values())


def test_changes_pending_exit_with_2_only_when_asked(world: World) -> None:
    assert world.run("plan", "--detailed-exitcode").code == 2


def test_nothing_to_do_is_said_with_what_was_compared(converged: World) -> None:
    ran = converged.run("plan", "--detailed-exitcode")
    assert (ran.code, without_times(ran.out)) == (0, MATCHES)


def test_a_changed_field_is_shown_from_what_to_what(world: World) -> None:
    world.store = f"sqlite:///{world.root}/state.sqlite"
    assert world.run("apply", "--yes").code == 0
    world.replace("instances.yaml", "company: Acme SA", "company: Acme NV")
    ran = world.run("plan")
    lines = ran.out.splitlines()
    assert lines == [
        "prod-1 Server 1",
        "  ~ configure instance/acme  its text changed",
        '      company: "Acme SA" → "Acme NV"',
        "",
        "Plan: 1 to change.",
    ]


def test_json_stands_alone_on_stdout_with_a_stable_shape(world: World) -> None:
    ran = world.run("plan", "-o", "json")
    document = json.loads(ran.out)
    assert document["format"] == 1
    counts = {"blocked": 0, "left_alone": 0, "foreign": 0, "withheld": 0, "removed": 0, "frozen": 0}
    assert document["summary"] == {"activate": 2, "create": 2, "clone": 3, **counts}
    assert document["actions"][0] == {
        "id": "activate server/prod-1",
        "verb": "activate",
        "kind": "server",
        "code": "prod-1",
        "server": "prod-1",
        "reason": "declared",
        "database": "",
        "becomes": "",
        "changes": [],
        "after": [],
        "origin": "",
        "may_fail": None,
    }
    assert list(document) == [
        "format",
        "fleet",
        "selected",
        "base",
        "databases",
        "digest",
        "converged",
        "summary",
        "actions",
        "blocked",
        "left_alone",
        "withheld",
        "removed",
        "frozen",
        "hooks",
        "stopped",
    ]


def test_a_target_brings_along_what_it_needs(world: World) -> None:
    ran = world.run("plan", "--target", "instance/cafe")
    assert ran.out.splitlines()[-1] == "Plan: 1 to activate, 1 to create, 1 to clone (only instance/cafe)."


def test_a_selector_selects_by_label(world: World) -> None:
    ran = world.run("plan", "--selector", "tier=gold")
    assert "instance/acme" in ran.out
    assert "instance/cafe" not in ran.out


def test_a_host_that_does_not_answer_blocks_what_is_on_it(world: World) -> None:
    ran = world.run("plan", "--server-url", "prod-2=http://127.0.0.1:9", "--target", "instance/cafe")
    assert ran.code == 0
    assert "Blocked\n  ! instance/cafe on prod-2: server prod-2 is offline:" in ran.out
    assert ran.out.splitlines()[-1] == "Nothing can be done; 1 blocked (only instance/cafe)."


def test_names_that_a_host_lists_cannot_move_the_cursor(world: World) -> None:
    host = world.hosts["prod-1"]
    assert world.run("apply", "--yes").code == 0
    host.databases["suspended.evil\x1b[2J"] = host.databases["acme"]
    ran = world.run("plan")
    assert "\x1b" not in without_times(ran.out)


def test_a_cause_that_stops_many_is_said_once(world: World) -> None:
    ran = world.run("plan", "--server-url", "prod-2=http://127.0.0.1:9")
    blocked = ran.out.partition("Blocked\n")[2].partition("\n\n")[0]
    assert blocked.count("server prod-2 is offline: ") == 1
    assert "    stops instance/cafe, server/prod-2, template/restaurant" in blocked


def test_what_is_piped_never_wraps(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS")
    world.replace("prod-2.yaml", "19.0", "18.0")
    guests = [f"a-customer-with-a-long-name-{number}" for number in range(3)]
    for code in guests:
        world.write(
            f"{code}.yaml", f"kind: instance\ncode: {code}\ntemplate: restaurant\nplan: starter\nserver: prod-2\n"
        )
    lines = world.run("plan").out.splitlines()
    stopped = ", ".join(f"instance/{code}" for code in [*guests, "cafe"])
    assert f"    stops {stopped}, server/prod-2, template/restaurant" in lines
    assert not [line for line in lines if re.match(" {7,}", line)], "nothing hangs below another line"
