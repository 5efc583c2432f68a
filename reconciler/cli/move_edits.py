"""What `drain` and `rebalance` share: moves as edits of the text, shown as a patch or written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from reconciler.cli import screens
from reconciler.cli.editing import REFUSED, patch, problems_of, write_file
from reconciler.cli.options import Common
from reconciler.editing.fleet_text import FileDraft, FleetText
from reconciler.reports.escapes import visible


def propose(common: Common, moves: Sequence[tuple[str, str]], *, is_written: bool) -> bool:
    """Show the patch by which instances name other servers, or write it; false, with the problems told, if it is not valid.

    Args:
        common: where the fleet is.
        moves: instances by code, each with its new server.
        is_written: write it.
    """
    text = FleetText(common.fleet)
    try:
        drafts = _drafts(text, moves)
    except REFUSED as refusal:
        raise click.ClickException(str(refusal)) from None
    is_open = text.loaded.desired is not None and not text.loaded.desired.settings.allow_literal_secrets
    if drafts and not (is_open or is_written):  # whatever a line is called, a secret may stand in it
        for code, server in moves:
            screens.say(f"instance/{code} would move to {server}.")
        screens.say(
            "No patch is shown: with `allow_literal_secrets` a secret may stand in its lines. --write edits the files."
        )
        return True
    for draft in drafts or ():
        if is_written:
            write_file(draft)
            screens.say(f"changed {visible(draft.path)}")
        else:
            click.echo(patch(text.relative(draft), draft))
    return drafts is not None


def _drafts(text: FleetText, moves: Iterable[tuple[str, str]]) -> list[FileDraft] | None:
    """Edit each file once; None, with the problems told, where the fleet would not be valid."""
    before = text.loaded
    files: dict[str, FileDraft] = {}
    for code, server in moves:
        draft = text.edited("instance", code, [(("server",), server)])
        text.take(draft, text.judge(draft))
        first = files.get(draft.path)
        files[draft.path] = draft if first is None else _joined(first, draft)
    return None if problems_of(before, text.loaded) else list(files.values())


def _joined(first: FileDraft, then: FileDraft) -> FileDraft:
    return FileDraft(first.kind, first.code, first.path, first.before, then.after, then.document)
