"""A group of commands that are imported when they run, and that takes options in front of a command's name as well."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import click

from reconciler.fleet.documents import did_you_mean

_WITH_VALUE = frozenset(
    {"--fleet", "-o", "--output", "--log-format", "--log-level", "--store", "--target", "--selector"}
)
_WITHOUT_VALUE = frozenset({"--shallow"})


OWN = "Options"


class Option(click.Option):
    """An option that stands in a section of its command's help."""

    def __init__(self, *args: Any, section: str = OWN, **rest: Any) -> None:
        super().__init__(*args, **rest)
        self.section = section


def in_section(title: str) -> Callable[..., Callable[[Callable[..., Any]], Callable[..., Any]]]:
    """Return what makes options, as `click.option` does, that stand in a section of this title."""
    return functools.partial(click.option, cls=Option, section=title)


class Command(click.Command):
    """A command whose help has its options by what they are about, and examples.

    Args:
        examples: lines that can be typed.
    """

    def __init__(self, *args: Any, examples: Sequence[str] = (), **rest: Any) -> None:
        super().__init__(*args, **rest)
        self.examples = examples

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the options by section, the command's own first."""
        sections: dict[str, list[tuple[str, str]]] = {OWN: []}
        for each in self.get_params(ctx):
            record = each.get_help_record(ctx)
            if record is not None and not isinstance(each, click.Argument):
                # What click adds by itself (`--help`) stands last.
                section = each.section if isinstance(each, Option) else list(sections)[-1]
                sections.setdefault(section, []).append(record)
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the examples as they are typed."""
        super().format_epilog(ctx, formatter)
        if self.examples:
            with formatter.section("Examples"):
                for line in self.examples:
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")


def command(*examples: str) -> Callable[[Callable[..., Any]], Command]:
    """Make a function a command whose help shows these examples."""
    return click.command(cls=Command, examples=examples)


class OptionsFirst(click.Group):
    """A group that takes options of its commands in front of their names as well."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take `odoo-fleet --fleet DIR plan` for `odoo-fleet plan --fleet DIR`."""
        return super().parse_args(ctx, command_first(args))


class LazyGroup(OptionsFirst):
    """Finds each command as `command` in a module.

    Args:
        modules: by the command's name, its module and one line of help; they are listed in this order.
    """

    def __init__(self, *args: Any, modules: Mapping[str, tuple[str, str]], **rest: Any) -> None:
        super().__init__(*args, **rest)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- as click calls it
        """Name the commands."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- as click calls it
        """Import one command."""
        if cmd_name not in self._modules:
            return None
        command: click.Command = import_module(self._modules[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 -- see above
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self._modules.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command when there is none of this name."""
        if args and not args[0].startswith("-") and args[0] not in self._modules and not ctx.resilient_parsing:
            hint = did_you_mean(args[0], self._modules)
            raise click.UsageError(f"no command {args[0]!r}" + (f" ({hint})" if hint else ""), ctx)
        return super().resolve_command(ctx, args)


def command_first(words: Sequence[str]) -> list[str]:
    """Move the options that every command takes from in front of the command's name to behind it."""
    position = 0
    while position < len(words):
        name, equals, _ = words[position].partition("=")
        if name in _WITH_VALUE:
            position += 1 if equals else 2
        elif name in _WITHOUT_VALUE or (name.startswith("-o") and len(name) > len("-o")):
            position += 1
        else:
            break
    if not 0 < position < len(words):
        return list(words)
    return [words[position], *words[:position], *words[position + 1 :]]
