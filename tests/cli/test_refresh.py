"""What a plan and a status rest on: how old each look is, `--refresh` for one now, and what is proven to be ours."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

from reconciler.store.opening import open_store
from tests.cli.saving import applied  # noqa: F401 -- a fixture
from tests.cli.world import MATCHES, World, without_times

SEEN_NOW = "No changes. 3 instances, 1 template on 2 servers match; 5 databases looked into now.\n"


def drift(world: World) -> None:
    """Change by hand what the text declares of acme."""
    world.hosts["prod-1"].databases["acme"].set_parameter("web.base.url", "http://changed.by.hand")


def age(world: World, time: timedelta) -> None:
    """Let all verifications be so old."""
    with open_store(world.store, "test") as store:
        for entry in store.inventory().entries.values():
            at = datetime.now(UTC) - time
            store.verified(entry.kind, entry.code, entry.server, entry.target, entry.digest, at)


def in_sync(world: World, *words: str) -> dict[str, str]:
    document = json.loads(world.run("status", "instances", "-o", "json", *words).out)
    return {row["code"]: row["in_sync"] for row in document["instances"]}


def test_no_changes_says_how_old_the_looks_are_that_it_rests_on(applied: World) -> None:  # noqa: F811
    age(applied, timedelta(hours=3, minutes=1))
    ran = applied.run("plan")
    assert "5 databases verified 3 h\nago at most." in ran.out
    assert ran.err == "`odoo-fleet plan --refresh` looks into every database now.\n"
    known = json.loads(applied.run("plan", "-o", "json").out)["databases"]
    assert (known["looked_into"], known["verified"], known["unverified"]) == (0, 5, 0)
    assert known["oldest"].startswith(f"{datetime.now(UTC) - timedelta(hours=3, minutes=1):%Y-%m-%dT%H}")


def test_refresh_looks_into_every_database_and_the_next_run_knows_it(applied: World) -> None:  # noqa: F811
    age(applied, timedelta(hours=3))
    assert " ".join(applied.run("plan", "--refresh").out.split()) == SEEN_NOW.strip()
    assert without_times(applied.run("plan").out) == MATCHES


def test_what_a_refresh_finds_changed_by_hand_is_not_forgotten_by_the_next_run(applied: World) -> None:  # noqa: F811
    drift(applied)
    assert without_times(applied.run("plan").out) == MATCHES
    assert in_sync(applied)["acme"] == "yes"
    assert in_sync(applied, "--refresh")["acme"] == "no"
    assert in_sync(applied)["acme"] == "no"
    assert "it drifted from its text" in applied.run("plan").out
    assert applied.run("apply", "--yes").code == 0
    assert in_sync(applied) == dict.fromkeys(("acme", "bistro", "cafe"), "yes")


def test_apply_with_refresh_repairs_what_is_not_due_yet(applied: World) -> None:  # noqa: F811
    drift(applied)
    ran = applied.run("apply", "--yes", "--refresh")
    assert ran.out.splitlines()[-1] == "1 action done; a fresh look finds nothing left to do."


def test_a_plan_without_a_store_looks_into_all_of_them_and_says_so(applied: World) -> None:  # noqa: F811
    applied.store = "none"
    assert " ".join(applied.run("plan").out.split()) == SEEN_NOW.strip()


def test_the_rhythm_of_looks_is_the_fleets(applied: World) -> None:  # noqa: F811
    age(applied, timedelta(hours=7))
    applied.replace("fleet.yaml", "code: test", "code: test\nverification: {max_age_hours: 6, databases_per_pass: 1}")
    ran = applied.run("plan")
    assert "2 databases looked into now, 3 verified 7 h ago" in " ".join(ran.out.split())


def test_status_tells_an_edit_that_nobody_applied_from_what_was_changed_by_hand(applied: World) -> None:  # noqa: F811
    applied.replace("instances.yaml", "company: Acme SA", "company: Acme NV")
    ran = applied.run("status", "instances")
    assert re.search(r"acme +prod-1 +active +changed", ran.out)
    assert "! 1 instance changed in the text and not applied: `odoo-fleet plan` looks what" in ran.out
    assert in_sync(applied, "--refresh")["acme"] == "changed"
    drift(applied)
    applied.replace("instances.yaml", "company: Acme NV", "company: Acme SA")
    assert in_sync(applied, "--refresh")["acme"] == "no"


def test_a_database_that_only_bears_a_declared_name_is_never_shown_as_ours(applied: World) -> None:  # noqa: F811
    host = applied.hosts["prod-1"]
    host.databases["wiki"] = host.databases["acme"].fork()
    document = "---\nkind: instance\ncode: wiki\ntemplate: restaurant\nplan: starter\nserver: prod-1\n"
    applied.write("wiki.yaml", document)
    ran = applied.run("status", "instances")
    assert re.search(r"wiki +prod-1 +active \(unproven\) +never seen", ran.out)
    ran = applied.run("status", "instances", "--refresh")
    assert re.search(r"wiki +prod-1 +active \(not ours\) +not ours", ran.out)
    assert in_sync(applied)["wiki"] == "never seen"


def test_a_look_into_all_and_a_look_into_none_are_not_asked_for_at_once(applied: World) -> None:  # noqa: F811
    for command in ("plan", "status"):
        assert applied.run(command, "--refresh", "--shallow").code == 64
    assert applied.run("status", "--health", "--refresh").code == 64


def test_one_instance_is_looked_into_alone(applied: World) -> None:  # noqa: F811
    before = len(applied.hosts["prod-2"].calls)
    ran = applied.run("status", "instance", "acme", "--refresh")
    assert "acme  prod-1  active  yes" in ran.out
    entered = {call.database for call in applied.hosts["prod-2"].calls[before:]}
    assert "suspended.cafe" not in entered


def test_a_plan_of_a_text_that_is_not_in_force_neither_gives_nor_takes_trust(applied: World) -> None:  # noqa: F811
    """As the plan of a pull request that shares a store with what applies: looked into, and nothing is noted of that text."""
    applied.replace("instances.yaml", "company: Acme SA", "company: Acme NV")
    assert "its text changed" in applied.run("plan", "--refresh").out
    assert in_sync(applied)["acme"] == "changed"
    applied.replace("instances.yaml", "company: Acme NV", "company: Acme SA")
    assert in_sync(applied)["acme"] == "yes"
    assert without_times(applied.run("plan").out) == MATCHES


def test_a_host_that_is_frozen_is_told_though_there_is_nothing_to_do_on_it(applied: World) -> None:  # noqa: F811
    """A customer who left is dropped by hand: the list is shorter, and somebody says that it is right."""
    text = (applied.fleet / "instances.yaml").read_text()
    applied.write("instances.yaml", "---\n".join(d for d in text.split("---\n") if "code: cafe" not in d))
    assert applied.run("apply", "--yes").code == 0
    del applied.hosts["prod-2"].databases["suspended.cafe"]
    for words in (["plan"], ["apply", "--yes"], ["status"], ["status", "foreign"], ["plan", "-o", "markdown"]):
        ran = applied.run(*words)
        assert (ran.code, ran.err) == (0, "")
        assert "it no longer lists cafe\n" in ran.out
        assert "dropped on purpose" in ran.out
        assert "run with --confirm-listing prod-2" in ran.out.replace("`", "")
    for words in (["plan"], ["status"]):
        (frozen,) = json.loads(applied.run(*words, "-o", "json").out)["frozen"]
        assert (frozen["server"], frozen["why"]) == ("prod-2", "it no longer lists cafe")
    assert json.loads(applied.run("apply", "--yes", "-o", "json").out)["plan"]["summary"]["frozen"] == 1
    assert 'type="frozen"' in applied.run("plan", "-o", "junit").out
    assert "; 1 server frozen" in applied.run("plan").out
    assert applied.run("apply", "--yes", "--confirm-listing", "prod-2").code == 0
    for words in (["plan"], ["status"], ["plan", "-o", "markdown"]):
        assert "rozen" not in applied.run(*words).out
