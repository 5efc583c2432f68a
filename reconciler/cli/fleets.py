"""The fleet that a command is about: loaded whole, or its problems told and the command ended.

Names that a user gives (addresses, server codes, labels) are looked up here, with the nearest one as a hint.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import click
from pydantic_core import PydanticCustomError

from reconciler.cli import screens
from reconciler.cli.naming import address_of
from reconciler.cli.options import Common, RunOptions, pairs
from reconciler.core.model.selection import Selection
from reconciler.fleet.desired import Desired
from reconciler.fleet.documents import did_you_mean
from reconciler.loading.fleet_directory import load_fleet
from reconciler.reports.problems import render_summary
from schemas.server import normalise_url

INVALID = 1


def load(common: Common) -> Desired:
    """Load the fleet. Problems go to stderr; an invalid fleet ends the command with exit code 1."""
    loaded = load_fleet(common.fleet)
    screens.show_problems(loaded.diagnostics, loaded.texts, screens.ERR)
    if loaded.desired is None:
        screens.say(f"The fleet is not valid: {render_summary(loaded.diagnostics)}.")
        raise click.exceptions.Exit(INVALID)
    return loaded.desired


def selection(desired: Desired, options: RunOptions, earlier: Desired | None = None) -> Selection:
    """Read `--target` and `--selector`. An address that is not declared is wrong usage; a label that nobody bears is told.

    What an earlier revision of the fleet declared, if one is compared with, can be named as well.
    """
    documents = [document for each in (desired, earlier) if each is not None for document in each.subjects()]
    addresses = {d.address for d in documents}
    targets = {address_of([target], addresses, ("instance", "template", "server")) for target in options.targets}
    for target in sorted(targets):
        require(target, addresses, f"--target: the fleet has no {target!r}")
    labels = pairs("--selector", options.selectors)
    chosen = Selection(frozenset(targets), labels)
    if labels and not any(chosen.includes(d) for d in documents):
        screens.say(f"Nothing in the fleet is labelled {', '.join(options.selectors)}.")
    return chosen


def require_one_choice(words: Sequence[str], chosen: Selection) -> None:
    """End the command as wrong usage where words name a document and options choose documents."""
    if words and not chosen.is_everything:
        raise click.UsageError(
            f"{' '.join(words)} is named: --target and --selector choose among all, and go without a name"
        )


def server_urls(desired: Desired, options: RunOptions) -> dict[str, str]:
    """Read `--server-url`; a server that is not declared is wrong usage."""
    found = urls(options)
    for code in found:
        require(code, desired.servers, f"--server-url: the fleet has no server {code!r}")
    return found


def urls(options: RunOptions) -> dict[str, str]:
    """Read `--server-url`, whatever servers there are."""
    # Nothing of it is shown: whatever stands where may be an address with a password.
    if any("=" not in each.partition("://")[0] for each in options.server_urls):
        raise click.UsageError("--server-url takes CODE=URL, as in prod-1=http://127.0.0.1:8069")
    found = dict(pairs("--server-url", options.server_urls))
    for code, url in found.items():
        try:
            found[code] = normalise_url(url)
        except PydanticCustomError as error:  # what was written is not shown: it may hold a password
            what, hint = (error.context or {}).get("message", ""), (error.context or {}).get("hint", "")
            said = what.replace("'server_url'", f"the address of {code!r}")
            raise click.UsageError(f"--server-url: {said}" + (f": {hint}" if hint else "")) from None
    return found


def code_of(words: Sequence[str], codes: Collection[str], kind: str) -> str:
    """Return the code of the one document of a kind that words name; wrong usage if the fleet has none of it."""
    code = address_of(words, {f"{kind}/{code}" for code in codes}, [kind]).partition("/")[2]
    require(code, codes, f"the fleet has no {kind} {code!r}")
    return code


def require(name: str, names: Iterable[str], message: str) -> None:
    """End the command as wrong usage unless a name is among those that exist."""
    known = list(names)
    if name not in known:
        hint = did_you_mean(name, known)
        raise click.UsageError(f"{message} ({hint})" if hint else message)
