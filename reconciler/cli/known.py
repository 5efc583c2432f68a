"""What a command that asks no host needs of the fleet: its code and the names of its documents; and the store.

A text that is not valid at the moment does not keep anybody from its history, nor from a pause: names are enough for both.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import click

from reconciler.cli import fleets, screens
from reconciler.cli.naming import address_of
from reconciler.cli.options import Common
from reconciler.cli.refusals import telling
from reconciler.fleet.declarations import is_code
from reconciler.fleet.desired import Desired
from reconciler.loading.fleet_directory import load_fleet, read_outline
from reconciler.store.opening import AnyStore, default_url, open_store
from schemas.kinds import KINDS, pausable


@dataclass(frozen=True, slots=True)
class Known:
    """A fleet by its names. `desired` is None while its text is not valid."""

    fleet: str
    addresses: frozenset[str]
    desired: Desired | None

    def parse(self, words: Sequence[str]) -> tuple[str, str]:
        """Read the name of a document, of the fleet or not (`naming`); wrong usage if it can be none."""
        kinds, kind = tuple(pausable()), words[0].partition("/")[0].removesuffix("s")
        if kind in KINDS and kind not in kinds:
            raise click.UsageError(f"a {kind} has no databases of its own: name one of {', '.join(kinds)}")
        kind, _, code = address_of(words, self.addresses, kinds, or_former=True).partition("/")
        if not is_code(code):
            raise click.UsageError(f"{code!r} is no code: lowercase letters, digits and hyphens")
        return kind, code

    def require(self, address: str) -> None:
        """End the command as wrong usage unless the fleet has the document."""
        fleets.require(address, self.addresses, f"the fleet has no {address!r}")


def know(common: Common) -> Known:
    """Read the fleet's names. Without a code of the fleet, the problems of its text are told and end the command."""
    desired = load_fleet(common.fleet).desired
    if desired is None:
        outline = read_outline(common.fleet)
        if outline.fleet:
            screens.say("The fleet's text is not valid now (`odoo-fleet validate` says why): going by its names.")
            return Known(outline.fleet, _addresses(outline.documents), None)
        desired = fleets.load(common)
    return Known(desired.settings.code, _addresses((d.kind, d.code) for d in desired.every()), desired)


def _addresses(documents: Iterable[tuple[str, str]]) -> frozenset[str]:
    kinds = pausable()
    return frozenset(f"{kind}/{code}" for kind, code in documents if kind in kinds)


@contextlib.contextmanager
def open_memory(common: Common, store: str, fleet: str, *, purpose: str) -> Iterator[AnyStore]:
    """Open the store that `--store` names; none is wrong usage, and one that fails ends the command with a line.

    Args:
        common: with the fleet's directory, beside which the store is by default.
        store: what was given.
        fleet: the fleet's code.
        purpose: what the store is needed for, as the end of a sentence: `a pause could not be kept`.
    """
    if store == "none":
        raise click.UsageError(f"--store none: {purpose}")
    with telling(), open_store(store or default_url(common.fleet), fleet) as opened:
        yield opened
