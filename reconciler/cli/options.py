"""Options that several commands share, and the records in which commands receive them.

Names and meanings are fixed by the project's surface; a command adds its own beside these.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from reconciler.cli.groups import Option
from reconciler.cli.naming import completing
from reconciler.core.safety import THRESHOLDS

Function = Callable[..., Any]
_FLEET, _HOSTS, _OUTPUT, _CONFIRMED = "What of the fleet", "Hosts and memory", "Output", "What is confirmed"
LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Common:
    """What every command is told: where the fleet is, how to print, how to log."""

    fleet: Path
    output: str
    log_format: str
    log_level: str


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How hosts are reached, what of the fleet is meant, and where runs are remembered (empty: beside the fleet).

    `commands` are the directories whose programs hooks may run; None for a command that runs no hook.
    """

    store: str
    targets: tuple[str, ...]
    selectors: tuple[str, ...]
    shallow: bool
    server_urls: tuple[str, ...]
    refresh: bool = False
    commands: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What the operator confirms for this run."""

    listings: tuple[str, ...] = ()
    allowed: frozenset[str] = frozenset()


def common(*formats: str, log_level: str = "error", hidden: Container[str] = ()) -> Callable[[Function], Function]:
    """Give a command the options of every command; its first argument is then a `Common`.

    Args:
        formats: what `-o` takes, the default first; where that is one alone, the help does not offer it.
        log_level: the default.
        hidden: those of them that every command takes and that mean nothing to this one, by parameter.
    """
    default_level = log_level

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def call(fleet: Path, output: str, log_format: str, log_level: str, **rest: Any) -> Any:
            return function(Common(fleet, output, log_format, log_level), **rest)

        return _with_options(
            call,
            click.option(
                "--fleet",
                type=click.Path(path_type=Path),
                default=Path("fleet"),
                envvar="ODOO_FLEET_DIR",
                metavar="DIR",
                help="The fleet's directory (default: fleet, or ODOO_FLEET_DIR).",
                hidden="fleet" in hidden,
                cls=Option,
                section=_FLEET,
            ),
            click.option(
                "-o",
                "--output",
                type=click.Choice(formats),
                default=formats[0],
                help="How to print.",
                hidden=len(formats) == 1 or "output" in hidden,
                cls=Option,
                section=_OUTPUT,
            ),
            click.option(
                "--log-format",
                type=click.Choice(("console", "json")),
                default="console",
                help="How to log, to stderr.",
                cls=Option,
                section=_OUTPUT,
            ),
            click.option(
                "--log-level",
                type=click.Choice(LOG_LEVELS),
                default=default_level,
                help=f"What to log (default: {default_level}).",
                cls=Option,
                section=_OUTPUT,
            ),
        )

    return decorate


def _not_empty(context: click.Context, option: click.Parameter, given: str) -> str:
    """Refuse an empty value: it is a variable that a script has not set, and not a wish to go without a store."""
    if not given and context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE:
        raise click.BadParameter("it is empty: name a store, or write `--store none`, or leave it out")
    return given


_STORE = click.option(
    "--store",
    default="",
    callback=_not_empty,
    metavar="URL",
    help="Where runs are remembered, or none (default: a file beside the fleet).",
    cls=Option,
    section=_HOSTS,
)


def store_option(function: Function) -> Function:
    """Give a command that works on what is remembered, and asks no host, the option that says where that is."""
    return _STORE(function)


_SERVER_URL = click.option(
    "--server-url",
    "server_urls",
    multiple=True,
    metavar="CODE=URL",
    help="Reach a server at another address: a tunnel, a simulator (repeatable).",
    cls=Option,
    section=_HOSTS,
)


def reach_options(function: Function) -> Function:
    """Give a command that asks hosts about one document the options of how they are reached, as `options`."""

    @functools.wraps(function)
    def call(*args: Any, store: str, server_urls: tuple[str, ...], **rest: Any) -> Any:
        return function(*args, options=RunOptions(store, (), (), shallow=False, server_urls=server_urls), **rest)

    return _with_options(call, _STORE, _SERVER_URL)


def run_options(function: Function) -> Function:
    """Give a command the options of what touches hosts; it receives them as `options`."""

    @functools.wraps(function)
    def call(
        *args: Any,
        store: str,
        targets: tuple[str, ...],
        selectors: tuple[str, ...],
        shallow: bool,
        server_urls: tuple[str, ...],
        **rest: Any,
    ) -> Any:
        return function(*args, options=RunOptions(store, targets, selectors, shallow, server_urls), **rest)

    return _with_options(
        call,
        _STORE,
        click.option(
            "--target",
            "targets",
            multiple=True,
            metavar="DOCUMENT",
            help="Only this document and what it needs: acme, instance/acme (repeatable).",
            cls=Option,
            section=_FLEET,
            shell_complete=completing("server", "template", "instance"),
        ),
        click.option(
            "--selector",
            "selectors",
            multiple=True,
            metavar="LABEL=VALUE",
            help="Only documents with this label (repeatable: all).",
            cls=Option,
            section=_FLEET,
        ),
        click.option(
            "--shallow",
            is_flag=True,
            help="Go by the names of databases alone: two calls a host.",
            cls=Option,
            section=_HOSTS,
        ),
        _SERVER_URL,
    )


def refreshable(function: Function) -> Function:
    """Give a command, below `run_options`, the option to look into every database; it becomes part of `options`."""

    @functools.wraps(function)
    def call(*args: Any, options: RunOptions, refresh: bool, **rest: Any) -> Any:
        return function(*args, options=replace(options, refresh=refresh), **rest)

    return _with_options(
        call,
        click.option(
            "--refresh",
            is_flag=True,
            help="Look into every database now, whenever it was verified; note what is found.",
            cls=Option,
            section=_HOSTS,
        ),
    )


def confirmed(function: Function) -> Function:
    """Give a command the options by which an operator confirms what the gate stops; it receives them as `confirmed`."""

    @functools.wraps(function)
    def call(*args: Any, listings: tuple[str, ...], **rest: Any) -> Any:
        allowed = frozenset(t.name for t in THRESHOLDS if rest.pop(f"allow_{t.name}"))
        return function(*args, confirmed=Confirmed(listings, allowed), **rest)

    return _with_options(
        call,
        click.option(
            "--confirm-listing",
            "listings",
            multiple=True,
            metavar="SERVER",
            help="Believe this server that databases are gone (repeatable).",
            cls=Option,
            section=_CONFIRMED,
            shell_complete=completing("server"),
        ),
        *(
            click.option(f"--allow-{t.name}", is_flag=True, help=t.allowed, cls=Option, section=_CONFIRMED)
            for t in THRESHOLDS
        ),
    )


def runs_hooks(function: Function) -> Function:
    """Give a command that carries actions out, below `run_options`, the option that lets hooks run programs; see `RunOptions`."""

    @functools.wraps(function)
    def call(*args: Any, options: RunOptions, commands: tuple[str, ...], **rest: Any) -> Any:
        absolute = tuple(os.path.normpath(Path(each).absolute()) for each in commands)
        return function(*args, options=replace(options, commands=absolute), **rest)

    return _with_options(
        call,
        click.option(
            "--allow-commands",
            "commands",
            multiple=True,
            type=click.Path(file_okay=False, exists=True),
            metavar="DIR",
            help="Let hooks of the fleet's text run the programs that lie in DIR (repeatable; without it, none).",
            cls=Option,
            section=_CONFIRMED,
        ),
    )


def _with_options(function: Function, *options: Callable[[Function], Function]) -> Function:
    # click lists options in the reverse order of their decoration.
    return functools.reduce(lambda made, option: option(made), reversed(options), function)


def pairs(option: str, given: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Split `NAME=VALUE` of a repeatable option; wrong usage if one has no `=`."""
    split = []
    for each in given:
        name, equals, value = each.partition("=")
        if not (name and equals):
            raise click.UsageError(f"{option} takes NAME=VALUE, not {each!r}")
        split.append((name, value))
    return tuple(split)
