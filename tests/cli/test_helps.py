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


@pytest.mark.parametrize("words", [("check", "prod-1"), ("place", "acme")], ids=" ".join)
@pytest.mark.parametrize("option", [("--target", "acme"), ("--selector", "tier=gold"), ("--shallow",)], ids=" ".join)
def test_what_asks_about_one_document_cannot_be_limited_to_others(
    world: World, words: tuple[str, ...], option: tuple[str, ...]
) -> None:
    assert option[0] not in run(words[0], "--help").out
    ran = world.run(*words, *option)
    assert (ran.code, f"No such option '{option[0]}'" in ran.err) == (64, True)


def test_a_schema_that_is_printed_is_of_no_fleet() -> None:
    assert run("schema", "plan", "--fleet", "nowhere", "-o", "text").code == 0
