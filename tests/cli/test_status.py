"""`status`: what is declared beside what is there."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
import yaml

from tests.cli.saving import applied  # noqa: F401 -- a fixture
from tests.cli.world import World, without_times

CONVERGED = """\
Servers
CODE    NAME      STATE   ONLINE  HEALTH   ODOO  INSTANCES  FREE
prod-1  Server 1  active  yes     healthy  19.0       2/10  80 %
prod-2  Server 2  active  yes     healthy  19.0       1/10  90 %

Templates
CODE        NAME        VERSION   READY  ON              NOT ON  BEHIND
restaurant  restaurant  9d890055  yes    prod-1, prod-2  -            0

Instances
CODE    SERVER  STATE      IN SYNC  URL
acme    prod-1  active     yes      acme.example.com
bistro  prod-1  active     yes      bistro.example.com
cafe    prod-2  suspended  yes      cafe.example.com

Plans
CODE     NAME     PERIOD  USERS   STORAGE  INSTANCES
starter  Starter  month       5  no limit          3

Fleet 'test', looked at on (time) UTC; 5 databases verified 0 s ago at most.
"""


def test_a_converged_fleet_is_shown_whole(converged: World) -> None:
    ran = converged.run("status")
    assert (ran.code, without_times(ran.out), ran.err) == (0, CONVERGED, "")


def test_it_makes_two_calls_a_host(converged: World) -> None:
    before = {code: len(host.calls) for code, host in converged.hosts.items()}
    converged.run("status")
    assert {code: len(host.calls) - before[code] for code, host in converged.hosts.items()} == {
        "prod-1": 2,
        "prod-2": 2,
    }


def test_before_anything_is_there_it_says_what_is_missing(world: World) -> None:
    ran = world.run("status", "instances")
    assert without_times(ran.out).splitlines()[2:6] == [
        "acme    prod-1  active (missing)     no       acme.example.com",
        "bistro  prod-1  active (missing)     no       bistro.example.com",
        "cafe    prod-2  suspended (missing)  no       cafe.example.com",
        "! 3 instances not in sync: `odoo-fleet plan` says why.",
    ]


def test_without_a_memory_nothing_is_taken_for_ours_by_its_name_alone(converged: World) -> None:
    ran = replace(converged, store="none").run("status", "instances", "acme", "-o", "json")
    (row,) = json.loads(ran.out)["instances"]
    assert (row["state"], row["observed"], row["in_sync"]) == ("active", "active", "never seen")


def test_a_host_that_does_not_answer_is_critical_and_its_instances_unknown(converged: World) -> None:
    ran = converged.run("status", "--server-url", "prod-2=http://127.0.0.1:9")
    assert "prod-2  Server 2  active  no      critical  19.0       ?/10     -" in ran.out
    assert "! prod-2: offline: " in ran.out
    assert "cafe    prod-2  suspended (unknown)  unknown" in ran.out
    assert "restaurant  restaurant  9d890055  partly  prod-1  prod-2" in ran.out


def test_an_instance_without_a_server_is_shown_where_it_was_last_seen(converged: World) -> None:
    gone = ("--server-url", "prod-1=http://127.0.0.1:9")
    assert re.search(r"bistro +prod-1 +active \(unknown\) +unknown", converged.run("status", *gone).out)
    (row,) = json.loads(converged.run("status", "bistro", *gone, "-o", "json").out)["instances"]
    assert (row["server"], row["observed"], row["in_sync"]) == ("prod-1", "unknown", "unknown")
    ran = converged.run("place", "bistro", *gone)
    assert ran.code == 0
    assert "instance/bistro was last seen on prod-1, which does not answer" in ran.out
    other = ("--server-url", "prod-2=http://127.0.0.1:9")
    assert re.search(r"bistro +prod-1 +active +yes", converged.run("status", *other).out)


@pytest.mark.parametrize(
    ("thresholds", "health"),
    [
        ("warning_capacity_percent: 85", "warning"),
        ("critical_capacity_percent: 85", "critical"),
        ("warning_capacity_percent: 80", "healthy"),
    ],
)
def test_health_follows_the_thresholds_of_the_fleet(
    converged: World, tmp_path_factory: pytest.TempPathFactory, thresholds: str, health: str
) -> None:
    root = tmp_path_factory.mktemp("other")
    other = World(root, converged.hosts, converged.store)
    other.fleet.mkdir()
    for file in converged.fleet.iterdir():
        other.write(file.name, file.read_text())
    other.replace("fleet.yaml", "code: test", f"code: test\nhealth: {{{thresholds}, warning_latency_ms: 60000}}")
    (row,) = json.loads(other.run("status", "servers", "prod-1", "-o", "json").out)["servers"]
    assert row["health"] == health


def test_wide_has_every_column_and_what_is_piped_is_a_line_for_each_row(
    converged: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS")
    ran = converged.run("status", "instances", "-o", "wide", "--selector", "tier=gold")
    header, row = ran.out.splitlines()[1:3]
    assert re.split(r"  +", header)[5:] == ["DATABASE", "DECLARED", "OBSERVED", "IN SYNC", "VERIFIED", "URL", "WHY"]
    assert "https://acme.example.com" in row
    assert "bistro" not in ran.out


def test_a_table_that_is_too_wide_folds_its_rows_between_words_and_cuts_nothing_off(world: World) -> None:
    world.replace("fleet.yaml", "name: Starter\n", "name: For those who begin with a shop of three rooms\n")
    ran = world.run("status", "-o", "wide")
    lines = ran.out.splitlines()
    assert max(map(len, lines)) <= 80
    words = set(ran.out.split())
    assert "https://acme.example.com" in words
    assert {"DATABASE", "DECLARED", "OBSERVED", "WHY"} <= words
    assert {"begin", "three", "rooms"} <= words
    assert re.search(r"^starter  For those who begin .*\n {9}\S.* rooms$", ran.out, re.MULTILINE)


def test_yaml_says_the_same_as_json(converged: World) -> None:
    as_json = json.loads(converged.run("status", "plans", "-o", "json").out)
    as_yaml = yaml.safe_load(converged.run("status", "plans", "-o", "yaml").out)
    assert as_yaml["plans"] == as_json["plans"]
    assert as_json["format"] == 1


def test_nothing_is_wider_than_80_columns(converged: World) -> None:
    converged_lines = converged.run("status").out.splitlines()
    assert max(map(len, converged_lines)) <= 80


def test_a_single_document_is_shown_as_it_came_to_be_with_defaults(converged: World) -> None:
    """Fields that are only recorded are shown, and what the text leaves out; of a secret its reference, as the text has it."""
    converged.replace("prod-1.yaml", "server_url:", "server_ip: 192.0.2.10\nserver_url:")
    (row,) = yaml.safe_load(converged.run("status", "server", "prod-1", "-o", "yaml").out)["servers"]
    assert (row["declared"]["server_ip"], row["declared"]["server_port"]) == ("192.0.2.10", 8069)
    assert row["declared"]["master_password"].keys() & {"env", "file"}
    text = converged.run("status", "instance", "acme").out
    assert "Declared, with defaults\nkind: instance\n" in text
    assert "\nstate: active\n" in text
    assert "Declared" not in converged.run("status", "instances").out


def test_who_came_from_an_earlier_version_of_a_template_is_behind_it(applied: World) -> None:  # noqa: F811
    applied.replace("fleet.yaml", "country_code: BE", "country_code: BE\nparameters: {our.note: hello}")
    plan = applied.run("plan", "-o", "json")
    rebuilds = [action for action in json.loads(plan.out)["actions"] if action["verb"] == "rebuild"]
    assert {(a["server"], a["reason"], a["changes"][0]["field"]) for a in rebuilds} == {
        ("prod-1", "changed", "version"),
        ("prod-2", "changed", "version"),
    }
    assert "yes    prod-1, prod-2" in applied.run("status", "templates").out, "it can be cloned until then"
    ran = applied.run("apply", "--yes")
    assert ran.code == 0, ran
    (row,) = json.loads(applied.run("status", "templates", "-o", "json").out)["templates"]
    assert [place["behind"] for place in row["places"]] == [["acme", "bistro"], ["cafe"]]
    (version,) = {place["version"] for place in row["places"]}
    short, wide = (" ".join(applied.run("status", "templates", *more).out.split()) for more in ([], ["-o", "wide"]))
    assert f"restaurant restaurant {version} yes prod-1, prod-2 - 3" in short
    assert "acme, bistro, cafe" in wide
    again = applied.run("refresh", "template/restaurant", "--yes", "--store", applied.store)
    assert (again.code, "rebuild template/restaurant" in again.out) == (0, True), again
    assert "No changes" in applied.run("plan").out
