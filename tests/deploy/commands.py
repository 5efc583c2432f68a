"""The daemon's command line as the files of `deploy/` and `docs/` write it, held against the one that there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from reconciler.cli.app import commands


def parsed(words: Sequence[str]) -> dict[str, Any]:
    """What this version's command line makes of words behind `odoo-fleet`; wrong usage raises."""
    name, *arguments = words
    context = click.Context(commands)
    command = commands.get_command(context, name)
    assert command is not None, f"there is no command {name!r}"
    return command.make_context(name, list(arguments), parent=context).params
