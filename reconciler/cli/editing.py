"""What the commands that write the fleet's text share: a draft is judged, written, and shown as a difference."""

from __future__ import annotations

import difflib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from reconciler.cli import fleets, screens
from reconciler.cli.options import Common
from reconciler.editing.edits import Change
from reconciler.editing.fleet_text import AlreadyThere, FileDraft, FleetText, NoSuchDocument
from reconciler.editing.kind_fields import KindFields
from reconciler.editing.problems import new_errors
from reconciler.editing.spans import CannotEdit
from reconciler.git.whole_files import write_whole
from reconciler.loading.fleet_directory import Loaded
from reconciler.reports.covering import covered
from reconciler.reports.documents import render_value
from reconciler.reports.escapes import visible
from reconciler.reports.problems import render_summary
from schemas.kinds import KINDS

REFUSED = (AlreadyThere, CannotEdit, NoSuchDocument)
INVALID = 1
_NEW_FILE = 0o644


def changes_of(kind: str, written: Sequence[str], unset: Sequence[str] = ()) -> list[Change]:
    """Read `KEY=VALUE` and the fields to take out; wrong usage if one is not of this form."""
    fields = KindFields.of(kind)
    try:
        return [*(fields.change(each) for each in written), *map(fields.removal, unset)]
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def require_kind(kind: str) -> str:
    """Return a kind by its name or that of several (`instances`); wrong usage if there is none."""
    one = kind if kind in KINDS else kind.removesuffix("s")
    fleets.require(one, KINDS, f"there is no kind {kind!r}")
    return one


def write(common: Common, text: FleetText, draft: FileDraft) -> int:
    """Write a draft if the fleet is as valid with it as without, and tell what changed; else say why not."""
    if not draft.is_change:
        _tell(common, text, draft, None)
        return 0
    loaded = text.judge(draft)
    if problems_of(text.loaded, loaded):
        return INVALID
    write_file(draft)
    _tell(common, text, draft, loaded)
    return 0


def problems_of(before: Loaded, loaded: Loaded) -> bool:
    """Tell whether an edit has brought errors, which are shown then."""
    if not new_errors(before, loaded):
        return False
    screens.show_problems(loaded.diagnostics, loaded.texts, screens.ERR)
    screens.say(f"Nothing is written: the fleet would not be valid ({render_summary(loaded.diagnostics)}).")
    return True


def write_file(draft: FileDraft) -> None:
    """Write a draft, or end the command with what is in the way."""
    try:
        _write(draft)
    except FileExistsError:
        raise click.ClickException(f"{visible(draft.path)} is there already, and is left as it is") from None
    except OSError as error:
        raise click.ClickException(f"{visible(draft.path)} cannot be written: {error.strerror or error}") from error


def patch(name: str, draft: FileDraft) -> str:
    """Return what a draft changes in the file of this name, as `git apply` takes it: secrets in its lines come along."""
    return "\n".join(map(visible, _difference(_lines(draft.before), _lines(draft.after), name)))


def covered_patch(name: str, draft: FileDraft) -> str:
    """Return the same for people, with what may be a secret in these lines covered."""
    # Each line has what it covers behind it, so that two differ where their lines do.
    before, after = (
        [f"{cover}\0{line}" for cover, line in zip(covered(lines), lines, strict=True)]
        for lines in (_lines(draft.before), _lines(draft.after))
    )
    return "\n".join(visible(line.partition("\0")[0]) for line in _difference(before, after, name))


def _lines(data: bytes | None) -> list[str]:
    return (data or b"").decode(errors="replace").splitlines()


def _difference(before: list[str], after: list[str], name: str) -> Iterator[str]:
    return difflib.unified_diff(before, after, f"a/{name}", f"b/{name}", lineterm="")


def _write(draft: FileDraft) -> None:
    # What a link leads to is written, and the link stays.
    file = Path(os.path.realpath(draft.path))
    if draft.before is None:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("xb") as stream:
            stream.write(draft.after)
            os.fchmod(stream.fileno(), _NEW_FILE & ~_umask())
        return
    if file.read_bytes() != draft.before:
        raise click.ClickException(f"{visible(draft.path)} was changed by somebody else meanwhile: try again")
    write_whole(file, draft.after, stat.S_IMODE(file.stat().st_mode))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _tell(common: Common, text: FleetText, draft: FileDraft, written: Loaded | None) -> None:
    is_open = written is not None and written.desired is not None and not written.desired.settings.allow_literal_secrets
    replaced = text.replaced(draft) if is_open else {}
    if common.output == "json":
        told = {
            "format": 1,
            "kind": draft.kind,
            "code": draft.code,
            "file": text.relative(draft),
            "changed": written is not None,
            "replaced_defaults": replaced,
        }
        screens.print_json(told)
    elif written is None:
        screens.say(f"{draft.kind}/{draft.code} says so already.")
    elif is_open:  # or else a secret may stand in the lines
        screens.say(f"{'wrote' if draft.before is None else 'changed'} {visible(draft.path)}")
        for line in list(difflib.unified_diff(_lines(draft.before), _lines(draft.after), n=1, lineterm=""))[2:]:
            click.echo(visible(line))
        for name, value in replaced.items():
            screens.say(
                f"{name} was not written before: by default it was {visible(render_value(value))}, which no longer counts."
            )
