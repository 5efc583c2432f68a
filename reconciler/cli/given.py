"""Secrets that a command is given by an option: never the value, but where it is found."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import click

from schemas.secrets import Secret


class NotGiven(Exception):
    """There is no secret where the option says."""


def secret_at(reference: str, option: str, what: str, raises: type[Exception] = NotGiven) -> Callable[[], Secret]:
    """Read `env:NAME` or `file:PATH`; the value is looked up anew each time, so that it can be rotated.

    Args:
        reference: what the option says; anything else is wrong usage.
        option: its name.
        what: what the secret is, for a message.
        raises: what is raised where there is none.
    """
    kind, _, name = reference.partition(":")
    if kind == "env" and name:
        return lambda: _of_environment(name, what, raises)
    if kind == "file" and name:
        return lambda: _of_file(Path(name), what, raises)
    # Not shown: what stands there may be the secret itself.
    raise click.UsageError(f"{option} takes env:NAME or file:PATH, never the secret itself")


def _of_environment(name: str, what: str, raises: type[Exception]) -> Secret:
    value = os.environ.get(name, "")
    if not value:
        raise raises(f"the environment variable {name}, which holds {what}, is empty or not set")
    return Secret(value)


def _of_file(path: Path, what: str, raises: type[Exception]) -> Secret:
    try:
        value = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise raises(f"the file {path}, which holds {what}, cannot be read: {why}") from None
    if not value:
        raise raises(f"the file {path}, which holds {what}, is empty")
    return Secret(value)
