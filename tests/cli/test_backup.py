"""`backup`: one now, and what there is."""

from __future__ import annotations

import json

import pytest

from tests.cli.saving import applied
from tests.cli.world import World

__all__ = ["applied"]


@pytest.fixture
def keeping(applied: World) -> World:
    """The fleet with a directory for its backups, and a plan that asks for them."""
    target = applied.root / "target"
    target.mkdir()
    applied.replace("fleet.yaml", "code: test\n", f"code: test\nbackup_targets: {{main: {{url: 'file://{target}'}}}}\n")
    applied.replace("fleet.yaml", "code: starter\n", "code: starter\nbackup: true\n")
    return applied


def test_one_is_made_and_listed(keeping: World) -> None:
    ran = keeping.run("backup", "now", "acme")
    assert ran.code == 0, ran.err
    assert ran.out.startswith("instance/acme  20")
    assert " rows; " in ran.out
    assert "backing up instance/acme on prod-1 to main" in ran.err
    listed = keeping.run("backup", "list", "acme")
    assert listed.code == 0
    assert "instance/acme" in listed.out
    (entry,) = json.loads(keeping.run("backup", "list", "-o", "json").out)["backups"]
    assert (entry["kind"], entry["code"], entry["target"]) == ("instance", "acme", "main")


def test_without_a_name_all_that_have_a_policy_are_backed_up(keeping: World) -> None:
    done = json.loads(keeping.run("backup", "now", "-o", "json").out)
    assert {entry["code"] for entry in done["backups"]} == {"acme", "bistro", "cafe"}
    assert done["failed"] == {}
    only = json.loads(keeping.run("backup", "now", "--selector", "tier=gold", "-o", "json").out)
    assert {entry["code"] for entry in only["backups"]} == {"acme"}


def test_the_newest_is_proven_and_the_list_says_so(keeping: World) -> None:
    for _ in range(2):
        assert keeping.run("backup", "now", "acme").code == 0
    ran = keeping.run("backup", "verify", "acme")
    assert ran.code == 0, ran.err
    assert " proven in " in ran.out
    entries = json.loads(keeping.run("backup", "list", "acme", "-o", "json").out)["backups"]
    assert [entry["proven"] is not None for entry in entries] == [False, True]
    assert keeping.run("backup", "verify", "nobody").code == 64


@pytest.mark.parametrize("chosen", [("--selector", "tier=gold"), ("--target", "acme")])
def test_what_is_listed_and_proven_is_what_is_selected(keeping: World, chosen: tuple[str, str]) -> None:
    """A proof costs its host a restore: it is asked for of those that are meant, and of no others."""
    assert keeping.run("backup", "now").code == 0
    keeping.replace("instances.yaml", "code: cafe\n", "code: brasserie\n")  # there is a backup of cafe
    for command in ("list", "verify"):
        found = json.loads(keeping.run("backup", command, *chosen, "-o", "json").out)["backups"]
        assert [entry["code"] for entry in found] == ["acme"], command
    proven = {e["code"]: e["proven"] for e in json.loads(keeping.run("backup", "list", "-o", "json").out)["backups"]}
    assert {code for code, proof in proven.items() if proof} == {"acme"}
    assert set(proven) == {"acme", "bistro", "cafe"}
    ran = keeping.run("backup", "verify", "--target", "brasserie")
    assert (ran.code, "there is no backup of instance/brasserie" in ran.err) == (64, True)


def test_status_says_how_old_the_last_good_and_the_last_proven_are(keeping: World) -> None:
    assert keeping.run("backup", "now").code == keeping.run("backup", "verify", "acme").code == 0
    document = json.loads(keeping.run("status", "backups", "-o", "json").out)
    rows = {row["document"]: row for row in document["backups"]}
    assert set(rows) == {"instance/acme", "instance/bistro", "instance/cafe"}
    assert rows["instance/acme"]["age_seconds"] >= 0
    assert rows["instance/acme"]["proof_age_seconds"] >= 0
    assert rows["instance/bistro"]["proven_at"] is None
    text = keeping.run("status", "backups").out
    assert "instance/bistro" in text
    assert "never" in text
    assert "instance/bistro" not in keeping.run("status", "backups", "acme").out


def test_an_instance_that_has_no_database_is_built_from_one(keeping: World) -> None:
    assert keeping.run("backup", "now", "acme").code == 0
    keeping.write("again.yaml", "kind: instance\ncode: again\ntemplate: restaurant\nplan: starter\nserver: prod-1\n")
    ran = keeping.run("restore", "acme", "--as", "again", "--yes")
    assert ran.code == 0, ran.err
    assert "+ restore instance/again" in ran.out
    assert "from a backup of acme" in ran.out
    host = keeping.hosts["prod-1"]
    assert len(host.databases["again"].rows("res.partner")) == len(host.databases["acme"].rows("res.partner"))
    assert "No changes" in keeping.run("plan").out, "and the text without restore_from agrees"


def test_a_backup_takes_the_place_of_the_database_and_what_that_was_comes_back_from_the_trash(keeping: World) -> None:
    host = keeping.hosts["prod-1"]
    assert keeping.run("backup", "now", "acme").code == 0
    (entry,) = json.loads(keeping.run("backup", "list", "acme", "-o", "json").out)["backups"]
    before = host.databases["acme"].uuid
    ran = keeping.run("restore", "acme", "--yes")
    assert ran.code == 0, ran.err
    said = " ".join(ran.out.split())
    assert "~ replace instance/acme by command, acme becomes trash-….acme" in said
    assert f"contents: as of now → backup {entry['id']} of instance/acme" in said
    assert "backup: none → one in main, made first" in said
    assert "1 to replace" in said
    (trash,) = [name for name in host.databases if name.startswith("trash-")]
    assert f"what was there is {trash}" in said
    restored = host.databases["acme"].uuid
    assert (host.databases[trash].uuid, restored == before) == (before, False)
    assert "No changes" in keeping.run("plan").out
    assert trash in keeping.run("status", "trash").out
    ran = keeping.run("restore", "acme", "--from-trash", trash, "--without-backup", "--yes")
    assert ran.code == 0, ran.err
    assert f"contents: as of now → {trash}" in " ".join(ran.out.split())
    assert host.databases["acme"].uuid == before
    assert {d.uuid for name, d in host.databases.items() if name.startswith("trash-")} == {restored}
    assert len(json.loads(keeping.run("backup", "list", "acme", "-o", "json").out)["backups"]) == 2


