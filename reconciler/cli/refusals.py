"""How a command ends when the world denies it something: with a line on stderr and exit code 1, never with a traceback."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import click

from reconciler.core.model.failures import HostError, MemoryFailure
from reconciler.fleet.secrets import SecretUnavailable
from reconciler.reports.escapes import visible


@contextlib.contextmanager
def telling(*more: type[Exception]) -> Iterator[None]:
    """End the command with exit code 1 and a line on stderr for what is no defect of the tool: store, secrets, hosts."""
    kinds: tuple[type[Exception], ...] = (MemoryFailure, SecretUnavailable, HostError, *more)
    try:
        yield
    except kinds as error:
        raise click.ClickException(visible(str(error))) from error
    except ExceptionGroup as group:
        known = group.subgroup(kinds)
        if known is None:
            raise
        raise click.ClickException(visible(str(_first(known)))) from group


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
