"""`plan --base REF`: what a pull request changes and no more, what becomes of what it removes, and what it costs hosts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.core.deciding import Limits
from reconciler.core.model.selection import Selection
from reconciler.core.revisions import compare
from reconciler.store.opening import open_store
from tests.cli.repositories import begin, commit, git, isolate
from tests.cli.world import INSTANCES, World, run, serving
from tests.harness.universe import fleet, instance, read, universe
from tests.harness.virtual_time import run as run_virtual


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch)
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Three customers that are as the text of `main` says, and a branch to change it on."""
    with serving(tmp_path) as fresh:
        assert fresh.run("apply", "--yes").code == 0
        begin(tmp_path)
        git(tmp_path, "switch", "--quiet", "--create=change")
        yield fresh


def edit(world: World, old: str, new: str) -> None:
    world.replace("instances.yaml", old, new)
    commit(world.root, "An edit")


def plan(world: World, *words: str) -> str:
    ran = world.run("plan", "--base", "main", *words)
    assert (ran.code, ran.err) == (0, "")
    return ran.out


def base_commit(world: World) -> str:
    return git(world.root, "merge-base", "main", "HEAD")[:12]


def calls(world: World) -> dict[str, int]:
    return {code: len(host.calls) for code, host in world.hosts.items()}


def asked_by_plan(world: World, *words: str) -> dict[str, int]:
    before = calls(world)
    plan(world, *words)
    return {code: number - before[code] for code, number in calls(world).items()}


def looked_into(world: World, code: str) -> set[str]:
    return {call.database for call in world.hosts[code].calls if call.database and call.service == "object"}


WITHOUT_ACME = INSTANCES.partition("---\n")[2]
DODO = "---\nkind: instance\ncode: dodo\ntemplate: restaurant\nplan: starter\n"


def test_only_what_the_branch_changes_is_planned_and_the_commit_is_named(world: World) -> None:
    world.hosts["prod-1"].databases["acme"].set_parameter("web.base.url", "http://changed.by.hand")
    edit(world, "server: prod-2\nstate: suspended", "server: prod-2\nstate: active")
    assert plan(world) == (
        "prod-2 Server 2\n"
        "  + resume instance/cafe  declared active\n"
        "\n"
        f"Plan: 1 to resume (only what changed since main at {base_commit(world)}).\n"
    )


def test_text_that_is_not_committed_counts(world: World) -> None:
    world.replace("instances.yaml", "company: Acme SA", "company: Acme NV")
    assert 'company: "Acme SA" → "Acme NV"' in plan(world)


def test_what_main_got_meanwhile_is_not_shown_as_this_branchs_doing(world: World) -> None:
    edit(world, "company: Acme SA", "company: Acme NV")
    git(world.root, "switch", "--quiet", "main")
    world.replace("instances.yaml", "code: bistro", "code: bistro\ncompany: Bistro Roma")
    world.write("dodo.yaml", DODO.removeprefix("---\n"))
    commit(world.root, "Others at work")
    git(world.root, "switch", "--quiet", "change")
    out = plan(world)
    assert "instance/acme" in out
    assert "dodo" not in out
    assert "bistro" not in out


def test_a_branch_that_changes_nothing_of_the_fleet_asks_nobody(world: World) -> None:
    (world.root / "README").write_text("How we work")
    commit(world.root, "Words")
    assert asked_by_plan(world) == {"prod-1": 0, "prod-2": 0}
    assert plan(world) == f"No changes (only what changed since main at {base_commit(world)}).\n"


def test_a_removed_customer_is_told_with_what_becomes_of_the_database(world: World) -> None:
    world.write("instances.yaml", WITHOUT_ACME)
    commit(world.root, "Acme leaves")
    assert plan(world) == (
        "No longer declared\n"
        "  - instance/acme on prod-1, database acme: stays in service as it is, and is no longer looked after\n"
        "    → if it is meant to go out of service, put the document back with `state: absent`, and remove it once that is\n"
        "      applied\n"
        "\n"
        f"No changes; 1 no longer declared (only what changed since main at {base_commit(world)}).\n"
    )
    assert asked_by_plan(world)["prod-2"] == 0


def test_machines_are_told_what_was_removed(world: World) -> None:
    world.write("instances.yaml", WITHOUT_ACME)
    document = json.loads(plan(world, "-o", "json"))
    assert document["base"] == {"revision": "main", "commit": git(world.root, "rev-parse", "main")}
    (removed,) = document["removed"]
    assert (removed["kind"], removed["code"], removed["server"], removed["database"]) == (
        "instance",
        "acme",
        "prod-1",
        "acme",
    )
    assert "no longer declared: database acme stays in service" in plan(world, "-o", "junit")


