"""`plan --out FILE` and `apply FILE`: exactly what was saved is done, or nothing is and all that moved is named."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli import saved_plans
from reconciler.core import names
from tests.cli.world import FLEET, INSTANCES, KEY, Ran, World, run, serving

Change = Callable[[World, Path], None]


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def save(world: World, *words: str) -> Path:
    """Save a plan beside the fleet."""
    file = world.root / "plan.json"
    ran = world.run("plan", "--out", str(file), *words)
    assert ran.code == 0, ran.err
    assert ran.err == f"Saved to {file}: `odoo-fleet apply {file}` carries out exactly this.\n"
    return file


def apply(world: World, file: Path, *words: str) -> Ran:
    return world.run("apply", str(file), "--yes", *words)


def listed(world: World) -> dict[str, list[str]]:
    return {code: sorted(host.listed()) for code, host in world.hosts.items() if host.alive}


def changing_calls(world: World) -> int:
    """Count what could change a host: all but versions, listings, logins and reads."""
    reads = {"version", "list", "login", "server_version", "db_exist", "search_read", "read", "search", "fields_get"}
    reads |= {"authenticate", "search_count", "get_param", "has_group", "list_lang"}
    made = (call.model_method or call.method for host in world.hosts.values() for call in host.calls)
    return sum(name.rpartition(".")[2] not in reads for name in made)


def refusal(world: World, file: Path) -> list[str]:
    """Apply, which must be refused with nothing changed; return the reasons."""
    before, calls = listed(world), changing_calls(world)
    ran = apply(world, file)
    assert (ran.code, ran.out) == (1, "")
    first, *reasons = ran.err.splitlines()
    assert first == f"Error: {file} is refused, and nothing was changed:"
    assert "`odoo-fleet plan --out FILE`" in reasons.pop()
    assert (listed(world), changing_calls(world)) == (before, calls)
    return [reason.removeprefix("  - ") for reason in reasons]


@pytest.fixture
def applied(tmp_path: Path) -> Iterator[World]:
    """A world that is as its text says, with a store that knows it."""
    with serving(tmp_path) as fresh:
        fresh.store = f"sqlite:///{tmp_path}/state.sqlite"
        assert fresh.run("apply", "--yes").code == 0
        yield fresh


# Carried out


def test_exactly_what_was_saved_is_done(world: World) -> None:
    file = save(world)
    ran = apply(world, file)
    assert ran.code == 0
    assert ran.out.splitlines()[-1] == "7 actions done; a fresh look finds nothing left to do."
    assert world.run("plan", "--detailed-exitcode").code == 0


def test_it_shows_what_the_plan_showed(world: World) -> None:
    shown = world.run("plan").out
    assert apply(world, save(world)).out.startswith(shown)


def test_the_file_is_its_owners_alone_and_replaced_whole(world: World) -> None:
    file = save(world)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first = file.read_text()
    with file.open() as kept_open:
        assert save(world) == file
        assert kept_open.read() == first
    assert [each.name for each in world.root.iterdir() if each.name.startswith(".plan")] == []


def test_it_holds_the_limits_that_the_plan_had(world: World) -> None:
    file = save(world, "--target", "instance/cafe")
    ran = apply(world, file)
    assert ran.code == 0
    assert "Plan: 1 to activate, 1 to create, 1 to clone (only instance/cafe)." in ran.out
    assert listed(world) == {"prod-1": [], "prod-2": ["suspended.cafe", "template_restaurant"]}


def test_it_reaches_servers_where_the_plan_did(world: World) -> None:
    text = (world.fleet / "prod-2.yaml").read_text()
    url = next(line.removeprefix("server_url: ") for line in text.splitlines() if line.startswith("server_url"))
    world.replace("prod-2.yaml", url, "http://odoo-2.invalid")
    file = save(world, "--server-url", f"prod-2={url}", "--target", "instance/cafe")
    assert apply(world, file).code == 0
    assert "suspended.cafe" in listed(world)["prod-2"]


def test_what_was_confirmed_stays_confirmed(applied: World) -> None:
    """Each of 2 published databases goes out of service; the fleet allows one at a time."""
    applied.replace("fleet.yaml", "code: test\n", "code: test\nsafety: {max_removals: 1}\n")
    text = INSTANCES.replace("code: acme\n", "code: acme\nstate: suspended\n")
    applied.write("instances.yaml", text.replace("code: bistro\n", "code: bistro\nstate: suspended\n"))
    assert "2 blocked" in applied.run("plan").out
    file = save(applied, "--allow-removals")
    assert apply(applied, file).code == 0
    assert "suspended.acme" in listed(applied)["prod-1"]


def test_an_empty_one_is_saved_and_does_nothing(applied: World) -> None:
    file = save(applied)
    ran = apply(applied, file)
    assert (ran.code, ran.out) == (0, "No changes. 3 instances, 1 template on 2 servers match.\n")


def test_it_is_saved_beside_every_form_of_report(world: World) -> None:
    for output in ("markdown", "json", "junit"):
        file = save(world, "-o", output)
        assert json.loads(file.read_text())["kind"] == "odoo-fleet changeset"


def test_databases_of_others_that_come_and_go_are_no_reason_to_refuse(applied: World) -> None:
    applied.replace("instances.yaml", "company: Acme SA", "company: Acme NV")
    file = save(applied)
    host = applied.hosts["prod-1"]
    host.databases["wiki"] = host.databases["acme"].fork()
    assert apply(applied, file).code == 0


def test_a_sweep_that_falls_due_meanwhile_is_left_to_the_next_pass(
    applied: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The build was young when the plan was made; three hours later it is past its limit."""
    applied.replace("instances.yaml", "company: Acme SA", "company: Acme NV")
    host = applied.hosts["prod-1"]
    old, young = (building(hours=hours) for hours in (3, 1))
    host.databases[young] = host.databases["acme"].fork()
    file = save(applied)
    assert "sweep" not in file.read_text()
    host.databases[old] = host.databases.pop(young)
    ran = apply(applied, file)
    assert ran.code == 0
    assert old in host.listed()
    assert "1 to sweep" in applied.run("plan").out


