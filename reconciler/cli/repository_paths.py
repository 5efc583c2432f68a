"""Where a fleet's files stand in their repository: as reviewers see them, and which of them a pull request changes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from reconciler.fleet.diagnostics import Diagnostic
from reconciler.loading.discovery import shown
from reconciler.loading.fleet_directory import Loaded


def changed_first(loaded: Loaded, fleet: Path, base: str) -> tuple[Loaded, int]:
    """Put the problems of files that changed since a git revision first, and say how many these are."""
    from reconciler.git.revisions import GitUnusable, find_repository  # noqa: PLC0415 -- only with --base

    try:
        repository = find_repository(fleet if fleet.is_dir() else Path())
        changed = {shown(path) for path in repository.changed_files(repository.commit(base))}
    except GitUnusable as error:
        raise click.UsageError(f"--base: {error}") from error
    ours = {file for file in {d.range.file for d in loaded.diagnostics} if _names_of(file) & changed}
    first = [each for each in loaded.diagnostics if each.range.file in ours]
    others = [each for each in loaded.diagnostics if each.range.file not in ours]
    return replace(loaded, diagnostics=(*first, *others)), len(first)


def _names_of(file: str) -> set[str]:
    """Return the paths under which git may know a file: a link, and what it leads to."""
    directory, name = os.path.split(file)
    return {os.path.join(os.path.realpath(directory), name), os.path.realpath(file)}  # noqa: PTH118 -- plain texts


def in_repository(diagnostics: Sequence[Diagnostic], fleet: Path) -> tuple[Diagnostic, ...]:
    """Name files from the root of their repository on, as GitHub and GitLab look for them; others stay as they are."""
    root = _root(fleet)
    if root is None:
        return tuple(diagnostics)
    start = os.path.realpath(root)
    return tuple(replace(d, range=replace(d.range, file=_below(start, fleet, d.range.file))) for d in diagnostics)


def _root(fleet: Path) -> str | None:
    """Find the root without git: by what is in it, or as the CI server says."""
    start = Path(os.path.realpath(fleet))
    for directory in (start, *start.parents):
        if (directory / ".git").exists():
            return str(directory)
    return os.environ.get("GITHUB_WORKSPACE") or os.environ.get("CI_PROJECT_DIR")


def _below(root: str, fleet: Path, file: str) -> str:
    # Links that lead to the fleet are none of the repository's paths; those in the fleet's directory are part of them.
    inside = file.removeprefix(os.fspath(fleet))
    is_ours = file != inside and (not inside or inside.startswith(os.sep))
    path = os.path.realpath(fleet) + inside if is_ours else os.path.realpath(file)
    return os.path.relpath(path, root) if path.startswith(f"{root}{os.sep}") else file
