"""Every command's help: within 80 columns, with nothing in it that means nothing there."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from reconciler.cli.app import commands
from tests.cli.world import World, run


def every(command: click.Command, *words: str) -> Iterator[tuple[str, ...]]:
    yield words
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from every(found, *words, name)


EVERY = [*every(commands)]


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_it_fits_into_80_columns(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    ran = run(*words, "--help")
    assert ran.code == 0
    assert [line for line in ran.out.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_it_offers_no_choice_of_one(words: tuple[str, ...]) -> None:
    assert "--output [text]" not in run(*words, "--help").out


ABOUT_ONE = {
    "check": ("prod-1",),
    "place": ("acme",),
    "support": ("acme", "--reason", "ticket 4711"),
    "first-password": ("acme",),
    "import": ("prod-1",),
    "restore": ("acme", "--yes"),
    "refresh": ("acme", "--yes"),
}


CHOICES = [("--target", "bistro"), ("--selector", "tier=gold"), ("--shallow",)]
MEANINGLESS = [
    ((name, *rest), option)
    for name, rest in ABOUT_ONE.items()
    for option in CHOICES
    if (name, option)
    not in {("restore", ("--shallow",)), ("refresh", ("--shallow",))}  # these look into a database first
]


@pytest.mark.parametrize(("words", "option"), MEANINGLESS, ids=" ".join)
def test_what_asks_about_one_document_cannot_be_limited_to_others(
    world: World, words: tuple[str, ...], option: tuple[str, ...]
) -> None:
    assert f"{option[0]} " not in run(words[0], "--help").out
    ran = world.run(*words, *option)
    assert (ran.code, f"No such option '{option[0]}'" in ran.err) == (64, True)


@pytest.mark.parametrize(
    "words", [("backup", "now"), ("backup", "list"), ("backup", "verify"), ("status",)], ids=" ".join
)
@pytest.mark.parametrize("option", CHOICES[:2], ids=" ".join)
def test_what_is_named_cannot_be_chosen_too(world: World, words: tuple[str, ...], option: tuple[str, ...]) -> None:
    """Either of the two would count for nothing, and nobody could know which."""
    world.replace(
        "fleet.yaml", "code: test\n", f"code: test\nbackup_targets: {{main: {{url: 'file://{world.root}'}}}}\n"
    )
    ran = world.run(*words, "acme", *option)
    assert (ran.code, ran.out) == (64, "")
    assert "acme is named: --target and --selector choose among all, and go without a name" in " ".join(ran.err.split())


@pytest.mark.parametrize("view", ["foreign", "trash"])
@pytest.mark.parametrize("server", [(), ("prod-1",)], ids=" ".join)
def test_a_view_of_servers_lets_no_documents_be_chosen(world: World, view: str, server: tuple[str, ...]) -> None:
    ran = world.run("status", view, *server, "--target", "bistro")
    assert (ran.code, "--target and --selector choose documents" in ran.err) == (64, True)


def test_a_schema_that_is_printed_is_of_no_fleet() -> None:
    assert run("schema", "plan", "--fleet", "nowhere", "-o", "text").code == 0