def building(*, hours: int) -> str:
    """Name a build that began so many hours ago; the fleet's limit is two."""
    return names.building("acme", datetime.now(UTC) - timedelta(hours=hours), "aaaaa")


def test_a_sweep_that_somebody_else_did_meanwhile_is_not_missed(applied: World) -> None:
    host = applied.hosts["prod-1"]
    old = building(hours=3)
    host.databases[old] = host.databases["acme"].fork()
    applied.replace("instances.yaml", "company: Acme SA", "company: Acme NV")
    file = save(applied)
    assert [a["verb"] for a in json.loads(file.read_text())["changeset"]["actions"]] == ["configure", "sweep"]
    del host.databases[old]
    ran = apply(applied, file)
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "1 action done; a fresh look finds nothing left to do.")


def test_a_look_that_falls_due_meanwhile_is_left_to_the_next_pass(applied: World) -> None:
    """What has drifted, and was not looked at by the plan, is in no reviewer's eyes: the plan is as it was."""
    applied.replace("instances.yaml", "company: Acme SA", "company: Acme NV")
    file = save(applied)
    applied.hosts["prod-1"].databases["bistro"].set_parameter("web.base.url", "http://by.hand")
    with sqlite3.connect(applied.root / "state.sqlite") as store:
        store.execute("UPDATE entries SET verified_at = '2020-01-01T00:00:00.000000+00:00'")
    ran = apply(applied, file)
    assert ran.code == 0
    assert "configure instance/bistro" not in ran.err
    assert "configure instance/bistro" in applied.run("plan").out


