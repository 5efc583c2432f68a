"""How a user names a document: `acme`, `instance/acme` and `instances acme` are one, where only one can be meant.

A code alone is looked for among the documents of the kinds that a command is about. Shells complete codes from the fleet's
text, however wrong the rest of it is.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from reconciler.fleet.documents import did_you_mean
from schemas.kinds import KINDS

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def address_of(
    words: Sequence[str],
    addresses: Collection[str],
    kinds: Sequence[str],
    also: Sequence[str] = (),
    *,
    or_former: bool = False,
) -> str:
    """Return the address (`instance/acme`) that words name; wrong usage if they can name none, or several.

    Args:
        words: what was typed: one word or two.
        addresses: the documents that the fleet has.
        kinds: those that a command is about. An address of such a kind is returned whether the fleet has it or not.
        also: other words that may have been meant.
        or_former: whether documents that the fleet no longer has may be meant, which are named with their kind.
    """
    if len(words) == 1 and "/" not in words[0]:
        return _of_code(words[0], addresses, kinds, also, or_former=or_former)
    kind, _, code = words[0].partition("/") if len(words) == 1 else (words[0], "", words[-1])
    if len(words) > 2 or not code:  # noqa: PLR2004 -- a kind and a code
        raise click.UsageError(f"name one document, as acme, instance/acme or instances acme, not {' '.join(words)!r}")
    one = kind.removesuffix("s")
    if one not in kinds:
        hint = did_you_mean(one, kinds)
        raise click.UsageError(f"no kind {kind!r}" + (f" ({hint})" if hint else f": {', '.join(kinds)}"))
    return f"{one}/{code}"


def _of_code(
    code: str, addresses: Collection[str], kinds: Sequence[str], also: Sequence[str], *, or_former: bool
) -> str:
    found = [address for address in (f"{kind}/{code}" for kind in kinds) if address in addresses]
    if not found and code == "fleet" and code in kinds:  # there is one
        found = [address for address in addresses if address.startswith("fleet/")]
    if len(found) > 1:
        raise click.UsageError(f"{code!r} can be {' or '.join(found)}: name the one that is meant")
    if found or len(kinds) == 1:
        return found[0] if found else f"{kinds[0]}/{code}"
    codes = {address.partition("/")[2] for address in addresses}
    hints = [did_you_mean(code, [*codes, *also]), "What it no longer has is named as KIND/CODE." if or_former else ""]
    hint = " ".join(filter(None, hints))
    raise click.UsageError(f"the fleet has no {code!r}" + (f" ({hint})" if hint else ""))


def completing(*kinds: str, also: Sequence[str] = ()) -> Complete:
    """Return what completes a document of these kinds, or one of some other words."""

    def complete(ctx: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
        names = sorted((kind, code) for kind, code in _declared(ctx) if kind in kinds)
        known = [code for _, code in names] if "/" not in begun else [f"{kind}/{code}" for kind, code in names]
        return [CompletionItem(word) for word in (*also, *dict.fromkeys(known)) if word.startswith(begun)]

    return complete


def complete_kinds(_ctx: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Complete a kind of documents."""
    return [CompletionItem(kind) for kind in KINDS if kind.startswith(begun)]


def _declared(ctx: click.Context) -> frozenset[tuple[str, str]]:
    from reconciler.loading.fleet_directory import read_outline  # noqa: PLC0415 -- only where a shell asks

    fleet = ctx.params.get("fleet") or Path(os.environ.get("ODOO_FLEET_DIR", "fleet"))
    with contextlib.suppress(OSError):
        return read_outline(fleet).documents
    return frozenset()
