"""What a plan says of what it, or the apply after it, does without: a memory, and secrets that are not here."""

from __future__ import annotations

import pytest

from tests.cli.saving import applied  # noqa: F401 -- a fixture
from tests.cli.world import World

LACKING = "warning: `apply` needs a secret that is not here: "


def lacking(world: World, *words: str) -> list[str]:
    ran = world.run("plan", *words)
    assert ran.code == 0, ran.err
    return [line.removeprefix(LACKING) for line in ran.err.splitlines() if line.startswith("warning: ")]


def test_a_plan_needs_no_master_password_and_says_that_apply_does(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MASTER_PASSWORD")
    said = lacking(world)
    assert len(said) == 2, "one for each server, however many actions need it"
    assert "the secret {env: MASTER_PASSWORD} for server/prod-1 master_password is not available" in said[0]


@pytest.mark.parametrize(
    ("old", "new", "needed"),
    [
        ("company: Acme SA", "company: Acme NV", False),
        ("server: prod-1\n", "server: prod-1\nadmin_password: {derived: {generation: 2}}\n", False),
        ("server: prod-1\n", "server: prod-1\nstate: suspended\n", True),
        ("code: acme\n", "code: shop\nrenamed_from: acme\n", True),
    ],
)
def test_only_what_moves_databases_needs_it(
    applied: World,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    old: str,
    new: str,
    *,
    needed: bool,
) -> None:
    monkeypatch.delenv("MASTER_PASSWORD")
    applied.replace("instances.yaml", old, new)
    assert len(lacking(applied)) == needed


def test_nothing_to_do_lacks_nothing(applied: World, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.delenv("MASTER_PASSWORD")
    assert lacking(applied) == []


def test_what_a_new_customer_gets_is_looked_up_before_apply_finds_it_missing(applied: World) -> None:  # noqa: F811
    applied.write(
        "wiki.yaml",
        "kind: instance\ncode: wiki\ntemplate: restaurant\nplan: starter\nadmin_password: {env: WIKI}\n"
        "owner: {name: W, login: w, initial_password: {file: no-such-file}}\n",
    )
    said = lacking(applied)
    assert [("owner.initial_password" in line, "admin_password" in line) for line in said] == [
        (True, False),
        (False, True),
    ]
    assert "instance/wiki" in said[0]


def test_json_stays_alone_on_stdout(applied: World, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.delenv("MASTER_PASSWORD")
    applied.replace("instances.yaml", "server: prod-1\n", "server: prod-1\nstate: suspended\n")
    ran = applied.run("plan", "-o", "json")
    assert ran.out.startswith("{")
    assert LACKING in ran.err


def test_what_it_costs_that_nothing_is_remembered_is_said(applied: World) -> None:  # noqa: F811
    said = "Nothing is remembered of this fleet: each of 5 databases was looked into"
    assert said not in applied.run("plan").err
    applied.store = "none"
    for words in (["plan"], ["apply", "--yes"]):
        ran = applied.run(*words)
        assert ran.code == 0
        assert said in ran.err
        assert (
            "a host that lists fewer than before would not be noticed, there is no history, and pauses made by command are"
            " not known" in ran.err
        )


def test_a_fleet_that_is_not_built_yet_lacks_no_memory(world: World) -> None:
    assert "Nothing is remembered" not in world.run("plan").err
