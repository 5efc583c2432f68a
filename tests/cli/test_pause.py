"""`pause` and `resume`: what is left alone, for how long, and that every report says so."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema
import pytest

from reconciler.store.opening import open_store
from tests.cli.world import World, without_times

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/schemas/plan.json").read_text())


@pytest.fixture
def kept(world: World) -> World:
    """A world whose store outlives a command, with nothing built yet."""
    world.store = f"sqlite:///{world.root}/state.sqlite"
    return world


def moments(text: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\dZ)?", "(moment)", text)


def calls(world: World) -> int:
    return sum(len(host.calls) for host in world.hosts.values())


def test_a_paused_instance_is_shown_and_not_touched_until_it_is_resumed(kept: World) -> None:
    paused = kept.run("pause", "instance/acme", "--reason", "the customer's answer,\n ticket 4711")
    assert (paused.code, paused.err) == (0, "")
    assert paused.out == (
        "instance/acme is paused: its database is not made, changed, renamed, suspended\n"
        "or put back in service.\n"
        "Why: the customer's answer, ticket 4711\n"
        "It is still looked at: `odoo-fleet plan` shows what is held back.\n"
        "Undo: odoo-fleet resume instance/acme\n"
    )
    assert calls(kept) == 0
    applied = kept.run("apply", "--yes")
    assert applied.code == 0
    assert "acme" not in kept.hosts["prod-1"].databases
    assert "bistro" in kept.hosts["prod-1"].databases
    assert (
        applied.out.splitlines()[-1] == "6 actions done; a fresh look finds nothing left to do but 1 action withheld."
    )
    resumed = kept.run("resume", "instance/acme")
    assert (resumed.code, resumed.out) == (
        0,
        "instance/acme is no longer paused: what was held back is done from now on.\n",
    )
    assert kept.run("apply", "--yes").code == 0
    assert "acme" in kept.hosts["prod-1"].databases


def test_the_plan_says_what_would_be_done_and_by_which_pause_it_is_not(kept: World) -> None:
    kept.run("pause", "server/prod-2", "--reason", "its disk is replaced")
    ran = kept.run("plan", "--detailed-exitcode")
    assert ran.code == 2
    assert moments(ran.out).endswith(
        "Withheld\n"
        "  = server/prod-2 is paused (since (moment) UTC): its disk is replaced\n"
        "    would activate server/prod-2: new: its tests come first\n"
        "    would create template/restaurant on prod-2: new, database\n"
        "          template_restaurant\n"
        "    would clone instance/cafe on prod-2: new, from template_restaurant,\n"
        "          suspended\n"
        "\n"
        "Plan: 1 to activate, 1 to create, 2 to clone; 3 withheld.\n"
    )


def test_the_pull_request_says_so_too(kept: World) -> None:
    kept.run("pause", "instance/acme", "--reason", "ticket 4711")
    kept.run("pause", "server/prod-2")
    page = re.sub(r"\(since [^)]*UTC\)", "(since then)", kept.run("plan", "-o", "markdown").out)
    assert "- **Withheld:** 2 customers: `acme`, `cafe`\n" in page
    assert page.partition("#### Withheld\n\n")[2] == (
        "- server/prod-2 is paused (since then). Without it:\n"
        "  - server `prod-2`: tested, then put to use (new: its tests come first)\n"
        "  - template `restaurant`: database `template_restaurant` created (new)\n"
        "  - `cafe`: new database `cafe`, cloned from `template_restaurant`, **suspended** (new)\n"
        "- instance/acme is paused (since then): ticket 4711. Without it:\n"
        "  - `acme`: new database `acme`, cloned from `template_restaurant` (new)\n"
    )


def test_machines_read_it_from_json_and_junit(kept: World) -> None:
    kept.run("pause", "--reason", "audit")
    document = json.loads(kept.run("plan", "-o", "json").out)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert (document["actions"], document["summary"]["withheld"], document["converged"]) == ([], 7, False)
    first = document["withheld"][0]
    assert first["action"]["id"] == "activate server/prod-1"
    assert first["why"].endswith("UTC): audit")
    suites = ET.fromstring(kept.run("plan", "-o", "junit").out)
    (case,) = (case for case in suites.iter("testcase") if case.get("name") == "clone instance/acme")
    skipped = case.find("skipped")
    assert skipped is not None
    message = str(skipped.get("message"))
    assert message.startswith("withheld, would clone: new, from template_restaurant; fleet/test is paused (since ")
    assert suites.get("failures") == "0"


def test_a_paused_fleet_is_left_alone_as_a_whole(kept: World) -> None:
    assert "fleet/test is paused: nothing is changed on any of its servers." in kept.run("pause").out
    applied = kept.run("apply", "--yes")
    assert (applied.code, applied.out.splitlines()[-1]) == (0, "Nothing to do but 7 withheld actions.")
    assert not any(host.databases for host in kept.hosts.values())
    assert kept.run("resume").out.startswith("fleet/test is no longer paused")


def test_status_shows_what_is_paused_by_what_and_why(kept: World) -> None:
    kept.run("apply", "--yes")
    kept.run("pause", "server/prod-2", "--reason", "its disk is replaced")
    kept.replace("instances.yaml", "company: Acme SA", "paused: true\ncompany: Acme NV")
    text = moments(kept.run("status").out)
    assert (
        "\n\nPaused\n"
        "= instance/acme is paused (its text says paused: true)\n"
        "= server/prod-2 is paused (since (moment) UTC): its disk is replaced\n\n"
    ) in text
    assert "Paused" not in kept.run("status", "instances", "bistro").out
    assert "server/prod-2" in kept.run("status", "instances", "cafe", "-o", "wide").out
    document = json.loads(kept.run("status", "-o", "json").out)
    assert [(p["kind"], p["code"], p["by"], p["reason"]) for p in document["paused"]] == [
        ("instance", "acme", "text", ""),
        ("server", "prod-2", "command", "its disk is replaced"),
    ]
    assert max(map(len, text.splitlines())) <= 80


def test_status_says_of_an_instance_what_is_held_back(kept: World) -> None:
    kept.run("pause", "instance/acme")
    (row,) = json.loads(kept.run("status", "instances", "acme", "-o", "json").out)["instances"]
    assert (row["server"], row["in_sync"], row["detail"]) == ("prod-1", "no", "withheld, would clone: new")


def test_what_the_text_pauses_no_command_resumes(kept: World) -> None:
    kept.replace("instances.yaml", "company: Acme SA", "company: Acme SA\npaused: true")
    ran = kept.run("resume", "instance/acme")
    assert (ran.code, ran.out) == (1, "")
    said = " ".join(ran.err.split())
    assert said == f"instance/acme is paused by its text: remove `paused: true` at {kept.fleet}/instances.yaml:7:9."
    kept.run("pause", "instance/acme")
    ran = kept.run("resume", "instance/acme")
    assert ran.code == 1
    assert ran.err.startswith("The command's pause is ended, but instance/acme is paused by its text")


def test_a_wider_pause_is_named_when_a_narrower_one_ends(kept: World) -> None:
    kept.run("pause", "server/prod-1")
    kept.run("pause", "instance/acme")
    ran = kept.run("resume", "instance/acme")
    assert ran.code == 0
    said = moments(" ".join(ran.out.split()))
    assert said == (
        "instance/acme is no longer paused. It is held back all the same: server/prod-1 is paused "
        "(since (moment) UTC) (`odoo-fleet resume server/prod-1` ends that)."
    )


def test_resuming_what_is_not_paused_says_so(kept: World) -> None:
    ran = kept.run("resume", "server/prod-1")
    assert (ran.code, ran.out) == (0, "server/prod-1 is not paused: nothing to do.\n")


def test_pausing_twice_goes_on_and_may_change_the_reason(kept: World) -> None:
    kept.run("pause", "server/prod-1", "--reason", "first")
    with open_store(kept.store, "test") as store:
        since = store.inventory().pauses["server", "prod-1"].since
    ran = kept.run("pause", "server/prod-1", "--reason", "second")
    assert ran.out.startswith("server/prod-1 was paused already, on ")
    assert "Why: second" in ran.out
    assert "Why: second" in kept.run("pause", "server/prod-1").out
    with open_store(kept.store, "test") as store:
        pause = store.inventory().pauses["server", "prod-1"]
        assert (pause.since, pause.reason) == (since, "second")
        assert len(store.notices(names=["paused"])) == 2  # the third said nothing new


def test_what_was_removed_from_the_text_meanwhile_can_be_resumed(kept: World) -> None:
    kept.run("pause", "instance/cafe")
    text = (kept.fleet / "instances.yaml").read_text()
    kept.write("instances.yaml", text.rpartition("---\n")[0])
    assert kept.run("resume", "instance/cafe").code == 0
    again = kept.run("resume", "instance/cafe")
    assert again.code == 64
    assert "the fleet has no 'instance/cafe'" in again.err


def test_a_text_that_is_not_valid_keeps_nobody_from_a_pause(kept: World) -> None:
    kept.replace("instances.yaml", "template: restaurant", "template: restaurent")
    ran = kept.run("pause", "instance/acme")
    assert ran.code == 0
    assert ran.err == "The fleet's text is not valid now (`odoo-fleet validate` says why): going by its names.\n"
    assert kept.run("resume", "instance/acme").code == 0


def test_both_are_written_down_with_their_reasons(kept: World) -> None:
    kept.run("pause", "server/prod-1", "--reason", "its disk is replaced")
    kept.run("resume", "server/prod-1", "--reason", "done")
    events = [json.loads(line) for line in kept.run("events", "-o", "json").out.splitlines()]
    assert [(e["name"], e["server"], e["detail"]) for e in events] == [
        ("paused", "prod-1", "server/prod-1 was paused by command: its disk is replaced"),
        ("resumed", "prod-1", "server/prod-1 was resumed by command: done"),
    ]


def test_json_says_how_the_document_stands(kept: World) -> None:
    kept.run("pause", "--reason", "audit")
    paused = json.loads(kept.run("pause", "instance/acme", "--reason", "ticket", "-o", "json").out)
    assert (paused["paused"], paused["changed"], paused["reason"], paused["paused_as_well"]) == (
        True,
        True,
        "ticket",
        ["fleet/test"],
    )
    resumed = json.loads(kept.run("resume", "instance/acme", "-o", "json").out)
    assert (resumed["paused"], resumed["changed"], resumed["since"]) == (False, True, None)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["pause", "instance/amce"], "the fleet has no 'instance/amce' (did you mean 'instance/acme'?)"),
        (
            ["pause", "acmee"],
            "the fleet has no 'acmee' (did you mean 'acme'? What it no longer has is named as KIND/CODE.)",
        ),
        (["pause", "instanceX/acme"], "no kind 'instanceX' (did you mean 'instance'?)"),
        (["pause", "plan/starter"], "a plan has no databases of its own"),
        (["pause", "instance/Acme"], "'Acme' is no code"),
        (["resume", "instance/amce"], "did you mean 'instance/acme'?"),
        (["pause", "--store", "none"], "--store none: a pause could not be kept"),
        (["resume", "--store", "none"], "--store none: no pause is kept there"),
    ],
)
def test_wrong_usage_exits_with_64_and_a_hint(kept: World, words: list[str], says: str) -> None:
    ran = kept.run(*words) if "none" not in words else World(kept.root, kept.hosts, "none").run(words[0])
    assert (ran.code, ran.out) == (64, "")
    assert says in ran.err


def test_a_reason_cannot_move_the_cursor(kept: World) -> None:
    kept.run("pause", "instance/acme", "--reason", "\x1b[2J gone")
    for words in (["pause", "instance/acme"], ["plan"], ["status"], ["events"], ["history", "instance/acme"]):
        assert "\x1b" not in without_times(kept.run(*words).out)


def test_what_is_blocked_in_a_paused_document_is_no_failure(kept: World) -> None:
    kept.run("pause", "server/prod-2", "--reason", "its disk is replaced")
    unreachable = ("--server-url", "prod-2=http://127.0.0.1:9")
    offline = (*unreachable, "--target", "instance/cafe")
    assert "(server/prod-2 is paused (since " in " ".join(kept.run("plan", *offline).out.split())
    page = kept.run("plan", "-o", "markdown", *offline).out
    assert "**Paused:** server/prod-2 is paused" in page.partition("#### Blocked")[2]
    assert "- **Withheld:** 1 customer: `cafe`\n" in page
    suites = ET.fromstring(kept.run("plan", "-o", "junit", *offline).out)
    assert suites.get("failures") == "0"