def test_a_zip_of_another_host_becomes_an_instance(keeping: World) -> None:
    assert keeping.run("backup", "now", "acme").code == 0
    (archive,) = (keeping.root / "target").rglob("*.zip")
    keeping.write("again.yaml", "kind: instance\ncode: again\ntemplate: restaurant\nplan: starter\nserver: prod-1\n")
    for wrong in (["acme", "--archive", str(archive)], ["acme", "--archive", str(archive), "--as", "again"], []):
        assert keeping.run("restore", *wrong, "--yes").code == 64
    over = keeping.run("restore", "--archive", str(archive), "--as", "bistro", "--yes")
    assert (over.code, "instance/bistro cannot be restored" in over.err) == (1, True)
    ran = keeping.run("restore", "--archive", str(archive), "--as", "again", "--yes")
    assert ran.code == 0, ran.err
    assert archive.name in "".join(ran.out.split())
    host = keeping.hosts["prod-1"]
    assert len(host.databases["again"].rows("res.partner")) == len(host.databases["acme"].rows("res.partner"))
    assert "No changes" in keeping.run("plan").out


def test_nothing_is_restored_over_another_instance_or_without_a_backup_or_an_answer(keeping: World) -> None:
    before = {name: database.uuid for name, database in keeping.hosts["prod-1"].databases.items()}
    ran = keeping.run("restore", "acme", "--yes")
    assert (ran.code, "there is no backup of instance/acme" in ran.err) == (1, True)
    assert keeping.run("backup", "now", "acme").code == 0
    ran = keeping.run("restore", "acme", "--as", "bistro", "--yes")
    assert ran.code == 1
    assert "instance/bistro cannot be restored" in ran.err
    ran = keeping.run("restore", "acme", "--from-trash", "trash-261129120000.acme", "--yes")
    assert ran.code == 1
    assert "is not listed on prod-1 as trash of acme" in " ".join(ran.err.split())
    ran = keeping.run("restore", "acme", "--as", "acme", "--yes")
    assert (ran.code, "instance/acme cannot be restored: it has a database" in ran.err) == (1, True)
    for option in ("--as", "--from-trash", "--backup"):  # a variable in which nothing is
        ran = keeping.run("restore", "acme", option, "", "--yes")
        assert (ran.code, "is not empty" in ran.err) == (64, True), ran
    assert keeping.run("restore", "acme", "--backup", "two\nlines", "--yes").code == 64
    assert keeping.run("restore", "acme", "--as", "nobody", "--yes").code == 64
    assert keeping.run("restore", "acme", "--as", "bistro", "--from-trash", "x", "--yes").code == 64
    assert keeping.run("restore", "acme").code == 64, "there is no terminal to ask on"
    assert {name: database.uuid for name, database in keeping.hosts["prod-1"].databases.items()} == before


def test_check_says_by_which_way_before_it_matters(keeping: World) -> None:
    ran = keeping.run("check", "prod-1")
    assert ran.code == 0, ran.out
    said = " ".join(ran.out.split())
    assert "passed backups by its page; suspended ones perhaps only by Odoo's call, up to 400 MB" in said
    assert "→ for larger ones: dbfilter = ^(%d|%h)$" in ran.out


def test_what_fails_is_said_and_the_others_are_kept(keeping: World) -> None:
    gone = keeping.hosts["prod-1"].databases.pop("acme")
    ran = keeping.run("backup", "now")
    keeping.hosts["prod-1"].databases["acme"] = gone
    assert ran.code == 1
    assert "instance/acme: it has no database 'acme'" in ran.err
    assert "instance/bistro  20" in ran.out


def test_without_a_target_it_is_wrong_usage(world: World) -> None:
    ran = world.run("backup", "now", "acme")
    assert ran.code == 64
    assert "where instance/acme is backed up to is not said: the fleet declares no `backup_targets`" in ran.err
    assert world.run("backup", "list").code == 64
    assert "nothing has a backup policy" in world.run("backup", "now").err


def test_a_plan_is_not_saved_that_could_restore_another_backup_when_it_is_applied(keeping: World) -> None:
    assert keeping.run("backup", "now", "acme").code == 0
    (entry,) = json.loads(keeping.run("backup", "list", "acme", "-o", "json").out)["backups"]
    text = "kind: instance\ncode: again\ntemplate: restaurant\nplan: starter\nserver: prod-1\n"
    text += "restore_from: {backup: %s, of: acme}\n"
    file = keeping.root / "plan.json"
    keeping.write("again.yaml", text % "latest")
    ran = keeping.run("plan", "--out", str(file))
    assert ran.code == 64
    assert "instance/again: which backup is the latest may change" in ran.err
    assert not file.exists()
    keeping.write("again.yaml", text % entry["id"])
    assert keeping.run("plan", "--out", str(file)).code == 0
    ran = keeping.run("apply", str(file), "--yes")
    assert ran.code == 0, ran.err
    assert f"from {entry['id']} of instance/acme in main" in " ".join(ran.out.split())
