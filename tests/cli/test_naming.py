"""How documents are named on the command line, and what shells complete."""

from __future__ import annotations

import os
import subprocess
import sys

import click
import pytest

from reconciler.cli.naming import address_of
from tests.cli.world import World

ADDRESSES = {"instance/acme", "instance/shop", "template/shop", "server/prod-1", "fleet/test"}
KINDS = ("server", "template", "instance")


@pytest.mark.parametrize(
    ("words", "address"),
    [
        (["acme"], "instance/acme"),
        (["instance/acme"], "instance/acme"),
        (["instances/acme"], "instance/acme"),
        (["instances", "acme"], "instance/acme"),
        (["instance", "gone"], "instance/gone"),
        (["prod-1"], "server/prod-1"),
        (["templates", "shop"], "template/shop"),
    ],
)
def test_a_code_an_address_and_two_words_name_the_same(words: list[str], address: str) -> None:
    assert address_of(words, ADDRESSES, KINDS) == address


def test_there_is_one_fleet_which_is_named_by_that_word() -> None:
    assert address_of(["fleet"], ADDRESSES, ("fleet", *KINDS)) == "fleet/test"
    assert address_of(["fleet"], {*ADDRESSES, "instance/fleet"}, ("fleet", *KINDS)) == "instance/fleet"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["shop"], "'shop' can be template/shop or instance/shop: name the one that is meant"),
        (["amce"], "the fleet has no 'amce' (did you mean 'acme'?)"),
        (["test"], "the fleet has no 'test'"),
        (["instancex", "acme"], "no kind 'instancex' (did you mean 'instance'?)"),
        (["instances", "acme", "shop"], "name one document"),
        (["instance/"], "name one document"),
    ],
)
def test_what_names_none_or_several_is_said(words: list[str], said: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        address_of(words, ADDRESSES, KINDS)
    assert said in caught.value.message


def test_how_what_the_fleet_no_longer_has_is_named_is_said_only_where_that_may_be_meant() -> None:
    said = "What it no longer has is named as KIND/CODE"
    for or_former in (True, False):
        with pytest.raises(click.UsageError) as caught:
            address_of(["amce"], ADDRESSES, KINDS, or_former=or_former)
        assert (said in caught.value.message) is or_former


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("status {}", "acme"),
        ("pause {}", "acme"),
        ("history {}", "acme"),
        ("place {}", "acme"),
        ("secret show {} admin_password", "acme"),
        ("check {}", "prod-1"),
    ],
)
def test_every_command_about_one_document_takes_each_form(
    converged: World, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, command: str, code: str
) -> None:
    converged.store = f"sqlite:///{tmp_path_factory.mktemp('store') / 'state.sqlite'}"
    kind = "server" if code.startswith("prod") else "instance"
    forms = (code, f"{kind}/{code}", f"{kind}s {code}")
    ran = [converged.run(*command.format(form).split()) for form in forms]
    assert [each.code for each in ran] == [0, 0, 0], ran
    assert all(code in each.out or "secret" in command for each in ran)


def test_a_target_is_named_by_its_code(converged: World) -> None:
    assert "instance/acme" in converged.run("plan", "--target", "acme").out


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("status ac", ["acme"]),
        ("status s", ["servers", "subscriptions", "starter"]),
        ("check ", ["prod-1", "prod-2"]),
        ("pause instance/", ["instance/acme", "instance/bistro", "instance/cafe"]),
        ("plan --target bis", ["bistro"]),
        ("secret show instance/c", ["instance/cafe"]),
        ("stat", ["status"]),
        ("events --server prod-1 --server prod", ["prod-1", "prod-2"]),
        ("schema p", ["plan"]),
        ("explain t", ["template"]),
        ("new s", ["server"]),
    ],
)
def test_shells_complete_codes_also_of_a_text_that_is_not_valid(world: World, typed: str, completed: list[str]) -> None:
    world.write("broken.yaml", "kind: instance\ncode: [\n")
    words = ["odoo-fleet", *typed.split(" ")]
    environ = {
        **os.environ,
        "_ODOO_FLEET_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
        "ODOO_FLEET_DIR": str(world.fleet),
    }
    done = subprocess.run([sys.executable, "-m", "reconciler"], env=environ, check=True, capture_output=True, text=True)
    assert [line.partition(",")[2] for line in done.stdout.splitlines()] == completed
    assert done.stderr == ""