def test_nothing_is_done_about_what_was_removed(world: World) -> None:
    world.write("instances.yaml", WITHOUT_ACME)
    saved = world.root / "plan.json"
    assert world.run("plan", "--base", "main", "--out", str(saved)).code == 0
    before = world.hosts["prod-1"].listed()
    assert world.run("apply", str(saved), "--yes").code == 0
    assert world.hosts["prod-1"].listed() == before
    assert "acme" in before


def test_a_run_is_remembered_with_the_commit_that_it_came_from(world: World) -> None:
    world.store = f"sqlite:///{world.root}/state.sqlite"
    edit(world, "company: Acme SA", "company: Acme NV")
    assert world.run("apply", "--yes").code == 0
    with open_store(world.store, "test") as store:
        assert [each.revision for each in store.passes()] == [git(world.root, "rev-parse", "HEAD")]


def test_both_limits_hold(world: World) -> None:
    world.replace("instances.yaml", "company: Acme SA", "company: Acme NV")
    edit(world, "server: prod-2\nstate: suspended", "server: prod-2\nstate: active")
    shown = f"since main at {base_commit(world)}"
    assert plan(world, "--target", "instance/cafe").splitlines()[-1] == (
        f"Plan: 1 to resume (only instance/cafe; only what changed {shown})."
    )
    assert (
        plan(world, "--target", "instance/bistro") == f"No changes (only instance/bistro; only what changed {shown}).\n"
    )
    assert "instance/acme" in plan(world, "--selector", "tier=gold")
    assert "instance/cafe" not in plan(world, "--selector", "tier=gold")


def test_a_removed_document_can_be_a_target(world: World) -> None:
    world.write("instances.yaml", WITHOUT_ACME)
    assert "database acme" in plan(world, "--target", "instance/acme")
    assert "no longer declared" not in plan(world, "--target", "instance/cafe")
    assert world.run("plan", "--target", "instance/acme").code == 64


def test_a_pinned_instance_costs_its_host_two_calls_and_one_look(world: World) -> None:
    edit(world, "company: Acme SA", "company: Acme NV")
    before = calls(world)
    plan(world)
    made = world.hosts["prod-1"].calls[before["prod-1"] :]
    assert [call.method for call in made[:2]] == ["version", "list"]
    assert {call.database for call in made[2:]} - {None} == {"acme"}
    assert calls(world)["prod-2"] == before["prod-2"]


def test_a_label_costs_two_calls_and_no_look(world: World) -> None:
    edit(world, "labels: {tier: gold}", "labels: {tier: silver}")
    assert asked_by_plan(world) == {"prod-1": 2, "prod-2": 0}


def test_a_new_instance_is_looked_for_everywhere_before_it_is_cloned(world: World) -> None:
    world.write("instances.yaml", INSTANCES + DODO)
    before = calls(world)
    out = plan(world)
    assert "+ clone instance/dodo" in out
    made = {code: host.calls[before[code] :] for code, host in world.hosts.items()}
    assert all([call.method for call in each[:2]] == ["version", "list"] for each in made.values())
    assert {call.database for each in made.values() for call in each[2:]} - {None} == {"template_restaurant"}


def test_a_new_pinned_instance_that_is_suspended_elsewhere_is_not_made_a_second_time(world: World) -> None:
    """Its document was removed on a day that nobody remembers; the host of its new text does not know it."""
    host = world.hosts["prod-2"]
    host.databases["suspended.dodo"] = host.databases["suspended.cafe"]
    world.write("instances.yaml", INSTANCES + DODO + "server: prod-1\n")
    assert "a database suspended.dodo is on prod-2, and may be this instance's" in " ".join(plan(world).split())


def test_a_rename_is_a_rename_and_no_removal(world: World) -> None:
    world.replace("instances.yaml", "code: acme", "code: acme-nv\nrenamed_from: acme")
    out = plan(world)
    assert "~ rename instance/acme-nv" in out
    assert "no longer declared" not in out


def test_a_base_without_a_fleet_makes_everything_new(world: World) -> None:
    git(world.root, "switch", "--quiet", "--orphan", "empty")
    (world.root / "README").write_text("Nothing yet")
    commit(world.root, "Nothing yet")
    git(world.root, "switch", "--quiet", "change")
    ran = world.run("plan", "--base", "empty")
    commit_of = git(world.root, "rev-parse", "empty")[:12]
    assert ran.code == 0
    assert " ".join(ran.out.split()) == (
        "No changes; 5 databases looked into now"
        f" (no limit by --base empty ({commit_of}): the fleet's directory did not exist there)."
    )
    assert "All counts as new or changed; what was removed since is not known.\n" in ran.err


