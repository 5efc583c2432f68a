"""Whatever stands where an option takes a value, a command says what is wrong with it, and never ends as a defect."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from reconciler.cli.app import commands
from tests.cli.world import World, run

ODD = ("", " x ", "=", "x=", "a=b=c", "a\nb", "\x1b[2J", "9" * 30, "-1", "x/y/z", "\udcff")
NEEDED = {
    "apply": ("--yes",),
    "check": ("prod-1",),
    "place": ("acme",),
    "drain": ("prod-1",),
    "import": ("prod-1", "--admin-password", "env:NOWHERE"),
    "support": ("acme", "--reason", "x"),
    "first-password": ("acme",),
    "forget": ("instance/gone",),
    "render": ("nginx",),
    "restore": ("acme", "--yes"),
    "refresh": ("acme", "--yes"),
    "pause": ("acme",),
    "resume": ("acme",),
    "new": ("instance", "x"),
    "set": ("acme", "state=suspended"),
    "explain": ("fleet",),
    "history": ("acme",),
    "secret show": ("acme", "admin_password"),
    "token new": ("x",),
    "token revoke": ("x",),
}
SERVES = {"daemon", "simulate"}


def leaves(group: click.Group, *above: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if isinstance(found, click.Group):
            yield from leaves(found, *above, name)
        elif found is not None and name not in SERVES:
            yield (*above, name), found


VALUES = [
    (words, option.opts[0])
    for words, command in leaves(commands)
    for option in command.params
    if isinstance(option, click.Option) and not option.is_flag and option.name not in {"fleet", "output"}
]


@pytest.mark.parametrize(
    ("words", "option"), VALUES, ids=lambda each: each if isinstance(each, str) else " ".join(each)
)
def test_an_odd_value_is_told_and_is_no_defect(
    world: World, words: tuple[str, ...], option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # some are names of files
    for odd in ODD:
        ran = run(*words, *NEEDED.get(" ".join(words), ()), option, odd, "--fleet", str(world.fleet))
        assert "internal error" not in ran.err, f"{option} {odd!r}: {ran.err}"
