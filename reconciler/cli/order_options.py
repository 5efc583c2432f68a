"""The options of `daemon` by which it takes orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import click

from reconciler.cli.groups import in_section
from reconciler.cli.options import packed
from reconciler.git.committing import Person
from reconciler.git.writing import Signature

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


_option = in_section("Orders")
orders_options = packed(
    "orders",
    OrderFlags,
    _option(
        "--orders",
        "mode",
        type=click.Choice(("commit", "branch")),
        help="Let the API add and change instances: each a commit on the branch, or on one of its own for people to merge.",
    ),
    _option(
        "--orders-author",
        "author",
        default=_US,
        metavar="NAME <MAIL>",
        help=f"The author of these commits (default: {_US}).",
    ),
    _option(
        "--orders-committer", "committer", default=_US, metavar="NAME <MAIL>", help=f"Their committer (default: {_US})."
    ),
)
"""For a command that takes orders; it receives them as `orders`."""