def test_a_base_that_was_not_valid_is_said_in_a_line(world: World) -> None:
    git(world.root, "switch", "--quiet", "main")
    world.write("broken.yaml", "kind: instance\ncode: broken\n")
    commit(world.root, "Broken")
    git(world.root, "switch", "--quiet", "--create=repair")
    (world.fleet / "broken.yaml").unlink()
    commit(world.root, "Repaired")
    ran = world.run("plan", "--base", "main")
    assert ran.code == 0
    assert ran.err.splitlines()[1].startswith("Nothing is remembered of this fleet")
    assert ran.err.count("\n") == 2
    assert "the fleet was not valid there (1 error)" in ran.err


def test_a_revision_that_a_shallow_clone_lacks_is_told_how_to_fetch(world: World, tmp_path: Path) -> None:
    edit(world, "company: Acme SA", "company: Acme NV")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth=1", "--branch=change", f"file://{world.root}", str(clone))
    ran = run("plan", "--fleet", str(clone / "fleet"), "--store", "none", "--base", "main")
    assert (ran.code, ran.out) == (64, "")
    assert "git fetch --depth=1 origin main" in ran.err
    git(clone, "fetch", "--quiet", "--depth=1", "origin", "main")
    fetched = run("plan", "--fleet", str(clone / "fleet"), "--store", "none", "--base", "FETCH_HEAD")
    assert fetched.code == 0
    assert 'company: "Acme SA" → "Acme NV"' in fetched.out
    assert "does not reach back" in fetched.err


def test_a_shallow_clone_of_the_merge_needs_no_more(world: World, tmp_path: Path) -> None:
    """As on GitHub: the commit that is checked out merges the pull request, and two commits are fetched."""
    edit(world, "company: Acme SA", "company: Acme NV")
    git(world.root, "switch", "--quiet", "main")
    git(world.root, "merge", "--quiet", "--no-ff", "--message=Merge", "change")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth=2", f"file://{world.root}", str(clone))
    ran = run("plan", "--fleet", str(clone / "fleet"), "--store", "none", "--base", "HEAD^")
    assert (ran.code, ran.err) == (0, "")
    assert 'company: "Acme SA" → "Acme NV"' in ran.out


@pytest.mark.parametrize("base", ["--upload-pack=touch x", "", "nowhere", "a\nb"])
def test_what_is_no_revision_is_wrong_usage(world: World, base: str) -> None:
    ran = world.run("plan", f"--base={base}")
    assert (ran.code, ran.out) == (64, "")
    assert "--base: " in ran.err


def test_a_fleet_outside_of_git_is_said(world: World) -> None:
    shutil.rmtree(world.root / ".git")
    ran = world.run("plan", "--base", "main")
    assert ran.code == 64
    assert "is not in a git repository" in ran.err


# A fleet of 1,000 on five servers

MANY = {f"s{number}": "19.0" for number in range(5)}
CODES = tuple(f"i{number:03}" for number in range(1000))


def many(changed: str = "") -> str:
    pinned = {code: f"s{number % 5}" for number, code in enumerate(CODES)}
    documents = (instance(code, server=pinned[code], company=changed if code == "i002" else "Same") for code in CODES)
    return fleet(*documents, servers=MANY).replace("state: active\n", "state: active\nmax_instances: 1000\n")


def test_one_edit_in_a_fleet_of_a_thousand_costs_one_host_what_it_needs_and_others_nothing() -> None:
    world = universe(MANY, store=False)
    few = CODES[:5]
    first = fleet(*(instance(code, server=f"s{n}", company="Same") for n, code in enumerate(few)), servers=MANY)
    assert run_virtual(world.reconcile(first)).ok
    for number, code in enumerate(CODES[5:]):  # only their names are looked at
        databases = world.hosts[f"s{number % 5}"].databases
        databases[code] = databases[few[number % 5]]
    before, after = read(many("Same")), read(many("Another"))
    since = compare(before, after)
    calls = {code: len(host.calls) for code, host in world.hosts.items()}
    limits = Limits(since.narrow(Selection()), since=since)
    planned = run_virtual(world.plan(many("Another"), limits))
    assert [action.id for action in planned.changeset.actions] == ["configure instance/i002 on s2"]
    made = {code: host.calls[calls[code] :] for code, host in world.hosts.items()}
    assert {code: len(each) for code, each in made.items() if each} == {"s2": COST}
    assert {call.database for call in made["s2"]} - {None} == {"i002"}


COST = 2 + 9
"""Version and list; then a login and what one deep look reads."""
