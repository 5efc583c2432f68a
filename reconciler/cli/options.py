"""Options that several commands share, and the records in which commands receive them.

Names and meanings are fixed by the project's surface; a command adds its own beside these.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from reconciler.cli.groups import in_section
from reconciler.cli.naming import completing
from reconciler.core.safety import THRESHOLDS

Function = Callable[..., Any]
Decorator = Callable[[Function], Function]
_of_fleet, _of_hosts = in_section("What of the fleet"), in_section("Hosts and memory")
_of_output, _of_confirmation = in_section("Output"), in_section("What is confirmed")
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
    targets: tuple[str, ...] = ()
    selectors: tuple[str, ...] = ()
    shallow: bool = False
    server_urls: tuple[str, ...] = ()
    refresh: bool = False
    commands: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What the operator confirms for this run."""

    listings: tuple[str, ...] = ()
    allowed: frozenset[str] = frozenset()


def packed(name: str, record: type[Any], *options: Decorator) -> Decorator:
    """Give a command options; it receives what they, and those that stand below them, say of a record as one.

    Args:
        name: of the parameter that it is received as.
        record: a dataclass; options are named as its fields are, and those that a command does not take have defaults.
        options: in the order of the help.
    """

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def call(*args: Any, **given: Any) -> Any:
            said = {each.name: given.pop(each.name) for each in fields(record) if each.name in given}
            return function(*args, **{name: record(**said)}, **given)

        return _with_options(call, *options)

    return decorate


def common(*formats: str, log_level: str = "error", hidden: Container[str] = ()) -> Decorator:
    """Give a command the options of every command; it receives them as `common`.

    Args:
        formats: what `-o` takes, the default first; where that is one alone, the help does not offer it.
        log_level: the default.
        hidden: those of them that every command takes and that mean nothing to this one, by parameter.
    """
    return packed(
        "common",
        Common,
        _of_fleet(
            "--fleet",
            type=click.Path(path_type=Path),
            default=Path("fleet"),
            envvar="ODOO_FLEET_DIR",
            metavar="DIR",
            help="The fleet's directory (default: fleet, or ODOO_FLEET_DIR).",
            hidden="fleet" in hidden,
        ),
        _of_output(
            "-o",
            "--output",
            type=click.Choice(formats),
            default=formats[0],
            help="How to print.",
            hidden=len(formats) == 1 or "output" in hidden,
        ),
        _of_output(
            "--log-format", type=click.Choice(("console", "json")), default="console", help="How to log, to stderr."
        ),
        _of_output(
            "--log-level", type=click.Choice(LOG_LEVELS), default=log_level, help=f"What to log (default: {log_level})."
        ),
    )


def _not_empty(context: click.Context, option: click.Parameter, given: str) -> str:
    """Refuse an empty value: it is a variable that a script has not set, and not a wish to go without a store."""
    if not given and context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE:
        raise click.BadParameter("it is empty: name a store, or write `--store none`, or leave it out")
    return given


_STORE = _of_hosts(
    "--store",
    default="",
    callback=_not_empty,
    metavar="URL",
    help="Where runs are remembered, or none (default: a file beside the fleet).",
)


store_option = _STORE
"""For a command that works on what is remembered, and asks no host: where that is."""

_SERVER_URL = _of_hosts(
    "--server-url",
    "server_urls",
    multiple=True,
    metavar="CODE=URL",
    help="Reach a server at another address: a tunnel, a simulator (repeatable).",
)


_TARGETS = _of_fleet(
    "--target",
    "targets",
    multiple=True,
    metavar="DOCUMENT",
    help="Only this document and what it needs: acme, instance/acme (repeatable).",
    shell_complete=completing("server", "template", "instance"),
)
_SELECTORS = _of_fleet(
    "--selector",
    "selectors",
    multiple=True,
    metavar="LABEL=VALUE",
    help="Only documents with this label (repeatable: all).",
)
_SHALLOW = _of_hosts("--shallow", is_flag=True, help="Go by the names of databases alone: two calls a host.")


run_options = packed("options", RunOptions, _STORE, _TARGETS, _SELECTORS, _SHALLOW, _SERVER_URL)
"""For a command about the fleet that touches hosts."""

choosing_options = packed("options", RunOptions, _STORE, _TARGETS, _SELECTORS, _SERVER_URL)
"""For a command about documents that looks at hosts in its own way."""

document_options = packed("options", RunOptions, _STORE, _SHALLOW, _SERVER_URL)
"""For a command that carries out what one document needs, which its argument names."""

reach_options = packed("options", RunOptions, _STORE, _SERVER_URL)
"""For a command that asks hosts about one document, which its argument names, or about all."""

refreshable = _of_hosts(
    "--refresh", is_flag=True, help="Look into every database now, whenever it was verified; note what is found."
)
"""For a command that can look into every database, below the options above."""


def confirmed(function: Function) -> Function:
    """Give a command the options by which an operator confirms what the gate stops; it receives them as `confirmed`."""

    @functools.wraps(function)
    def call(*args: Any, listings: tuple[str, ...], **rest: Any) -> Any:
        allowed = frozenset(t.name for t in THRESHOLDS if rest.pop(f"allow_{t.name}"))
        return function(*args, confirmed=Confirmed(listings, allowed), **rest)

    return _with_options(
        call,
        _of_confirmation(
            "--confirm-listing",
            "listings",
            multiple=True,
            metavar="SERVER",
            help="Believe this server that databases are gone (repeatable).",
            shell_complete=completing("server"),
        ),
        *(_of_confirmation(f"--allow-{t.name}", is_flag=True, help=t.allowed) for t in THRESHOLDS),
    )


def _absolute(_context: click.Context, _option: click.Parameter, given: Sequence[str]) -> tuple[str, ...]:
    return tuple(os.path.normpath(Path(each).absolute()) for each in given)


runs_hooks = _of_confirmation(
    "--allow-commands",
    "commands",
    multiple=True,
    type=click.Path(file_okay=False, exists=True),
    callback=_absolute,
    metavar="DIR",
    help="Let hooks of the fleet's text run the programs that lie in DIR (repeatable; without it, none).",
)
"""For a command that carries actions out, below the options above: lets hooks run programs; see `RunOptions`."""


def _with_options(function: Function, *options: Decorator) -> Function:
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
