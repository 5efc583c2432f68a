"""The options of `daemon` by which it takes orders."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import click

from reconciler.cli.groups import Option
from reconciler.git.committing import Person
from reconciler.git.writing import Signature

_SECTION = "Orders"
_US = "odoo-fleet <odoo-fleet@localhost>"
Mode = Literal["commit", "branch"]


@dataclass(frozen=True, slots=True)
class OrderFlags:
    """What the options say: where orders go (None: none are taken), and whose name their commits bear."""

    mode: Mode | None
    author: str
    committer: str

    def check(self, *, has_remote: bool, is_served: bool, signed_only: bool) -> None:
        """End the command as wrong usage where orders cannot be taken so."""
        if self.mode is None:
            return
        if not has_remote:
            raise click.UsageError(
                "--orders needs --git URL: orders are commits that are pushed; a bare repository on this machine will do"
            )
        if not is_served:
            raise click.UsageError("--orders needs --api or --page, which take them")
        if signed_only and self.mode == "commit":
            raise click.UsageError(
                "--orders commit makes commits that nobody signed, which --signed-only refuses: take --orders branch, and let "
                "people merge and sign"
            )
        self.signature()

    def signature(self) -> Signature:
        """Return whose name the commits bear; wrong usage if that cannot be read."""
        try:
            return Signature(Person.of(self.author), Person.of(self.committer))
        except ValueError as error:
            raise click.UsageError(f"--orders-author, --orders-committer: {error}") from None


def orders_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of orders; it receives them as `orders`."""

    @functools.wraps(function)
    def call(*args: Any, orders: Mode | None, orders_author: str, orders_committer: str, **rest: Any) -> Any:
        return function(*args, orders=OrderFlags(orders, orders_author, orders_committer), **rest)

    options = (
        click.option(
            "--orders",
            type=click.Choice(("commit", "branch")),
            help="Let the API add and change instances: each a commit on the branch, or on one of its own for people to merge.",
            cls=Option,
            section=_SECTION,
        ),
        click.option(
            "--orders-author",
            default=_US,
            metavar="NAME <MAIL>",
            help=f"The author of these commits (default: {_US}).",
            cls=Option,
            section=_SECTION,
        ),
        click.option(
            "--orders-committer",
            default=_US,
            metavar="NAME <MAIL>",
            help=f"Their committer (default: {_US}).",
            cls=Option,
            section=_SECTION,
        ),
    )
    return functools.reduce(lambda made, option: option(made), reversed(options), call)