# Not a changeset, or not this fleet's


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, str]]:
    """A world that is never changed, and what a plan of it was saved as."""
    with pytest.MonkeyPatch.context() as patch, serving(tmp_path_factory.mktemp("kept")) as world:
        patch.setenv("ODOO_FLEET_KEY", KEY)
        patch.setenv("MASTER_PASSWORD", "the-master-password")
        yield world, save(world).read_text()


def edited(text: str, edit: Callable[[Any], object]) -> str:
    document = json.loads(text)
    edit(document)
    return json.dumps(document)


EDITED = "its seal does not fit what it says: it was edited after it was saved"
NO_CHANGESET = "it is not a changeset that `odoo-fleet plan --out` wrote"

FILES: dict[str, tuple[Callable[[str], str], str]] = {
    "an action more": (
        lambda text: edited(text, lambda d: d["changeset"]["actions"].append(d["changeset"]["actions"][0])),
        EDITED,
    ),
    "another database": (
        lambda text: edited(text, lambda d: d["changeset"]["actions"][2].update(becomes="evil")),
        EDITED,
    ),
    "other limits": (lambda text: edited(text, lambda d: d["limits"].update(allow_removals=True)), EDITED),
    "another address": (
        lambda text: edited(text, lambda d: d["limits"]["server_urls"].update(x="http://evil")),
        EDITED,
    ),
    "an older text": (lambda text: edited(text, lambda d: d.update(digest="0" * 64)), EDITED),
    "a field more": (lambda text: edited(text, lambda d: d.update(more=1)), EDITED),
    "another seal": (lambda text: edited(text, lambda d: d["seal"].update(value="0" * 64)), EDITED),
    "a seal that is no text": (lambda text: edited(text, lambda d: d["seal"].update(value=[])), "it has no seal"),
    "no seal": (lambda text: edited(text, lambda d: d.pop("seal")), "it has no seal"),
    "half of it": (lambda text: text[: len(text) // 2], f"{NO_CHANGESET}, or not all of it: no JSON"),
    "nothing": (lambda _: "", f"{NO_CHANGESET}, or not all of it: no JSON"),
    "other JSON": (lambda _: '{"format": 1, "actions": []}', NO_CHANGESET),
    "a number": (lambda _: "7", NO_CHANGESET),
    "YAML": (lambda _: "kind: odoo-fleet changeset\n", f"{NO_CHANGESET}, or not all of it: no JSON"),
    "far too deep": (lambda _: "[" * 100_000, f"{NO_CHANGESET}, or not all of it: no JSON"),
    "a newer format": (
        lambda text: edited(text, lambda d: d.update(format=2)),
        "its format is 2, and this version reads format 1: a newer odoo-fleet wrote it",
    ),
    "a format that is none": (
        lambda text: edited(text, lambda d: d.update(format=True)),
        "its format is True, and this version reads format 1",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_not_as_it_was_saved_is_refused(kept: tuple[World, str], tmp_path: Path, name: str) -> None:
    world, text = kept
    write, reason = FILES[name]
    file = tmp_path / "plan.json"
    file.write_text(write(text))
    calls = {code: len(host.calls) for code, host in world.hosts.items()}
    assert refusal(world, file) == [reason]
    assert {code: len(host.calls) for code, host in world.hosts.items()} == calls, "no host was even asked"


def test_bytes_that_are_no_text_are_refused(kept: tuple[World, str], tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(b"\xff\xfe\x00{")
    assert refusal(kept[0], file) == [f"{NO_CHANGESET}, or not all of it: no JSON"]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        ("missing", "No such file or directory"),
        ("directory", "Is a directory"),
        ("pipe", "it is not a regular file"),
    ],
)
def test_what_is_no_file_is_refused(kept: tuple[World, str], tmp_path: Path, make: str, reason: str) -> None:
    file = tmp_path / "plan.json"
    if make == "directory":
        file.mkdir()
    elif make == "pipe":
        os.mkfifo(file)
    assert refusal(kept[0], file) == [f"it cannot be read: {reason}"]


def test_spaces_and_order_do_not_matter(world: World) -> None:
    file = save(world)
    document = json.loads(file.read_text())
    file.write_text(json.dumps(dict(reversed(document.items())), indent=7))
    assert apply(world, file).code == 0


def test_another_key_is_named_as_the_reason(
    kept: tuple[World, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, text = kept
    file = tmp_path / "plan.json"
    file.write_text(text)
    monkeypatch.setenv("ODOO_FLEET_KEY", "f" * 32)
    assert refusal(world, file) == ["it was sealed with another key than this fleet's (it says: fleet 'test')"]


def test_a_key_that_is_not_there_is_said(
    kept: tuple[World, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, text = kept
    (tmp_path / "plan.json").write_text(text)
    monkeypatch.delenv("ODOO_FLEET_KEY")
    for ran in (apply(world, tmp_path / "plan.json"), world.run("plan", "--out", str(tmp_path / "new.json"))):
        assert (ran.code, ran.out) == (1, "")
        assert "the environment variable is not set" in ran.err
    assert not (tmp_path / "new.json").exists()


def test_another_fleet_with_the_same_key_has_another_seal(kept: tuple[World, str], tmp_path: Path) -> None:
    world, text = kept
    other = tmp_path / "fleet"
    shutil.copytree(world.fleet, other)
    (other / "fleet.yaml").write_text(FLEET.replace("code: test", "code: other"))
    (tmp_path / "plan.json").write_text(text)
    ran = run("apply", str(tmp_path / "plan.json"), "--yes", "--fleet", str(other), "--store", "none")
    assert ran.code == 1
    assert "sealed with another key than this fleet's (it says: fleet 'test')" in ran.err


# What moved


def edit_text(world: World, _file: Path) -> None:
    world.replace("instances.yaml", "company: Acme SA", "company: Acme NV")


def add_document(world: World, _file: Path) -> None:
    world.write("more.yaml", "kind: instance\ncode: dodo\ntemplate: restaurant\nplan: starter\n")


def remove_document(world: World, _file: Path) -> None:
    world.write("instances.yaml", INSTANCES.partition("---\n")[2])


def edit_default(world: World, _file: Path) -> None:
    world.replace("fleet.yaml", "code: test\n", "code: test\ndefaults: {instance: {timezone: Europe/Brussels}}\n")


TEXTS: dict[str, tuple[Change, list[str]]] = {
    "a document was edited": (edit_text, ["the text was edited: instance/acme was edited"]),
    "a document was added": (add_document, ["the text was edited: instance/dodo was added"]),
    "a document was removed": (remove_document, ["the text was edited: instance/acme was removed"]),
    "a default was edited": (
        edit_default,
        ["the text was edited: fleet/test, instance/acme, instance/bistro, instance/cafe were edited"],
    ),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_that_was_edited_since_is_refused_by_document(world: World, name: str) -> None:
    file = save(world)
    change, reasons = TEXTS[name]
    change(world, file)
    assert refusal(world, file) == reasons


def test_comments_files_and_order_are_no_edit(world: World) -> None:
    file = save(world)
    (world.fleet / "instances.yaml").unlink()
    first, *others = INSTANCES.split("---\n")
    world.write("a.yaml", "# moved here\n" + "---\n".join(others))
    world.write("z.yaml", first)
    assert apply(world, file).code == 0


def test_another_version_of_the_tool_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    file = save(world)
    monkeypatch.setattr(saved_plans, "__version__", "9.9.9")
    assert refusal(world, file) == ["odoo-fleet 0.1.0 made it, and this is odoo-fleet 9.9.9"]


def test_a_database_that_somebody_created_is_refused(world: World) -> None:
    file = save(world)
    world.hosts["prod-2"].add_database("cafe")
    reasons = refusal(world, file)
    assert reasons[0] == "prod-2 lists cafe now, and did not"
    assert any(reason.startswith("instance/cafe is blocked now: cafe: ") for reason in reasons), reasons


def test_a_database_that_vanished_is_refused(applied: World) -> None:
    applied.replace("instances.yaml", "company: Acme SA", "company: Acme NV")
    file = save(applied)
    del applied.hosts["prod-1"].databases["acme"]
    reasons = refusal(applied, file)
    assert reasons[0] == "prod-1 no longer lists acme"
    assert "instance/acme is blocked now: clone: changes on prod-1 are frozen: it no longer lists acme" in reasons


def test_a_host_that_does_not_answer_is_refused(world: World) -> None:
    file = save(world)
    world.hosts["prod-2"].kill()
    reasons = refusal(world, file)
    assert reasons[0] == "prod-2 does not answer now, and did"
    assert any(reason.startswith("instance/cafe is blocked now: server prod-2 is offline") for reason in reasons)
    assert not any("acme" in reason for reason in reasons)


def test_a_host_that_was_upgraded_is_refused(world: World) -> None:
    file = save(world)
    world.hosts["prod-2"].version = "18.0"
    reasons = refusal(world, file)
    assert reasons[0] == "prod-2 runs Odoo 18.0 now, and ran 19.0"
    assert any(
        "instance/cafe is blocked now: server prod-2 runs Odoo 18.0, declared is 19.0" in each for each in reasons
    )


def test_drift_in_what_is_to_be_changed_is_refused_field_by_field(applied: World) -> None:
    applied.replace("instances.yaml", "company: Acme SA", "company: Acme NV")
    file = save(applied)
    database = applied.hosts["prod-1"].databases["acme"]
    company = next(iter(database.rows("res.company")))
    database.update("res.company", company, {"name": "Acme by hand"})
    assert refusal(applied, file) == [
        '\'configure instance/acme on prod-1\': company is "Acme by hand" on the host now, and was "Acme SA"'
    ]


def test_a_second_field_that_differs_is_refused(applied: World) -> None:
    applied.replace("instances.yaml", "company: Acme SA", "company: Acme NV")
    file = save(applied)
    applied.hosts["prod-1"].databases["acme"].set_parameter("web.base.url", "http://by.hand")
    (reason,) = refusal(applied, file)
    assert reason.startswith("'configure instance/acme on prod-1': parameters.web.base.url differs now as well: ")


def test_what_was_applied_already_is_refused(world: World) -> None:
    file = save(world)
    assert apply(world, file).code == 0
    reasons = refusal(world, file)
    assert reasons[0] == "nothing of it is left to do"
    assert "'clone instance/acme on prod-1' is done already" in reasons


def test_what_was_paused_meanwhile_is_refused(applied: World) -> None:
    applied.replace("instances.yaml", "company: Acme SA", "company: Acme NV")
    file = save(applied)
    assert applied.run("pause", "instance/acme", "--reason", "the customer asked").code == 0
    (reason,) = refusal(applied, file)
    assert reason.startswith("'configure instance/acme on prod-1' is withheld now: instance/acme is paused (since ")
    assert reason.endswith("UTC): the customer asked")
    assert applied.run("resume", "instance/acme").code == 0
    assert apply(applied, file).code == 0


def test_what_was_resumed_meanwhile_is_refused(applied: World) -> None:
    applied.replace("instances.yaml", "company: Acme SA", "company: Acme NV")
    assert applied.run("pause", "instance/acme").code == 0
    file = save(applied)
    assert applied.run("resume", "instance/acme").code == 0
    assert refusal(applied, file) == [
        "'configure instance/acme on prod-1' is to be done now, and is not in the changeset",
        "'configure instance/acme on prod-1' is no longer withheld",
    ]


@pytest.mark.parametrize(
    "words",
    [
        ("--target", "instance/acme"),
        ("--selector", "tier=gold"),
        ("--shallow",),
        ("--server-url", "prod-1=http://127.0.0.1:1"),
        ("--confirm-listing", "prod-1"),
        ("--allow-removals",),
    ],
)
def test_other_limits_beside_a_file_are_wrong_usage(
    kept: tuple[World, str], tmp_path: Path, words: tuple[str, ...]
) -> None:
    file = tmp_path / "plan.json"
    file.write_text(kept[1])
    ran = apply(kept[0], file, *words)
    assert (ran.code, ran.out) == (64, "")
    assert f"{words[0]}: a saved changeset has its own limits" in ran.err


# What cannot be saved


def test_a_fleet_without_a_key_is_told_what_to_declare(world: World) -> None:
    literal = "admin_password: {env: MASTER_PASSWORD}"
    world.write(
        "fleet.yaml",
        FLEET.replace("secret_key: {env: ODOO_FLEET_KEY}\n", "").replace(
            "code: restaurant\n", f"code: restaurant\n{literal}\n"
        ),
    )
    world.write("instances.yaml", INSTANCES.replace("plan: starter\n", f"plan: starter\n{literal}\n"))
    ran = world.run("plan", "--out", str(world.root / "plan.json"))
    assert (ran.code, ran.out) == (1, "")
    assert "declare `secret_key: {env: NAME}`" in ran.err
    assert not any(host.calls for host in world.hosts.values())


@pytest.mark.parametrize("place", ["", "nowhere/plan.json"])
def test_a_place_that_cannot_be_written_to_is_said(kept: tuple[World, str], tmp_path: Path, place: str) -> None:
    ran = kept[0].run("plan", "--out", str(tmp_path / place))
    assert ran.code == 1
    assert ran.err.startswith(f"Error: the changeset cannot be saved to {tmp_path / place}")


def test_an_address_with_credentials_is_not_saved(kept: tuple[World, str], tmp_path: Path) -> None:
    ran = kept[0].run(
        "plan", "--out", str(tmp_path / "p.json"), "--server-url", "prod-1=http://admin:geheim@127.0.0.1:1"
    )
    assert ran.code == 64
    assert "geheim" not in ran.err
    assert not (tmp_path / "p.json").exists()


# Cut off, and side by side


def start(world: World, file: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "reconciler", "apply", str(file), "--yes", "--fleet", str(world.fleet)]
    command += ["--store", world.store]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_one_that_was_killed_in_the_middle_is_refused_by_what_is_done_and_a_fresh_plan_finishes(world: World) -> None:
    file = save(world)
    world.hosts["prod-1"].faults.add("db.duplicate_database:hang")
    process = start(world, file)
    while "suspended.cafe" not in world.hosts["prod-2"].databases or not duplicating(world):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.kill()
    process.communicate(timeout=10)
    world.hosts["prod-1"].faults.clear()
    reasons = refusal(world, file)
    assert "'clone instance/cafe on prod-2' is done already" in reasons
    assert "'create template/restaurant on prod-1' is done already" in reasons
    assert not any("clone instance/acme" in reason for reason in reasons)
    assert world.run("apply", "--yes").code == 0
    assert world.run("plan", "--detailed-exitcode").code == 0


def duplicating(world: World) -> bool:
    return any(call.method == "duplicate_database" for call in world.hosts["prod-1"].calls)


def test_two_at_once_double_nothing(world: World) -> None:
    file = save(world)
    both = [start(world, file) for _ in range(2)]
    codes = []
    for process in both:
        out, err = process.communicate(timeout=60)
        codes.append((process.returncode, out + err))
    assert 0 in {code for code, _ in codes} or all("done" in said for _, said in codes)
    assert world.run("apply", "--yes").code == 0
    kept = {code: [name for name in found if not name.startswith("building-")] for code, found in listed(world).items()}
    assert kept == {
        "prod-1": ["acme", "bistro", "template_restaurant"],
        "prod-2": ["suspended.cafe", "template_restaurant"],
    }
