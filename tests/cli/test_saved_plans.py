"""`plan --out FILE` and `apply FILE`: exactly what was saved is done, once, within the limits that the plan had."""

from __future__ import annotations

import json
import sqlite3
import stat
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.core.model import names
from reconciler.simulator import SimulatedHost
from reconciler.simulator.databases import SimulatedDatabase
from tests.cli.saving import applied, apply, kept, listed, refusal, save
from tests.cli.world import FLEET, INSTANCES, MATCHES, World, without_times

__all__ = ["applied", "kept"]


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


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


def test_an_edit_that_changes_too_many_is_done_once_it_is_confirmed(applied: World) -> None:
    applied.replace("fleet.yaml", "code: test\n", "code: test\nsafety: {max_changes: 0}\n")
    applied.replace("instances.yaml", "company: Acme SA", "company: Acme NV")
    ran = applied.run("apply", "--yes")
    assert (ran.code, "1 database would be changed, more than safety.max_changes (0)" in ran.out) == (1, True)
    assert apply(applied, save(applied, "--allow-changes")).code == 0
    assert without_times(applied.run("plan").out) == MATCHES


def test_an_empty_one_is_saved_and_does_nothing(applied: World) -> None:
    file = save(applied)
    ran = apply(applied, file)
    assert (ran.code, without_times(ran.out)) == (0, MATCHES)


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
    host.databases[young] = unfinished(host)
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


def unfinished(host: SimulatedHost) -> SimulatedDatabase:
    """Make a build that was cut short right before it came into service."""
    database = host.databases["acme"].fork()
    database.set_parameter("odoo_fleet.in_service", "no")
    return database


def test_a_sweep_that_somebody_else_did_meanwhile_is_not_missed(applied: World) -> None:
    host = applied.hosts["prod-1"]
    old = building(hours=3)
    host.databases[old] = unfinished(host)
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


@pytest.mark.parametrize(
    "words",
    [
        ("--target", "instance/acme"),
        ("--selector", "tier=gold"),
        ("--shallow",),
        ("--refresh",),
        ("--server-url", "prod-1=http://127.0.0.1:1"),
        ("--confirm-listing", "prod-1"),
        ("--allow-removals",),
        ("--allow-changes",),
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
    aside = ("building-", "trash-")  # a build that came second is dropped, or kept as trash if it bore the lock already
    kept = {code: [name for name in found if not name.startswith(aside)] for code, found in listed(world).items()}
    assert kept == {
        "prod-1": ["acme", "bistro", "template_restaurant"],
        "prod-2": ["suspended.cafe", "template_restaurant"],
    }


def unwrapped(text: str) -> str:
    return " ".join(text.split())


def drifts_meanwhile(world: World) -> None:
    """Two companies get other names, one after the other; as soon as the first is written, the second's time zone changes."""
    world.replace("instances.yaml", "company: Acme SA", "company: Acme NV\ntimezone: Europe/Brussels")
    world.replace(
        "instances.yaml", "code: bistro\n", "code: bistro\nserver: prod-1\ncompany: Bistro NV\ntimezone: UTC\n"
    )
    world.replace("prod-1.yaml", "max_instances: 10", "max_instances: 10\nmax_concurrent_operations: 1")
    assert world.run("apply", "--yes").code == 0
    world.replace("instances.yaml", "company: Acme NV", "company: Acme BV")
    world.replace("instances.yaml", "company: Bistro NV", "company: Bistro BV")
    host = world.hosts["prod-1"]

    def drift(_step: str) -> None:
        host.on_step = lambda _: None
        bistro = host.databases["bistro"]
        admin = bistro.rows("ir.model.data")
        partner = next(r["res_id"] for r in admin.values() if (r["module"], r["name"]) == ("base", "user_admin"))
        bistro.update("res.partner", bistro.rows("res.users")[partner]["partner_id"], {"tz": "Asia/Tokyo"})

    host.on_step = drift


def test_what_comes_to_differ_after_the_plan_was_shown_is_told_with_what_was_done(applied: World) -> None:
    drifts_meanwhile(applied)
    ran = applied.run("apply", "--yes")
    assert ran.code == 0
    more = "timezone had come to differ otherwise than was shown, and is as declared too"
    assert f"Worth knowing - configure instance/bistro on prod-1: {more} " in unwrapped(ran.out)
    assert more in unwrapped(applied.run("history", "instance/bistro").out)
    assert applied.run("plan", "--refresh", "--detailed-exitcode").code == 0


def test_what_comes_to_differ_after_a_saved_plan_was_compared_ends_its_action_before_anything_is_written(
    applied: World,
) -> None:
    drifts_meanwhile(applied)
    ran = apply(applied, save(applied))
    assert ran.code == 1
    why = "by now timezone differs otherwise than was saved (save a new plan)"
    assert f"Failed - configure instance/bistro on prod-1: prod-1/bistro: {why} " in unwrapped(ran.out)
    planned = applied.run("plan", "--refresh").out
    assert 'company: "Bistro NV" → "Bistro BV"' in planned
    assert 'timezone: "Asia/Tokyo" → "UTC"' in planned
    assert "Acme" not in planned
