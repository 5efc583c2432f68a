"""Wrong usage: always 64, always with the nearest name; and what no command expected."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import click
import pytest

from reconciler.cli import app
from reconciler.cli.groups import command_first
from reconciler.version import __version__
from tests.cli.world import World, run


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["plam"], "no command 'plam' (did you mean 'plan'?)"),
        (["plan", "--targt", "x"], "Did you mean"),
        (["plan", "-o", "xml"], "'xml' is not one of"),
        (["status", "servres"], "did you mean 'servers'?"),
        (["status", "servers", "prod-3"], "the fleet has no server 'prod-3' (did you mean 'prod-"),
        (["plan", "--target", "instance/amce"], "the fleet has no 'instance/amce' (did you mean 'instance/acme'?)"),
        (["plan", "--selector", "gold"], "--selector takes NAME=VALUE, not 'gold'"),
        (["plan", "--server-url", "prd-1=http://127.0.0.1:1"], "did you mean 'prod-1'?"),
        (["plan", "--server-url", "prod-1=127.0.0.1:1"], "the address of 'prod-1' must start with http:// or https://"),
        (["plan", "--confirm-listing", "prod1"], "did you mean 'prod-1'?"),
        (["check", "prod-l"], "the fleet has no server 'prod-l'"),
        (["check"], "Missing argument 'SERVER'"),
        (["place", "bistrot"], "the fleet has no instance 'bistrot' (did you mean 'bistro'?)"),
        (["secret", "show", "instance/acm", "admin_password"], "did you mean 'instance/acme'?"),
        (["secret", "show", "instance/acme", "password"], "instance/acme has no secret 'password'"),
        (["secret", "shwo"], "shwo"),
        (["schema", "sever"], "did you mean 'server'?"),
        (["set", "acme", "--unset", ""], "--unset takes a field, as in --unset owner.lang, not ''"),
        (["set", "acme", "--unset", "owner."], "--unset takes a field, as in --unset owner.lang, not 'owner.'"),
        (["history", "--limit", "9" * 30], "is not in the range"),
        (["events", "--limit", "9" * 30], "is not in the range"),
    ],
)
def test_wrong_usage_exits_with_64_and_a_hint(world: World, words: list[str], says: str) -> None:
    takes_fleet = words[0] != "plam" and words[:2] != ["secret", "shwo"]
    ran = run(*words, *(["--fleet", str(world.fleet)] if takes_fleet else []))
    assert ran.code == 64
    assert says in ran.err
    assert ran.out == ""


def test_no_command_shows_the_help() -> None:
    ran = run()
    assert ran.code == 64
    assert "validate  " in ran.err


def test_help_lists_the_commands_and_imports_none() -> None:
    ran = run("--help")
    assert ran.code == 0
    assert all(
        f"  {name} " in ran.out for name in ("validate", "plan", "apply", "status", "check", "place", "simulate")
    )


def test_the_version_is_one_line() -> None:
    assert run("--version").out == f"odoo-fleet {__version__}\n"


@pytest.mark.parametrize(
    ("words", "moved"),
    [
        (["--fleet", "f", "plan", "-o", "json"], ["plan", "--fleet", "f", "-o", "json"]),
        (["--fleet=f", "-ojson", "status", "servers"], ["status", "--fleet=f", "-ojson", "servers"]),
        (["plan", "--fleet", "f"], ["plan", "--fleet", "f"]),
        (["--help"], ["--help"]),
        (["--fleet"], ["--fleet"]),
    ],
)
def test_common_options_may_stand_before_the_command(words: list[str], moved: list[str]) -> None:
    assert command_first(words) == moved


def test_an_invalid_fleet_ends_every_command_with_its_problems(world: World) -> None:
    world.replace("instances.yaml", "template: restaurant", "template: restaurent")
    for words in (["plan"], ["apply", "--yes"], ["status"], ["check", "prod-1"], ["place", "bistro"]):
        ran = world.run(*words)
        assert (ran.code, ran.out) == (1, "")
        assert "unknown-template" in ran.err
        assert ran.err.endswith("The fleet is not valid: 3 errors.\n")


def test_a_missing_secret_is_said_with_its_place(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ODOO_FLEET_KEY")
    ran = world.run("secret", "show", "instance/acme", "admin_password")
    assert ran.code == 1
    assert "fleet.yaml:4:13: the secret {env: ODOO_FLEET_KEY} for fleet/test secret_key is not available" in ran.err


@pytest.mark.parametrize(("words", "traced"), [(["plan"], False), (["plan", "--log-level", "debug"], True)])
def test_a_defect_is_one_line_unless_debugging(
    monkeypatch: pytest.MonkeyPatch, words: list[str], *, traced: bool
) -> None:
    def fail(*_args: object, **_rest: object) -> int:
        raise ZeroDivisionError("a \x1b[2Jdefect")

    monkeypatch.setattr(app.commands, "main", fail)
    ran = run(*words)
    assert ran.code == 1
    assert ran.err.startswith("odoo-fleet: internal error: ZeroDivisionError: a \\x1b[2Jdefect\n")
    assert ("Traceback" in ran.err) is traced


def as_a_process(world: World, words: str, redirected: str) -> subprocess.CompletedProcess[str]:
    """Run a command with its streams as the shell redirects them."""
    command = f'"{sys.executable}" -m reconciler {words} --fleet "{world.fleet}" {redirected}'
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", ["validate", "plan --store none -o json"])
def test_a_stdout_that_takes_nothing_more_is_told_in_one_line(
    world: World, words: str, unbuffered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    ran = as_a_process(world, words, ">/dev/full")
    assert (ran.returncode, ran.stderr) == (1, "odoo-fleet: stdout cannot be written: the disk is full\n")


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&- <&-"])
def test_without_a_stdout_a_command_does_its_work(world: World, closed: str) -> None:
    store = world.root / "state.sqlite"
    ran = as_a_process(world, f"apply --yes --store sqlite:///{store}", closed)
    assert ran.returncode == 0
    assert "acme" in world.hosts["prod-1"].listed()
    assert store.read_bytes().startswith(b"SQLite format 3")


def test_help_has_options_by_what_they_are_about_and_examples() -> None:
    lines = run("plan", "--help").out.splitlines()
    sections = [line.removesuffix(":") for line in lines if re.fullmatch(r"\w[\w ]*:", line)]
    assert sections == ["Options", "What is confirmed", "Hosts and memory", "What of the fleet", "Output", "Examples"]
    assert "  odoo-fleet plan --target acme" in lines


def test_every_command_shows_examples_that_are_right_usage() -> None:
    for words in (
        ["secret", "show"],
        ["backup", "now"],
        ["backup", "list"],
        ["token", "new"],
        ["token", "list"],
        ["token", "revoke"],
        *([name] for name in app.commands.list_commands(click.Context(app.commands))),
    ):
        command = _parsed(words)
        examples = getattr(command, "examples", ())
        assert examples or words in (["secret"], ["backup"], ["token"], ["alerts"]), words
        for line in examples:
            _parsed(shlex.split(line.partition(" > ")[0])[1:], whole=True)


def _parsed(words: list[str], *, whole: bool = False) -> click.Command:
    command: click.Command = app.commands
    while isinstance(command, click.Group) and words:
        name, found, words = command.resolve_command(click.Context(command), words)
        assert found is not None
        command = found
        if whole and not isinstance(found, click.Group):
            found.make_context(name, list(words))
    return command
