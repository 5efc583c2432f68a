"""The files of `plan --out FILE` and `apply FILE`: written whole or not at all, sealed by the fleet's key, read with distrust."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from reconciler.cli.options import Common, Confirmed, RunOptions
from reconciler.cli.refusals import telling
from reconciler.cli.sessions import Aim, Session
from reconciler.core.deciding import Planned
from reconciler.fleet.desired import Desired
from reconciler.fleet.secrets import SecretUnavailable, WeakKey, parse_key
from reconciler.git.revisions import revision_of
from reconciler.git.whole_files import write_whole
from reconciler.loading.secrets import SecretResolver
from reconciler.planfile import movements
from reconciler.planfile.saved_changesets import (
    PURPOSE,
    NotAChangeset,
    SavedChangeset,
    check_kind,
    from_plain,
    limits_of,
    save,
    to_plain,
)
from reconciler.planfile.sealing import fits, key_name, seal, seal_key
from reconciler.reports.escapes import visible
from reconciler.version import __version__

MAX_BYTES = 256 * 1024 * 1024
"""More is no changeset: one of 100,000 actions is a tenth of it."""

_ALGORITHM = "HMAC-SHA-256"


class PlanRefused(click.ClickException):
    """A saved changeset is not carried out: all reasons, and what to do."""

    def __init__(self, file: Path, reasons: Iterable[str], advice: str = "") -> None:
        lines = "".join(f"\n  - {visible(reason)}" for reason in reasons)
        todo = advice or "Make a new one with `odoo-fleet plan --out FILE` and look at it before it is applied."
        super().__init__(f"{visible(str(file))} is refused, and nothing was changed:{lines}\n{todo}")


class Sealer:
    """Seals and opens the changesets of one fleet.

    Args:
        desired: the fleet.
        root: its directory.

    Raises:
        click.ClickException: the fleet has no key, or its value is not to be had.
    """

    def __init__(self, desired: Desired, root: Path) -> None:
        reference = desired.settings.secret_key
        if reference is None:
            raise click.ClickException(
                "a saved changeset is sealed with the fleet's key, and the fleet has none: declare `secret_key: {env: NAME}`"
                " in the fleet document (`odoo-fleet secret new-key` makes a key)"
            )
        code = desired.settings.code
        with telling():
            value = SecretResolver(desired, os.environ, root).resolve(reference, "fleet", code, "secret_key")
            try:
                key = parse_key(value.reveal())
            except WeakKey as error:
                place = desired.range_of("fleet", code, "secret_key")
                raise SecretUnavailable(place, str(reference), f"fleet/{code} secret_key", str(error)) from None
        self._key = seal_key(key, PURPOSE.format(fleet=code))

    def close(self, saved: SavedChangeset) -> dict[str, Any]:
        """Return a changeset as JSON's plain types, with its seal."""
        content = to_plain(saved)
        stamp = {"algorithm": _ALGORITHM, "key": key_name(self._key), "value": seal(content, self._key)}
        return {**content, "seal": stamp}

    def open(self, document: object) -> SavedChangeset:
        """Check the kind, the format and the seal of what a file holds, then read it.

        Raises:
            NotAChangeset: one of these is wrong; the message says which.
        """
        content = dict(check_kind(document))
        stamp = content.pop("seal", None)
        if not isinstance(stamp, dict) or not isinstance(stamp.get("value"), str):
            raise NotAChangeset("it has no seal")
        if stamp.get("key") != key_name(self._key):
            raise NotAChangeset(
                f"it was sealed with another key than this fleet's (it says: fleet '{content.get('fleet')}')"
            )
        if not fits(content, self._key, stamp["value"]):
            raise NotAChangeset("its seal does not fit what it says: it was edited after it was saved")
        return from_plain(content)


def write(file: Path, planned: Planned, session: Session, sealer: Sealer) -> None:
    """Save a plan; the file is replaced whole, and its owner alone can read it."""
    saved = save(
        planned,
        session.desired,
        session.limits,
        now=datetime.now(UTC),
        tool=__version__,
        revision=revision_of(session.reach.root),
        server_urls=session.aim.server_urls,
        remark=session.aim.remark,
    )
    text = json.dumps(sealer.close(saved), indent=1, ensure_ascii=True) + "\n"
    try:
        write_whole(file, text.encode("ascii"))
    except OSError as error:
        raise click.ClickException(
            f"the changeset cannot be saved to {visible(str(file))}: {_reason(error)}"
        ) from error


def read(file: Path, desired: Desired, common: Common) -> SavedChangeset:
    """Read a changeset that is for this fleet's text and this version; all else is refused, and no host is asked.

    Raises:
        Refused: it is not one, its seal does not fit, or the text or the tool is not the same.
    """
    try:
        saved = Sealer(desired, common.fleet).open(_document(file))
    except NotAChangeset as error:
        raise PlanRefused(file, [str(error)]) from None
    if moved := movements.moved_text(saved, desired, __version__):
        raise PlanRefused(file, moved, _advice(saved))
    return saved


def aim_of(saved: SavedChangeset, options: RunOptions) -> Aim:
    """Return what the saved changeset was limited to, and the addresses at which it reached servers.

    Which programs hooks may run is for whoever carries it out to say, not for whoever planned it.
    """
    return Aim(replace(limits_of(saved), commands=options.commands), saved.limits.server_urls, saved.limits.remark)


def checked(file: Path, saved: SavedChangeset, now: Planned, desired: Desired) -> Planned:
    """Return the plan of now as it may be carried out: it is the saved one, action for action.

    Raises:
        Refused: it is not the same; every difference is named.
    """
    if moved := movements.moved_world(saved, now, desired):
        done = ["nothing of it is left to do"] if movements.is_done(saved, now) else []
        raise PlanRefused(file, [*done, *moved], _advice(saved))
    return movements.exactly(saved, now)


def require_no_limits(options: RunOptions, confirmed: Confirmed) -> None:
    """End the command as wrong usage if it is given limits beside a saved changeset, which has its own."""
    given = {
        "--target": options.targets,
        "--selector": options.selectors,
        "--shallow": options.shallow,
        "--refresh": options.refresh,
        "--server-url": options.server_urls,
        "--confirm-listing": confirmed.listings,
        **{f"--allow-{name}": True for name in sorted(confirmed.allowed)},
    }
    if named := [option for option, value in given.items() if value]:
        raise click.UsageError(f"{', '.join(named)}: a saved changeset has its own limits; give them to `plan --out`")


def _advice(saved: SavedChangeset) -> str:
    revision = f", from commit {saved.revision[:12]}" if saved.revision else ""
    made = f"It was saved at {saved.created_at:%Y-%m-%d %H:%M} UTC{revision}."
    return f"{made} Make a new one with `odoo-fleet plan --out FILE` and look at it before it is applied."


def _document(file: Path) -> object:
    try:
        data = _read(file)
    except OSError as error:
        raise NotAChangeset(f"it cannot be read: {_reason(error)}") from None
    try:
        document: object = json.loads(data)
    except (ValueError, RecursionError):
        raise NotAChangeset(
            "it is not a changeset that `odoo-fleet plan --out` wrote, or not all of it: no JSON"
        ) from None
    return document


def _read(file: Path) -> bytes:
    # O_NONBLOCK: a pipe would be waited for.
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "it is not a regular file")
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise OSError(0, f"it is longer than {MAX_BYTES // 1024 // 1024} MB")
    return data


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
